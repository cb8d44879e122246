"""Where the time of a pretraining step goes on a processor, beside what the machine itself multiplies.

    python -m benchmarks.step_parts mini baby-10m

Each preset's model takes whole steps on random tokens, in turn, several rounds; the rate of large products in
the same precision is measured between them. Prints a line for each preset, medians of all rounds, and one
JSON line. Operations are counted as `tezgah plan` does: 6 for each weight that multiplies, and attention's.
`watch` is what looking at a step costs (pipeline/training/diagnostics.py), as a share of the
steps in between.
"""

import argparse
import json
import statistics
import time

import torch

from pipeline.cli import estimate
from pipeline.cli import preset as presets
from pipeline.cli.check import AllParams
from pipeline.device.device import DTYPES, autocast, pick_precision
from pipeline.device.memory import tune_allocator
from pipeline.model.decoder import Decoder, initialize
from pipeline.tokenizer.special import FIRST_TEXT_TOKEN
from pipeline.training.diagnostics import GradientStats
from pipeline.training.loss import summed_loss
from pipeline.training.optimizer import Optimizers

PARTS = ("forward", "backward", "clip", "optimisers", "watch")
SIZE = 2048  # of the matrices by which the machine's rate is told
CPU = torch.device("cpu")


def machine_rate(precision: str) -> float:
    """Operations a second of a large product in this precision."""
    a, b = (torch.randn(SIZE, SIZE).to(DTYPES[precision]) for _ in range(2))
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - began)
    return 2 * SIZE**3 / statistics.median(seconds)


class Step:
    """A preset's model and optimizers, to take steps as `train_base` does."""

    def __init__(self, preset: str) -> None:
        self.params: AllParams = presets.check_params_text(presets.apply_presets([preset])[0])
        self.train, self.context = self.params.train, self.params.model.context
        self.model = Decoder(self.params.model, self.params.tokenizer.vocab_size)
        initialize(self.model, 0)
        self.optimizers = Optimizers(self.model, self.train)
        self.optimizers.set_lr_multiplier(0.01)
        self.stats = GradientStats(self.model)
        assert isinstance(self.train.batch_size, int)
        self.rows = self.train.batch_size
        self.passes = self.train.tokens_per_step // (self.rows * self.context)

    def seconds(self, precision: str) -> list[float]:
        """Of each of PARTS, in one whole step."""
        parts = dict.fromkeys(PARTS, 0.0)
        at = time.perf_counter()

        def done(part: str) -> None:
            nonlocal at
            now = time.perf_counter()
            parts[part] += now - at
            at = now

        self.optimizers.zero_grad()
        for _ in range(self.passes):
            ids = torch.randint(FIRST_TEXT_TOKEN, self.model.vocab_size, (self.rows, self.context + 1))
            with autocast(CPU, precision):
                loss = summed_loss(self.model, self.model.hidden_states(ids[:, :-1]), ids[:, 1:])
                loss = loss / self.train.tokens_per_step
            done("forward")
            loss.backward()
            done("backward")
        self.stats.before_step()
        done("watch")
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.train.clip)
        done("clip")
        for optimizer in self.optimizers.all:
            optimizer.step()
        done("optimisers")
        self.stats.after_step()
        done("watch")
        return list(parts.values())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    args = parser.parse_args()
    tune_allocator()
    precision = pick_precision("auto", CPU)
    steps = {name: Step(name) for name in args.presets}
    seconds: dict[str, list[list[float]]] = {name: [] for name in steps}
    rates = [machine_rate(precision)]
    for _ in range(args.rounds):
        for name, step in steps.items():
            step.seconds(precision)
            seconds[name] += [step.seconds(precision) for _ in range(args.steps)]
            rates.append(machine_rate(precision))
    rate, found = statistics.median(rates), {}
    print(f"{precision} products of {SIZE} x {SIZE}: {rate / 1e9:.0f} GFLOP/s")
    for name, step in steps.items():
        parts = dict(zip(PARTS, map(statistics.median, zip(*seconds[name], strict=True)), strict=True))
        watch = parts.pop("watch")
        whole = sum(parts.values())
        reached = estimate.decoder_flops(step.params) * step.train.tokens_per_step
        row = {
            **parts,
            "share_of_rate": reached / (parts["forward"] + parts["backward"]) / rate,
            "optimisers_share": (parts["clip"] + parts["optimisers"]) / whole,
            "watch_share": watch / (whole * step.params.runtime.log_every),
        }
        print(
            f"{name}: {step.train.tokens_per_step:,} tokens  "
            + "  ".join(f"{part} {value * 1e3:.0f} ms" for part, value in parts.items())
            + f"  forward and backward at {row['share_of_rate']:.0%} of that rate, optimisers"
            f" {row['optimisers_share']:.0%} of a step, watch {row['watch_share']:.1%}"
        )
        found[name] = row
    print(json.dumps({"precision": precision, "rate": rate, "presets": found}))


if __name__ == "__main__":
    main()
