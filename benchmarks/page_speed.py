"""Tokens a second of the page that `tezgah export page` writes, in a headless Chromium.

    python -m benchmarks.page_speed models/sft --rounds 7
    python -m benchmarks.page_speed --shape 7x384 --vocab 6144 --rounds 3

The page generates 128 tokens after a prompt of one word, the likeliest each time, and draws the screen in
between as it does for people. What ends an answer is ignored. The first round is the one in which Chromium
still compiles. The others are told as a median and a range. `--shape` makes a model of random weights in
place of a folder. Prints a table and one JSON line.
"""

import argparse
import importlib
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.generation_speed import make_model
from pipeline.export.page import write_page
from pipeline.model.decoder import parameter_count
from pipeline.model.hf_io import load_decoder

NEW = 128  # tokens
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
GENERATE = """async (count) => {
    const { model } = tezgah, config = { ...model.config, stop_ids: [] };
    const prompt = tezgah.tokenizer.encodePrompt([{ role: "user", content: "Merhaba!" }]);
    const plain = Object.assign(Object.create(Object.getPrototypeOf(model)), model, { config });
    plain.forget(0);
    const sampling = { ...config.sampling, temperature: 0 };
    let began = 0, done = -1; // the first token waits for the prompt
    for await (const _ of generate(plain, prompt, sampling, new AbortController().signal)) {
        began ||= performance.now();
        if (++done === count) break;
    }
    return done / ((performance.now() - began) / 1000);
}"""


def measure(page_file: Path, rounds: int) -> tuple[float, list[float], float]:
    """Return the seconds to open the page, and tokens a second of each round."""
    playwright_of = importlib.import_module("playwright.sync_api")  # in the environment of `make test-all`
    with playwright_of.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        began = time.perf_counter()
        page.goto(page_file.as_uri())
        page.wait_for_selector("#send:enabled")
        opened = time.perf_counter() - began
        speeds = [page.evaluate(GENERATE, NEW) for _ in range(rounds + 1)]
        browser.close()
    return opened, speeds[1:], speeds[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", default="models/sft", type=Path)
    parser.add_argument("--shape")
    parser.add_argument("--vocab", type=int, default=6144)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = args.folder
        if args.shape:
            folder = Path(made, "model")
            make_model(args.shape, args.vocab, folder, Path("models/tokenizer"))
        page_file = Path(made, "page.html")
        write_page(page_file, folder, "model")
        parameters, size = parameter_count(load_decoder(folder)), page_file.stat().st_size
        opened, speeds, first = measure(page_file, args.rounds)
    median = statistics.median(speeds)
    print(f"{parameters:,} parameters, {size:,} bytes ({size / parameters:.2f} a parameter)")
    print(f"opened in {opened:.2f} s; first round {first:.0f} tokens/s, then {median:.0f}", end="")
    print(f" ({min(speeds):.0f} to {max(speeds):.0f})")
    row = {"parameters": parameters, "bytes": size, "open_s": opened, "first": first, "speeds": speeds}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
