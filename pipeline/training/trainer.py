"""`Trainer`: optimizer steps, validation and the state of a checkpoint. `Task`: what it trains on."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.device.device import autocast, pick_precision
from pipeline.device.memory import tune_allocator
from pipeline.training import distributed, parallel
from pipeline.training.compile import force_eager
from pipeline.training.diagnostics import GradientStats
from pipeline.training.optimizer import Optimizers
from pipeline.training.params import LoopParams

# By device: steps whose loss is not waited for yet, so that the device always has work queued.
STEPS_IN_FLIGHT = {"cuda": 1}


class Task(Protocol):
    """A training task: its batches, its loss and its validation."""

    unit: str  # what speed counts: tokens, pairs, …
    units_per_step: int
    batch_size_key: str  # the param to lower when memory runs out
    batch_size: int  # its value

    @property
    def compile(self) -> Callable[[nn.Module], None] | None:
        """A function that compiles what has the same shapes in all passes; None where shapes vary."""

    def micro_batches(self, step: int) -> Sequence[Any]:
        """Return the batches that this process reads in optimizer step `step`, one a forward pass.

        What all processes read together is a function of the step alone. Each has as many batches as the
        others.
        """

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """Return this forward pass's share of the step's loss. The shares add up to it."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Return metrics on validation data, `val_loss` among them. Every process reads all of it."""


class Diverged(ArithmeticError):
    """The loss or the gradient norm of optimizer step `step`, counted from 0, is not finite."""

    def __init__(self, step: int, loss: float, norm: float) -> None:
        super().__init__(f"loss {loss}, gradient norm {norm}")
        self.step, self.loss, self.norm = step, loss, norm


class StepResult:
    """Loss and gradient norm of a step, copied from the device to the host asynchronously."""

    def __init__(self, step: int, loss: Tensor, norm: Tensor) -> None:
        self.step = step
        # Non-blocking: the GPU writes to the host's memory by itself.
        self.values = torch.stack([loss, norm]).to("cpu", non_blocking=loss.is_cuda)
        self.ready = torch.cuda.current_stream(loss.device).record_event() if loss.is_cuda else None

    def read(self) -> tuple[float, float]:
        """Wait for the copy; return the loss and the gradient norm."""
        if self.ready:
            self.ready.synchronize()
        loss, norm = self.values.tolist()
        return loss, norm


