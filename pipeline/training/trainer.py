"""How one optimiser step changes a model."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.device.malloc import keep_memory
from pipeline.device.select import autocast, precision_of
from pipeline.training import distributed, parallel
from pipeline.training.compile import plainly
from pipeline.training.diagnostics import Watch
from pipeline.training.optimizer import Optimizers
from pipeline.training.params import LoopParams

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
        """What this process reads in optimiser step `step`, one element a forward pass.

        What all of them read is a function of the step alone; each has as many elements as the others.
        """

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """This forward pass's share of the step's loss; the shares add up to it."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Figures on validation data, `val_loss` among them; every process reads all of it."""


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
        self.given = model
        # FSDP turns the weights into shards, and the caller's model stays whole.
        self.model = copy.deepcopy(model) if parallel.is_sharded(settings.sharding) else model
        self.call = parallel.spread(self.model, settings.sharding, device)
        self.task, self.settings = task, settings
        self.optimizers = Optimizers(self.model, settings)
        if self.in_shards and self.precision == "fp16":
            section = task.batch_size_key.split(".")[0]
            raise UserError(
                f"params.yaml: {section}.precision: {settings.precision}: fp16 does not go with"
                f" {section}.sharding: fsdp; set it to bf16 or fp32, or the sharding to none"
            )
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "fp16")
        self.unread: list[Figures] = []

    def update(self, step: int, share: float, watch: Watch | None = None) -> list[float]:
        """Take optimiser step `step` at this share of the highest learning rates.

        Returns the losses, of all processes, that have become known, in their order: on a processor this
        step's; on a GPU that of the step before, so that the next one can be queued while this one runs. A
        `watch` is shown what the step does.

        Raises Diverged: on a processor with the weights as they were before that step, on a GPU perhaps a
        step later. `settled` comes before weights are kept or shown.
        """
        self.model.train()
        self.optimizers.set_rate(share)
        self.optimizers.zero_grad()
        loss = torch.zeros((), device=self.device)
        batches = self.task.micro_batches(step)
        for number, batch in enumerate(batches, start=1):
            with parallel.passing(self.call, last=number == len(batches)):
                with autocast(self.device, self.precision):
                    part = self.call(self.task.loss, batch)
                self.scaler.scale(part).backward()
            loss += part.detach()
        distributed.summed(loss)
        for optimizer in self.optimizers.all:
            self.scaler.unscale_(optimizer)
        if watch:
            watch.before()
        norm = parallel.whole(torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip))
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
            figures = self.call(self.task.validate)
        if self.in_shards:
            parallel.reshard(self.call)
        return figures

    def give_back(self) -> None:
        """Put the trained weights into the caller's model where it is another than the one in shards.

        In the first process, which alone has use for it.
        """
        if not self.in_shards:
            return
        with torch.no_grad():
            for shard, weight in zip(self.model.parameters(), self.given.parameters(), strict=True):
                full = parallel.whole(shard)
                if distributed.rank() == 0:
                    weight.copy_(full)
        if distributed.rank() == 0:
            self.given.to(self.device)

    @property
    def place(self) -> str:
        """Where it trains, in words."""
        count = distributed.size()
        return f"{self.device}, {count} processes" if count > 1 else str(self.device)

    @property
    def in_shards(self) -> tuple[str, ...]:
        """Under which keys of `state_dict` each process has shards of its own."""
        return () if self.model is self.given else ("model", "optimizers")

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

    def allocated(self) -> dict[str, Any]:
        """Weights and optimisers of a run that has not begun, complete: what a checkpoint is read into."""
        self.optimizers.allocate()
        return {"model": self.model.state_dict(), "optimizers": self.optimizers.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint. Raises RuntimeError, ValueError or KeyError for one that does not fit."""
        if self.in_shards:
            template = self.allocated()
            state = {**state, **{key: parallel.cut_as(template[key], state[key]) for key in template}}
        self.model.load_state_dict(state["model"])
        self.optimizers.load_state_dict(state["optimizers"])
        if state["scaler"]:  # empty where the run began without loss scaling
            self.scaler.load_state_dict(state["scaler"])
