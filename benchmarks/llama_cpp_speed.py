"""Generated tokens a second beside llama.cpp, which reads the GGUF files that we export.

    make .venv-llama/.installed
    python -m benchmarks.llama_cpp_speed models/sft --types f32 q8_0 --rounds 7

Both have two threads and one text at a time: 30 random tokens, and the 64 likeliest after them. llama.cpp
runs in .venv-llama, in a process of its own that waits while we generate, and we wait for it. fp32 is
compared with f32, and `--int8` of ours with q8_0. A ratio is that of the two runs of a round, and medians are
told. Prints a table and one JSON line.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.generation_speed import NEW, draw_prompts
from pipeline.export.gguf import write_gguf
from pipeline.inference.generate import generate
from pipeline.model.hf_io import load_decoder

PYTHON = Path(".venv-llama/bin/python")
THREADS = 2
# Reads a prompt a line, and answers with the seconds that it took.
SERVE = f"""
import json, sys, time
from llama_cpp import Llama
model = Llama(sys.argv[1], n_ctx=256, n_threads={THREADS}, n_threads_batch={THREADS}, verbose=False)
for line in sys.stdin:
    began, ids = time.perf_counter(), []
    model.reset()
    for token in model.generate(json.loads(line), temp=0.0, top_k=1, repeat_penalty=1.0):
        ids.append(token)
        if len(ids) == {NEW}:
            break
    print(json.dumps([time.perf_counter() - began, ids]), flush=True)
"""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("models/sft"))
    parser.add_argument("--types", nargs="*", default=["f32", "q8_0"])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    model, rows = load_decoder(args.folder), []
    print("| type | tokens a second, here | llama.cpp | ratio | texts alike |\n|---|---|---|---|---|")
    for type in args.types:
        with tempfile.TemporaryDirectory() as made:
            path = Path(made, "model.gguf")
            write_gguf(path, args.folder, type, "model")
            command = [PYTHON, "-c", SERVE, path]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
                assert other.stdin
                assert other.stdout
                seconds, alike = [], 0
                for number, prompt in enumerate(draw_prompts(args.rounds + 1, model.vocab_size, 1)):
                    began = time.perf_counter()
                    (own,) = generate(
                        model, [prompt], max_new_tokens=NEW, forbidden_ids=(), int8=type == "q8_0"
                    )
                    here = time.perf_counter() - began
                    print(json.dumps(prompt), file=other.stdin, flush=True)
                    there, ids = json.loads(other.stdout.readline())
                    if number:  # the first round warms up
                        seconds.append((here, there))
                        alike += own == ids
                other.stdin.close()
        here, there = (NEW / statistics.median(column) for column in zip(*seconds, strict=True))
        ratio = statistics.median(b / a for a, b in seconds)
        rows.append({"type": type, "here": here, "llama_cpp": there, "ratio": ratio, "alike": alike})
        print(f"| {type} | {here:,.0f} | {there:,.0f} | **{ratio:.2f}** | {alike} of {args.rounds} |")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