class Trainer:
    """A model, its task, its optimizers and its loss scaling."""

    def __init__(self, model: nn.Module, task: Task, params: LoopParams, device: torch.device) -> None:
        tune_allocator()
        self.device = device
        self.precision = pick_precision(params.precision, device)
        self.original_model = model
        # FSDP turns the weights into shards, so it gets a copy: the caller's model stays whole.
        self.model = copy.deepcopy(model) if parallel.is_sharded(params.sharding) else model
        self.wrapped_model = parallel.wrap_model(self.model, params.sharding, device)
        self.task, self.params = task, params
        self.optimizers = Optimizers(self.model, params)
        if self.sharded_keys and self.precision == "fp16":
            section = task.batch_size_key.split(".")[0]
            raise UserError(
                f"params.yaml: {section}.precision: {params.precision}: fp16 does not go with"
                f" {section}.sharding: fsdp; set it to bf16 or fp32, or the sharding to none"
            )
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "fp16")
        self.pending: list[StepResult] = []

    def update(self, step: int, lr_multiplier: float, stats: GradientStats | None = None) -> list[float]:
        """Take optimizer step `step` with every peak learning rate times `lr_multiplier`.

        Returns the losses, summed over all processes, that have become known, in order. On a CPU that is
        this step's; on a GPU that of the step before, so that the next step is queued while this one runs.
        `stats`, if given, measures what the step does.

        Raises Diverged: on a CPU with the weights as they were before that step, on a GPU perhaps a step
        later. Call `read_losses` before weights are saved or used.
        """
        self.model.train()
        self.optimizers.set_lr_multiplier(lr_multiplier)
        self.optimizers.zero_grad()
        loss = torch.zeros((), device=self.device)
        batches = self.task.micro_batches(step)
        for i, batch in enumerate(batches):
            with parallel.no_sync_unless_last(self.wrapped_model, is_last=i + 1 == len(batches)):
                with autocast(self.device, self.precision):
                    micro_loss = self.wrapped_model(self.task.loss, batch)
                self.scaler.scale(micro_loss).backward()
            loss += micro_loss.detach()
        distributed.all_reduce_sum(loss)
        for optimizer in self.optimizers.all:
            self.scaler.unscale_(optimizer)
        if stats:
            stats.before_step()
        norm = parallel.full_tensor(torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.params.clip))
        self.pending.append(StepResult(step, loss, norm))
        losses = self.read_losses(keep=STEPS_IN_FLIGHT.get(self.device.type, 0))
        for optimizer in self.optimizers.all:
            self.scaler.step(optimizer)
        self.scaler.update()
        if stats:
            stats.after_step()
        return losses

    def read_losses(self, keep: int = 0) -> list[float]:
        """Wait for the losses of the pending steps except the last `keep`. Raises Diverged."""
        losses = []
        while len(self.pending) > keep:
            step, (loss, norm) = self.pending[0].step, self.pending[0].read()
            # With loss scaling an overflowed gradient is usual: the scaler skips that step.
            if not math.isfinite(loss) or not (self.scaler.is_enabled() or math.isfinite(norm)):
                raise Diverged(step, loss, norm)
            losses.append(loss)
            del self.pending[0]
        return losses

    def validate(self) -> dict[str, float]:
        """Return the task's metrics on validation data."""
        self.model.eval()
        with torch.no_grad(), autocast(self.device, self.precision), force_eager(self.device):
            metrics = self.wrapped_model(self.task.validate)
        if self.sharded_keys:
            parallel.reshard(self.wrapped_model)
        return metrics

    def copy_weights_back(self) -> None:
        """Copy the trained weights into the caller's model, if the trained one is a copy in shards.

        Only in the process of rank 0, which alone has use for them.
        """
        if not self.sharded_keys:
            return
        with torch.no_grad():
            for shard, weight in zip(self.model.parameters(), self.original_model.parameters(), strict=True):
                full = parallel.full_tensor(shard)
                if distributed.rank() == 0:
                    weight.copy_(full)
        if distributed.rank() == 0:
            self.original_model.to(self.device)

    @property
    def device_label(self) -> str:
        """The device, and the number of processes if there are several, for messages."""
        count = distributed.world_size()
        return f"{self.device}, {count} processes" if count > 1 else str(self.device)

    @property
    def sharded_keys(self) -> tuple[str, ...]:
        """The keys of `state_dict` under which each process has shards of its own; none without FSDP."""
        return () if self.model is self.original_model else ("model", "optimizers")

    def generate_samples(self, write_samples: Callable[[nn.Module], str]) -> str:
        """Return what `write_samples` makes of the model, in the precision of training."""
        self.model.eval()
        with torch.no_grad(), autocast(self.device, self.precision), force_eager(self.device):
            return write_samples(self.model)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: weights, optimizers and loss scaling."""
        return {
            "model": self.model.state_dict(),
            "optimizers": self.optimizers.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def state_template(self) -> dict[str, Any]:
        """Return allocated weights and optimizer states of a fresh run, which a checkpoint is read into."""
        self.optimizers.allocate()
        return {"model": self.model.state_dict(), "optimizers": self.optimizers.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load a checkpoint's state. Raises RuntimeError, ValueError or KeyError where it does not fit."""
        if self.sharded_keys:
            template = self.state_template()
            state = {**state, **{key: parallel.shard_like(template[key], state[key]) for key in template}}
        self.model.load_state_dict(state["model"])
        self.optimizers.load_state_dict(state["optimizers"])
        if state["scaler"]:  # empty where the run began without loss scaling
            self.scaler.load_state_dict(state["scaler"])
