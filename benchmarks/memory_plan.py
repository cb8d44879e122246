"""How near `tezgah plan` comes to the memory that a pretraining step takes.

    python -m benchmarks.memory_plan

Each shape takes three steps of two forward passes in a process of its own. On a GPU the peak of PyTorch's
allocator stands beside the plan; on a processor the highest memory of the whole process beside the plan with
what libraries hold. Prints a table for people and one JSON line for machines.
"""

import argparse
import json
import subprocess
import sys

# preset, batch, layers computed anew, stretches of the loss
CASES = [
    ("mini", 8, False, 1),
    ("mini", 16, False, 1),
    ("mini", 32, False, 8),
    ("mini", 32, True, 8),
    ("baby-10m", 16, False, 1),
    ("baby-10m", 16, True, 1),
    ("baby-10m", 16, False, 8),
    ("baby-10m", 16, True, 8),
    ("modern-42m", 2, False, 1),
    ("modern-42m", 4, True, 8),
    ("tanai-42m", 2, False, 1),
    ("llama-134m", 1, False, 1),
    ("llama-134m", 4, True, 8),
]
PASSES = 2


def measure(preset: str, batch_size: int, checkpointing: bool, loss_chunks: int) -> dict[str, float]:
    """GiB that the plan says, and GiB that a step took, of one preset."""
    from pipeline.autobatch.memory_plan import ON_CPU, plan_memory
    from pipeline.autobatch.probe import time_random_step
    from pipeline.cli import preset as presets
    from pipeline.device.device import pick_device, pick_precision
    from pipeline.device.memory import tune_allocator
    from pipeline.model.decoder import Decoder, initialize
    from pipeline.training.optimizer import Optimizers
    from pipeline.training.progress import peak_memory_gib

    text, _ = presets.apply_presets([preset])
    params = presets.check_params_text(text)
    settings = params.train.model_copy(update={"checkpointing": checkpointing, "loss_chunks": loss_chunks})
    vocab_size = params.tokenizer.vocab_size
    device = pick_device("auto")
    precision = pick_precision("auto", device)
    tune_allocator()
    model = Decoder(params.model, vocab_size)
    initialize(model, 0)
    model.set_activation_checkpointing(checkpointing)
    model.to(device)
    optimizers = Optimizers(model, settings)
    shape = batch_size, params.model.context
    for _ in range(3):
        time_random_step(model, optimizers, *shape, precision, PASSES, loss_chunks)
    taken = peak_memory_gib(device)  # before the plan, which takes some itself
    on_cpu = device.type == "cpu"
    planned = plan_memory(params.model, vocab_size, settings, batch_size, precision, on_cpu, PASSES)
    whole = planned.with_overhead(ON_CPU) if on_cpu else planned.total
    return {"planned_gib": whole / 2**30, "taken_gib": taken, "on_cpu": on_cpu}


def main() -> None:
    """Measure one shape in this process, or all in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--one", type=int, metavar="CASE", help="this case alone, counted from 0")
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(*CASES[options.one])))
        return
    rows = []
    for number, (preset, batch_size, checkpointing, loss_chunks) in enumerate(CASES):
        command = [sys.executable, "-m", "benchmarks.memory_plan", "--one", str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        row = json.loads(done.stdout)
        rows.append(
            {
                "preset": preset,
                "batch_size": batch_size,
                "checkpointing": checkpointing,
                "loss_chunks": loss_chunks,
                **row,
            }
        )
        planned, taken = row["planned_gib"], row["taken_gib"]
        knobs = f"{'checkpointing' if checkpointing else '':13} loss in {loss_chunks}"
        size = f"planned {planned:6.2f} GiB  taken {taken:6.2f} GiB  {planned / taken:.2f}"
        print(f"{preset:12} batch {batch_size:3}  {knobs}  {size}", flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
