"""How near `tezgah plan` comes to the memory that a pretraining step takes.

    python -m benchmarks.memory_plan

Each shape takes three steps in a process of its own, whose highest memory, less what it held before the model
was built, stands beside the plan. On a GPU the allocator's own peak is read. Prints a table for people and
one JSON line for machines.
"""

import argparse
import json
import subprocess
import sys

PRESETS = {
    "mini": 8,
    "mini, twice the batch": 16,
    "baby-10m": 8,
    "modern-42m": 2,
    "tanai-42m": 2,
    "llama-134m": 1,
}


def measure(preset: str, batch_size: int) -> dict[str, float]:
    """GiB that the plan says, and GiB that a step took, of one preset."""
    import resource

    import torch

    from pipeline import preset as presets
    from pipeline.model.decoder import Decoder, initialise
    from pipeline.training.device import pick_device, precision_of
    from pipeline.training.memory import keep_memory
    from pipeline.training.memory_plan import plan
    from pipeline.training.optim import Optimizers
    from pipeline.training.probe import random_step

    text, _ = presets.apply([preset])
    params = presets.checked(text)
    device = pick_device("auto")
    precision = precision_of("auto", device)
    keep_memory()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = Decoder(params.model, params.tokenizer.vocab_size)
    initialise(model, 0)
    model.to(device)
    optimizers = Optimizers(model, params.train)
    for _ in range(3):
        random_step(model, optimizers, batch_size, params.model.context, precision)
    if device.type == "cuda":
        taken = torch.cuda.max_memory_allocated(device)
    else:
        taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    on_cpu = device.type == "cpu"
    planned = plan(
        params.model, params.tokenizer.vocab_size, params.train, batch_size, precision, on_cpu
    ).total
    return {"planned_gib": planned / 2**30, "taken_gib": taken / 2**30}


def main() -> None:
    """Measure one shape in this process, or all in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--one", nargs=2, metavar=("PRESET", "BATCH"))
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]))))
        return
    rows = {}
    for label, batch_size in PRESETS.items():
        command = [
            sys.executable,
            "-m",
            "benchmarks.memory_plan",
            "--one",
            label.split(",")[0],
            str(batch_size),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows[label] = {"batch_size": batch_size, **json.loads(done.stdout)}
        planned, taken = rows[label]["planned_gib"], rows[label]["taken_gib"]
        size = f"planned {planned:6.2f} GiB  taken {taken:6.2f} GiB  {planned / taken:.2f}"
        print(f"{label:22} batch {batch_size:3}  {size}")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
