"""How fast a pretraining step is with the default model, and what each choice of the program brings.

`python benchmarks/train_step.py` runs every variant in a process of its own, round by round, prints
a table of medians for people and one JSON line for machines.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

VARIANTS = {
    "as shipped": [],
    "fp32": ["--precision", "fp32"],
    "freed memory returned to the kernel": ["--no-keep-memory"],
}


def measure(precision: str, keep: bool, steps: int) -> float:
    """Median seconds of a step: forward, backward and optimisers."""
    import torch

    from pipeline import params
    from pipeline.model.decoder import Decoder, initialise
    from pipeline.model.params import ModelParams
    from pipeline.training.allocator import keep_memory
    from pipeline.training.device import autocast, pick_device, precision_of, synchronise
    from pipeline.training.loss import summed_loss
    from pipeline.training.optim import Optimizers
    from pipeline.training.params import TrainParams

    if keep:
        keep_memory()
    shape, settings = params.load("model", ModelParams), params.load("train", TrainParams)
    device = pick_device("auto")
    model = Decoder(shape, vocab_size=4096)
    initialise(model, 0)
    model.to(device)
    optimizers = Optimizers(model, settings)
    ids = torch.randint(8, 4096, (settings.batch_size, shape.context + 1)).to(device)
    seconds = []
    for _ in range(steps + 2):
        began = time.perf_counter()
        optimizers.zero_grad()
        with autocast(device, precision_of(precision, device)):
            loss = summed_loss(model, ids[:, :-1], ids[:, 1:]) / ids[:, 1:].numel()
        loss.backward()
        for optimizer in optimizers.all:
            optimizer.step()
        synchronise(device)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[2:])


def main() -> None:
    """Run one variant, or all of them in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--no-keep-memory", action="store_true")
    parser.add_argument("--one", action="store_true", help="measure this variant alone, in this process")
    args = parser.parse_args()
    if args.one:
        print(measure(args.precision, not args.no_keep_memory, args.steps))
        return
    found: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(args.rounds):
        for name, flags in VARIANTS.items():
            command = [
                sys.executable,
                "-m",
                "benchmarks.train_step",
                "--one",
                "--steps",
                str(args.steps),
                *flags,
            ]
            found[name].append(
                float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            )
    shipped = found["as shipped"]
    rows = {}
    for name, seconds in found.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, shipped, strict=True))
        rows[name] = {"seconds": statistics.median(seconds), "times_as_shipped": ratio}
        print(f"{name:40} {rows[name]['seconds']:.3f} s a step   {ratio:.2f} x")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
