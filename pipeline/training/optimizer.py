"""The optimizers of a model: Muon for hidden matrices, AdamW for the rest, or AdamW for all."""

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.training.muon import Muon
from pipeline.training.params import DecoderLoopParams, LoopParams

# Small enough not to damp the gradients of rare tokens.
ADAMW_EPSILON = 1e-10


class Optimizers:
    """One or two optimizers that step together."""

    def __init__(self, model: nn.Module, params: LoopParams) -> None:
        """Give each weight of `model` that is not frozen its optimizer.

        Muon fits matrices between hidden vectors. Embeddings and the output matrix, whose rows are separate
        tokens, and vectors use AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101). Only hidden matrices have
        weight decay.
        """
        hidden: dict[str, nn.Parameter] = {}
        others: list[nn.Parameter] = []
        for name, weight in model.named_parameters():
            if not weight.requires_grad:
                continue
            if weight.ndim == 2 and not ("embed" in name or name.startswith("lm_head")):
                hidden[name] = weight
            else:
                others.append(weight)
        betas = (params.beta1, params.beta2)
        self.all: list[torch.optim.Optimizer] = []
        adamw_groups: list[dict[str, Any]] = [{"params": others, "weight_decay": 0.0}] if others else []
        if isinstance(params, DecoderLoopParams) and params.optimizer == "muon":
            self.all.append(
                Muon(
                    group_by_heads(model, hidden),
                    lr=params.matrix_learning_rate,
                    momentum=params.momentum,
                    weight_decay=params.weight_decay,
                )
            )
        else:
            adamw_groups.append({"params": list(hidden.values()), "weight_decay": params.weight_decay})
        # Fused: one pass over a weight instead of ten. Other devices: torch's own choice.
        fused = next(model.parameters()).device.type in ("cuda", "cpu") or None
        self.all.append(
            torch.optim.AdamW(
                adamw_groups, lr=params.learning_rate, betas=betas, eps=ADAMW_EPSILON, fused=fused
            )
        )
        self.lr_multiplier = 1.0  # of all peak learning rates
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["peak_lr"] = group["lr"]

    def set_lr_multiplier(self, multiplier: float) -> None:
        """Set every learning rate to `multiplier` times its peak."""
        self.lr_multiplier = multiplier
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["lr"] = multiplier * group["peak_lr"]

    def zero_grad(self) -> None:
        """Set all gradients to None."""
        for optimizer in self.all:
            optimizer.zero_grad(set_to_none=True)

    def unscale(self, scaler: torch.amp.GradScaler) -> None:
        """Divide all gradients by the scale of the loss, which is 1 but for fp16."""
        for optimizer in self.all:
            scaler.unscale_(optimizer)

    def step(self, scaler: torch.amp.GradScaler, norm: Tensor) -> None:
        """Update all weights. For fp16, where `norm` is not finite, gradients overflowed: none is updated.

        The scaler alone would skip only the optimizer whose own gradients overflowed.
        """
        if not scaler.is_enabled() or norm.isfinite():
            for optimizer in self.all:
                scaler.step(optimizer)
        scaler.update()

    def allocate(self) -> None:
        """Allocate the optimizer states, moments of zero, as the first step does. Changes no weight."""
        if any(optimizer.state for optimizer in self.all):
            return
        self.set_lr_multiplier(0.0)
        for optimizer in self.all:
            for group in optimizer.param_groups:
                for weight in group["params"]:
                    weight.grad = torch.zeros_like(weight)
            optimizer.step()
        self.zero_grad()

    def state_dict(self) -> list[dict[str, Any]]:
        """Return what a checkpoint keeps."""
        return [optimizer.state_dict() for optimizer in self.all]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Load the states of a checkpoint, perhaps of another device. Keep own `fused` and `foreach`."""
        for optimizer, state in zip(self.all, states, strict=True):
            for own_group, group in zip(optimizer.param_groups, state["param_groups"], strict=True):
                group.update({key: own_group[key] for key in ("fused", "foreach") if key in own_group})
            optimizer.load_state_dict(state)


def group_by_heads(model: nn.Module, matrices: dict[str, nn.Parameter]) -> list[dict[str, Any]]:
    """Return Muon's groups: matrices with attention heads in their rows, in their columns, and others."""
    blocks: dict[str, tuple[int, int]] = {}  # name to rows and columns of a head's block
    for name, module in model.named_modules():
        if hasattr(module, "q_proj"):  # a decoder's attention
            blocks |= {f"{name}.{kind}_proj.weight": (module.head_dim, 0) for kind in "qkv"}
            blocks[f"{name}.o_proj.weight"] = (0, module.head_dim)
    groups: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
    for name, matrix in matrices.items():
        groups[blocks.get(name, (0, 0))].append(matrix)
    return [
        {"params": group, "block_rows": rows, "block_columns": columns}
        for (rows, columns), group in groups.items()
    ]
