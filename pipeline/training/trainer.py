"""How one optimiser step changes a model."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pipeline.training.compiling import plainly
from pipeline.training.device import autocast, precision_of
from pipeline.training.memory import keep_memory
from pipeline.training.optim import Optimizers
from pipeline.training.params import LoopParams
from pipeline.training.watch import Watch

LAG = {"cuda": 1}  # by device: steps whose figures are not waited for, so that it always has work queued


class Task(Protocol):
    """What is learned, from what."""

    unit: str  # what speed counts: tokens, pairs, …
    units_per_step: int
    batch_size_key: str  # the param to lower when memory runs out
    batch_size: int  # its value

    @property
    def compile(self) -> Callable[[nn.Module], None] | None:
        """Compiles what all forward passes call with the same shapes; None where shapes vary."""

    def micro_batches(self, step: int) -> Sequence[Any]:
        """All that optimiser step `step` reads, one element a forward pass: a function of the step alone."""

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """This forward pass's share of the step's loss; the shares add up to it."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Figures on validation data, `val_loss` among them."""


class Diverged(ArithmeticError):
    """A loss or a gradient of optimiser step `step`, counted from 0, that is no number any more."""

    def __init__(self, step: int, loss: float, norm: float) -> None:
        super().__init__(f"loss {loss}, gradient norm {norm}")
        self.step, self.loss, self.norm = step, loss, norm


class Figures:
    """Loss and gradient norm of a step, on their way from the device."""

    def __init__(self, step: int, loss: Tensor, norm: Tensor) -> None:
        self.step = step
        # To memory that the GPU writes by itself; nobody waits here.
        self.values = torch.stack([loss, norm]).to("cpu", non_blocking=loss.is_cuda)
        self.there = torch.cuda.current_stream(loss.device).record_event() if loss.is_cuda else None

    def read(self) -> tuple[float, float]:
        """Both, once they are there."""
        if self.there:
            self.there.synchronize()
        loss, norm = self.values.tolist()
        return loss, norm


class Trainer:
    """A model, its task and its optimisers."""

    def __init__(self, model: nn.Module, task: Task, settings: LoopParams, device: torch.device) -> None:
        keep_memory()
        self.device = device
        self.precision = precision_of(settings.precision, device)
        self.model = model.to(device)
        self.task, self.settings = task, settings
        self.optimizers = Optimizers(model, settings)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "fp16")
        self.unread: list[Figures] = []

    def update(self, step: int, share: float, watch: Watch | None = None) -> list[float]:
        """Take optimiser step `step` at this share of the highest learning rates.

        Returns the losses that have become known, in their order: on a processor this step's; on a GPU that
        of the step before, so that the next one can be queued while this one runs. A `watch` is shown what
        the step does.

        Raises Diverged: on a processor with the weights as they were before that step, on a GPU perhaps a
        step later. `settled` comes before weights are kept or shown.
        """
        self.model.train()
        self.optimizers.set_rate(share)
        self.optimizers.zero_grad()
        loss = torch.zeros((), device=self.device)
        for batch in self.task.micro_batches(step):
            with autocast(self.device, self.precision):
                part = self.task.loss(self.model, batch)
            self.scaler.scale(part).backward()
            loss += part.detach()
        for optimizer in self.optimizers.all:
            self.scaler.unscale_(optimizer)
        if watch:
            watch.before()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.unread.append(Figures(step, loss, norm))
        known = self.settled(but=LAG.get(self.device.type, 0))
        for optimizer in self.optimizers.all:
            self.scaler.step(optimizer)
        self.scaler.update()
        if watch:
            watch.after()
        return known

    def settled(self, but: int = 0) -> list[float]:
        """The losses of the steps not yet read, but for the last ones. Raises Diverged."""
        losses = []
        while len(self.unread) > but:
            step, (loss, norm) = self.unread[0].step, self.unread[0].read()
            # With loss scaling an overflowed gradient is usual: the scaler skips that step.
            if not math.isfinite(loss) or not (self.scaler.is_enabled() or math.isfinite(norm)):
                raise Diverged(step, loss, norm)
            losses.append(loss)
            del self.unread[0]
        return losses

    def validation(self) -> dict[str, float]:
        """The task's figures on validation data."""
        self.model.eval()
        with torch.no_grad(), autocast(self.device, self.precision), plainly(self.device):
            return self.task.validate(self.model)

    def shown(self, write: Callable[[nn.Module], str]) -> str:
        """What the model writes now."""
        self.model.eval()
        with torch.no_grad(), autocast(self.device, self.precision), plainly(self.device):
            return write(self.model)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint: weights, optimisers and loss scaling."""
        return {
            "model": self.model.state_dict(),
            "optimizers": self.optimizers.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint. Raises RuntimeError, ValueError or KeyError for one that does not fit."""
        self.model.load_state_dict(state["model"])
        self.optimizers.load_state_dict(state["optimizers"])
        if state["scaler"]:  # empty where the run began without loss scaling
            self.scaler.load_state_dict(state["scaler"])
