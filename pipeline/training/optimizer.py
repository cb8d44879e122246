"""Which optimiser updates which weight."""

from collections import defaultdict
from typing import Any

import torch
from torch import nn

from pipeline.training.muon import Muon
from pipeline.training.params import LoopParams

# Below the gradients of rare tokens, which a larger one would slow down.
EPSILON = 1e-10


class Optimizers:
    """One or two optimisers that step together."""

    def __init__(self, model: nn.Module, settings: LoopParams) -> None:
        """Sort the weights of `model` by kind.

        Muon fits matrices between hidden vectors; embeddings and the output matrix, whose rows are
        separate tokens, and vectors stay with AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101).
        Weight decay is for hidden matrices alone.
        """
        hidden: dict[str, nn.Parameter] = {}
        others: list[nn.Parameter] = []
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and not ("embed" in name or name.startswith("lm_head")):
                hidden[name] = weight
            else:
                others.append(weight)
        betas = (settings.beta1, settings.beta2)
        self.all: list[torch.optim.Optimizer] = []
        adamw_groups: list[dict[str, Any]] = [{"params": others, "weight_decay": 0.0}]
        if settings.optimizer == "muon":
            self.all.append(
                Muon(
                    by_heads(model, hidden),
                    lr=settings.matrix_learning_rate,
                    momentum=settings.momentum,
                    weight_decay=settings.weight_decay,
                )
            )
        else:
            adamw_groups.append({"params": list(hidden.values()), "weight_decay": settings.weight_decay})
        # One pass over a weight in place of ten; elsewhere torch's own choice.
        fused = others[0].device.type in ("cuda", "cpu") or None
        self.all.append(
            torch.optim.AdamW(adamw_groups, lr=settings.learning_rate, betas=betas, eps=EPSILON, fused=fused)
        )
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["highest_lr"] = group["lr"]

    def set_rate(self, share: float) -> None:
        """Set every learning rate to this share of its highest."""
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["lr"] = share * group["highest_lr"]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for optimizer in self.all:
            optimizer.zero_grad(set_to_none=True)

    def allocate(self) -> None:
        """Make what a first step makes, moments of zero, if there has been none; changes no weight."""
        if any(optimizer.state for optimizer in self.all):
            return
        self.set_rate(0.0)
        for optimizer in self.all:
            for group in optimizer.param_groups:
                for weight in group["params"]:
                    weight.grad = torch.zeros_like(weight)
            optimizer.step()
        self.zero_grad()

    def state_dict(self) -> list[dict[str, Any]]:
        """For a checkpoint."""
        return [optimizer.state_dict() for optimizer in self.all]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """From a checkpoint, perhaps of another device: how AdamW is computed stays this one's choice."""
        for optimizer, state in zip(self.all, states, strict=True):
            for own, group in zip(optimizer.param_groups, state["param_groups"], strict=True):
                group.update({key: own[key] for key in ("fused", "foreach") if key in own})
            optimizer.load_state_dict(state)


def by_heads(model: nn.Module, matrices: dict[str, nn.Parameter]) -> list[dict[str, Any]]:
    """Groups for Muon: matrices whose rows belong to heads of attention, whose columns do, and others."""
    pieces: dict[str, tuple[int, int]] = {}  # rows and columns
    for name, module in model.named_modules():
        if hasattr(module, "q_proj"):  # a decoder's attention
            pieces |= {f"{name}.{kind}_proj.weight": (module.head_dim, 0) for kind in "qkv"}
            pieces[f"{name}.o_proj.weight"] = (0, module.head_dim)
    groups: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
    for name, matrix in matrices.items():
        groups[pieces.get(name, (0, 0))].append(matrix)
    return [{"params": group, "rows": rows, "columns": columns} for (rows, columns), group in groups.items()]
