"""Which optimiser updates which weight."""

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
        hidden: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, weight in model.named_parameters():
            of_tokens = "embed" in name or name.startswith("lm_head")
            (hidden if weight.ndim == 2 and not of_tokens else others).append(weight)
        betas = (settings.beta1, settings.beta2)
        self.all: list[torch.optim.Optimizer] = []
        adamw_groups: list[dict[str, Any]] = [{"params": others, "weight_decay": 0.0}]
        if settings.optimizer == "muon":
            self.all.append(
                Muon(
                    hidden,
                    lr=settings.matrix_learning_rate,
                    momentum=settings.momentum,
                    weight_decay=settings.weight_decay,
                )
            )
        else:
            adamw_groups.append({"params": hidden, "weight_decay": settings.weight_decay})
        # One kernel for all weights; elsewhere torch's own choice, which on a processor is one after another.
        fused = True if others[0].is_cuda else None
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
