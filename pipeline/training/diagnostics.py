"""Diagnostics of training besides the loss: per-layer gradient norms and update/weight ratios."""

import re
from collections import defaultdict

import torch
from torch import Tensor, nn

from pipeline.training import distributed, parallel

LAYER = re.compile(r"layers\.(\d+)\.")
SAMPLED_VALUES = 1 << 16  # values of each weight by which its update is measured


def group_parameters(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Group the weights by part: `embeddings`, `layer_01` …, and `output` (last norm, output matrix)."""
    groups: dict[str, list[nn.Parameter]] = defaultdict(list)
    for name, weight in model.named_parameters():
        layer = LAYER.search(name)
        part = f"layer_{int(layer[1]) + 1:02}" if layer else "embeddings" if "embed" in name else "output"
        groups[part].append(weight)
    return dict(groups)


class GradientStats:
    """Measures one optimizer step: `before_step`, once its gradients are computed, and `after_step`."""

    def __init__(self, model: nn.Module, sharded: bool = False) -> None:
        """`sharded`: every process holds a shard of each weight and measures that."""
        self.groups, self.sharded = group_parameters(model), sharded
        self.gradient_norms: dict[str, Tensor] = {}
        self.old_weights: dict[str, Tensor] = {}
        self.metrics: dict[str, float] = {}

    @torch.no_grad()
    def before_step(self) -> None:
        """Keep the norms of the gradients, and a sample of the weights."""
        self.gradient_norms = {
            part: self.global_norm([weight.grad for weight in weights if weight.grad is not None])
            for part, weights in self.groups.items()
        }
        self.old_weights = {part: sample_weights(weights) for part, weights in self.groups.items()}

    @torch.no_grad()
    def after_step(self) -> None:
        """Compute `metrics` of the step for each part.

        `gradient_norm/<part>` is the norm of its gradient (of nats a token) before clipping. `update/<part>`
        is the norm of the update divided by that of the weights.
        """
        metrics = {f"gradient_norm/{part}": value for part, value in self.gradient_norms.items()}
        for part, old in self.old_weights.items():
            update_norm = self.global_norm([sample_weights(self.groups[part]) - old])
            metrics[f"update/{part}"] = update_norm / self.global_norm([old]).clamp(min=1e-12)
        self.metrics = {name: value.item() for name, value in metrics.items()}

    def global_norm(self, tensors: list[Tensor]) -> Tensor:
        """Return the norm of tensors as if they were one vector. Shards are summed over all processes."""
        if not tensors:
            return torch.zeros(())
        squares = torch.stack(
            [parallel.local_shard(tensor).float().square().sum() for tensor in tensors]
        ).sum()
        return (distributed.all_reduce_sum(squares) if self.sharded else squares).sqrt()


def sample_weights(weights: list[nn.Parameter]) -> Tensor:
    """Return a copy of the first SAMPLED_VALUES values of every weight, concatenated."""
    return torch.cat([parallel.local_shard(weight).flatten()[:SAMPLED_VALUES].float() for weight in weights])
