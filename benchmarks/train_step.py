"""What a pretraining step of the default model costs, and what the program's choices bring.

    python -m benchmarks.train_step

Runs every variant in a process of its own, in turn, several rounds; prints a table of medians for
people and one JSON line for machines.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys

VARIANTS = {
    "as shipped": [],
    "fp32": ["--precision", "fp32"],
    "libraries' own memory settings": ["--default-memory"],
    "torch's own Muon, always bf16": ["--torch-muon"],
    "fused attention": ["--fused-attention"],
    "torch's own norms": ["--torch-norms"],
    "torch's own loss": ["--torch-loss"],
    "AdamW in many passes": ["--plain-adamw"],
    "all three of these": ["--torch-norms", "--torch-loss", "--plain-adamw"],
    "batches of varying length": ["--varied"],
    "the same, libraries' own memory settings": ["--varied", "--default-memory"],
}


def measure(
    precision: str,
    default_memory: bool,
    varied: bool,
    torch_muon: bool,
    fused_attention: bool,
    torch_norms: bool,
    torch_loss: bool,
    plain_adamw: bool,
    steps: int,
) -> dict[str, float]:
    """Median seconds of a step (forward, backward, optimizers) and peak memory of the process."""
    import torch
    import torch.nn.functional as F

    from pipeline.autobatch.probe import time_random_step
    from pipeline.common.params import load_section
    from pipeline.device.device import pick_device, pick_precision
    from pipeline.device.memory import tune_allocator
    from pipeline.model import cpu_kernels
    from pipeline.model.config import ModelParams
    from pipeline.model.decoder import Decoder, initialize
    from pipeline.model.norm import RMSNorm
    from pipeline.tokenizer_training.params import TokenizerParams
    from pipeline.training import loss
    from pipeline.training.optimizer import Optimizers
    from pipeline.training.params import TrainParams
    from pipeline.training.progress import peak_memory_gib

    if not default_memory:
        tune_allocator()
    shape, settings = load_section("model", ModelParams), load_section("train", TrainParams)
    device = pick_device("auto")
    precision = pick_precision(precision, device)
    model = Decoder(shape, load_section("tokenizer", TokenizerParams).vocab_size)
    initialize(model, 0)
    model.to(device)
    if fused_attention:
        cpu_kernels.MAX_CONTEXT = 0
    if torch_norms:
        RMSNorm.forward = lambda self, x: F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)
    if torch_loss:
        cpu_kernels.InPlaceCrossEntropy.apply = loss.cross_entropy
    optimizers = Optimizers(model, settings)
    if plain_adamw:
        optimizers.all[-1].param_groups[0]["fused"] = None
    if torch_muon:
        matrices = [matrix for group in optimizers.all[0].param_groups for matrix in group["params"]]
        optimizers.all[0] = torch.optim.Muon(matrices, lr=settings.matrix_learning_rate)
    lengths = random.Random(0)
    seconds = []
    for _ in range(steps + 2):
        length = lengths.randrange(shape.context // 8, shape.context) if varied else shape.context
        seconds.append(time_random_step(model, optimizers, settings.batch_size, length, precision))
    return {"seconds": statistics.median(seconds[2:]), "peak_gib": peak_memory_gib(device)}


def main() -> None:
    """Run one variant in this process, or all of them in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--default-memory", action="store_true")
    parser.add_argument("--varied", action="store_true")
    parser.add_argument("--torch-muon", action="store_true")
    parser.add_argument("--fused-attention", action="store_true")
    parser.add_argument("--torch-norms", action="store_true")
    parser.add_argument("--torch-loss", action="store_true")
    parser.add_argument("--plain-adamw", action="store_true")
    parser.add_argument("--one", action="store_true", help="measure this variant alone, in this process")
    args = parser.parse_args()
    if args.one:
        settings = {key: value for key, value in vars(args).items() if key not in ("one", "rounds")}
        print(json.dumps(measure(**settings)))
        return
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
    for _ in range(args.rounds):
        for name, flags in VARIANTS.items():
            command = [
                sys.executable,
                "-m",
                "benchmarks.train_step",
                "--one",
                f"--steps={args.steps}",
                *flags,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rounds[name].append(json.loads(done.stdout))
    medians = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for name, runs in rounds.items()
    }
    for name, row in medians.items():
        print(f"{name:42} {row['seconds']:.3f} s a step   {row['peak_gib']:.2f} GiB")
    print(json.dumps(medians))


if __name__ == "__main__":
    main()
