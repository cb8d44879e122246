"""A server under load: many clients, each of which asks again as soon as it has its answer.

    python -m benchmarks.serve_load models/base --clients 64 --minutes 10

Starts `tezgah serve` and asks for continuations of 64 tokens of 30 tokens from data/shards/val, as streams.
Tells errors, tokens a second, the wait for the first token, the slowest client's share of the mean's tokens,
and the server's memory: its highest after the first minute beside its lowest. At the end a client is killed
in the middle of an answer, and the seconds until its slot is free are told. Prints a table and one JSON line.
"""

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import psutil

from pipeline.shards.format import Shards
from pipeline.tokenizer.tokenizer import Tokenizer

PROMPT, NEW = 30, 64  # tokens
LOOK = 5.0  # seconds between two looks at the memory


def read_prompts(folder: Path, count: int) -> list[str]:
    """Return texts of about PROMPT tokens from the validation shards."""
    shards, tokenizer = Shards("data/shards/val"), Tokenizer.load(folder)
    starts = np.random.default_rng(0).integers(0, shards.tokens - PROMPT, count)
    return [tokenizer.decode(shards.read(start, start + PROMPT - 1).tolist()) for start in starts]


async def ask(client: httpx2.AsyncClient, prompt: str, seed: int) -> tuple[int, float]:
    """Return the tokens of an answer and the seconds until its first piece. Raises for an error."""
    body = {"prompt": prompt, "max_tokens": NEW, "temperature": 1.0, "seed": seed, "stream": True}
    body["stream_options"] = {"include_usage": True}
    began, first, tokens = time.perf_counter(), 0.0, 0
    async with client.stream("POST", "/v1/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            first = first or time.perf_counter() - began
            if line.startswith("data: {"):
                event = json.loads(line[len("data: ") :])
                if "error" in event:
                    raise RuntimeError(event["error"]["message"])
                tokens = event.get("usage", {}).get("completion_tokens", tokens)
    return tokens, first


async def run(url: str, process: psutil.Process, prompts: list[str], clients: int, seconds: float) -> Any:
    """Return the figures of a closed loop of clients."""
    end = time.monotonic() + seconds
    tokens, waits, errors = [0] * clients, [], []
    memory: list[tuple[float, int]] = []

    async def loop(number: int) -> None:
        async with httpx2.AsyncClient(base_url=url, timeout=120) as client:
            turn = 0
            while time.monotonic() < end:
                turn += 1
                try:
                    said, first = await ask(client, prompts[(number + turn) % len(prompts)], turn)
                except Exception as error:
                    errors.append(f"{type(error).__name__}: {error}")
                    continue
                tokens[number] += said
                waits.append(first)

    async def watch() -> None:
        while time.monotonic() < end:
            memory.append((seconds - (end - time.monotonic()), process.memory_info().rss))
            await asyncio.sleep(LOOK)

    await asyncio.gather(watch(), *map(loop, range(clients)))
    later = [size for at, size in memory if at >= min(60.0, seconds / 2)]
    return {
        "clients": clients,
        "seconds": seconds,
        "answers": len(waits),
        "errors": len(errors),
        "first_error": errors[0] if errors else None,
        "tokens_per_second": sum(tokens) / seconds,
        "first_token_median": statistics.median(waits),
        "first_token_95": float(np.quantile(waits, 0.95)),
        "slowest_share": min(tokens) / statistics.mean(tokens),
        "memory_start_mb": memory[0][1] / 1e6,
        "memory_lowest_mb": min(later) / 1e6,
        "memory_highest_mb": max(later) / 1e6,
    }


async def seconds_until_free(url: str, prompt: str) -> float:
    """Return how long the slot of a client that left is taken."""
    async with httpx2.AsyncClient(base_url=url) as client:
        body = {"prompt": prompt, "max_tokens": 200, "temperature": 2.0, "stream": True}
        async with client.stream("POST", "/v1/completions", json=body) as response:
            async for _ in response.aiter_lines():
                break
        left = time.perf_counter()
        while (await client.get("/health")).json()["running"]:
            await asyncio.sleep(0.005)
        return time.perf_counter() - left


def main() -> None:
    """Run the load, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("models/base"))
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=10.0)
    args = parser.parse_args()
    command = [sys.executable, "-m", "pipeline.cli", "serve", str(args.folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+?:\d+", server.stdout.readline())
        assert found is not None
        prompts = read_prompts(args.folder, 256)
        process = psutil.Process(server.pid)
        figures = asyncio.run(run(found[0], process, prompts, args.clients, 60 * args.minutes))
        figures["seconds_until_free"] = asyncio.run(seconds_until_free(found[0], prompts[0]))
        server.terminate()
    for name, value in figures.items():
        print(f"| {name} | {value:,.3f} |" if isinstance(value, float) else f"| {name} | {value} |")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
