"""What to look at while a model learns, besides its loss: how strongly each part is pulled and moves."""

import re
from collections import defaultdict

import torch
from torch import Tensor, nn

from pipeline.training import distributed, parallel

LAYER = re.compile(r"layers\.(\d+)\.")
LOOKED_AT = 1 << 16  # numbers of a weight by which its movement is told


def parts(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The weights by part: `embeddings`, `layer_01` …, and `output` (the last norm, an output matrix)."""
    found: dict[str, list[nn.Parameter]] = defaultdict(list)
    for name, weight in model.named_parameters():
        layer = LAYER.search(name)
        part = f"layer_{int(layer[1]) + 1:02}" if layer else "embeddings" if "embed" in name else "output"
        found[part].append(weight)
    return dict(found)


class Watch:
    """Looks at one optimiser step: `before` it, once its gradients are there, and `after` it."""

    def __init__(self, model: nn.Module, sharded: bool = False) -> None:
        """`sharded`: every process holds a shard of each weight, and looks at that."""
        self.parts, self.sharded = parts(model), sharded
        self.gradients: dict[str, Tensor] = {}
        self.weights: dict[str, Tensor] = {}
        self.seen: dict[str, float] = {}

    @torch.no_grad()
    def before(self) -> None:
        """Remember gradients' norms and some of the weights."""
        self.gradients = {
            part: self.norm([weight.grad for weight in weights if weight.grad is not None])
            for part, weights in self.parts.items()
        }
        self.weights = {part: some(weights) for part, weights in self.parts.items()}

    @torch.no_grad()
    def after(self) -> None:
        """Put into `seen` what the step did to each part.

        `gradient_norm/<part>` is the norm of its gradient (of nats a token), before it was clipped;
        `update/<part>` how far its weights have moved, as a share of their own norm.
        """
        found = {f"gradient_norm/{part}": value for part, value in self.gradients.items()}
        for part, old in self.weights.items():
            moved = self.norm([some(self.parts[part]) - old])
            found[f"update/{part}"] = moved / self.norm([old]).clamp(min=1e-12)
        self.seen = {name: value.item() for name, value in found.items()}

    def norm(self, tensors: list[Tensor]) -> Tensor:
        """The norm of several tensors as if they were one vector; of shards, that of the whole."""
        if not tensors:
            return torch.zeros(())
        squares = torch.stack([parallel.local(each).float().square().sum() for each in tensors]).sum()
        return (distributed.summed(squares) if self.sharded else squares).sqrt()


def some(weights: list[nn.Parameter]) -> Tensor:
    """A copy of the first numbers of every weight, one after another."""
    return torch.cat([parallel.local(weight).flatten()[:LOOKED_AT].float() for weight in weights])
