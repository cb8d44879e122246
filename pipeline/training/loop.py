"""The training loop that pretraining, instruction tuning and the encoder share.

`Trainer` takes optimizer steps on a `Task`. What happens beside them (progress, validation, checkpoints) is
done by hooks, which hooks.py has and run.py puts together.
"""

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.device.device import autocast, pick_precision
from pipeline.device.memory import tune_allocator
from pipeline.training import distributed, parallel
from pipeline.training.optimizer import Optimizers
from pipeline.training.params import LoopParams
from pipeline.training.schedule import lr_multiplier

AVERAGED_LOSSES = 50  # last steps whose mean is the training loss of the metrics
# By device: steps whose loss is not read yet, so that the device always has work queued.
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


class Hook:
    """Something that happens beside the steps of a training. It changes no weight."""

    def after_backward(self, trainer: "Trainer") -> None:
        """Called in every step once its gradients are complete, before they are clipped."""

    def after_step(self, trainer: "Trainer") -> None:
        """Called after every step. `trainer.step` steps are taken then."""


@dataclass
class History:
    """Losses and timing of a training."""

    losses: list[float] = field(default_factory=list)  # of all steps
    last_validation: dict[str, float] = field(default_factory=dict)  # its metrics
    best_val_loss: float = math.inf
    timing: dict[str, float] = field(default_factory=dict)

    @property
    def train_loss(self) -> float:
        """The mean loss of the last AVERAGED_LOSSES steps."""
        return mean(self.losses[-AVERAGED_LOSSES:])


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
    """A model in training: its task, its optimizers, the steps taken so far and their history."""

    def __init__(
        self, model: nn.Module, task: Task, params: LoopParams, steps: int, device: torch.device
    ) -> None:
        """Raises UserError where fp16 should train a model in shards."""
        tune_allocator()
        self.task, self.params, self.steps, self.device = task, params, steps, device
        self.precision = pick_precision(params.precision, device)
        self.is_sharded = parallel.is_sharded(params)
        self.original_model = model
        # FSDP turns the weights into shards, so it gets a copy: the caller's model stays whole.
        self.model = copy.deepcopy(model) if self.is_sharded else model
        self.wrapped_model = parallel.wrap_model(self.model, params, device)
        self.optimizers = Optimizers(self.model, params)
        if self.is_sharded and self.precision == "fp16":
            section = task.batch_size_key.split(".")[0]
            raise UserError(
                "params.yaml: {section}.precision: {precision}: fp16 does not go with "
                "{section}.sharding: fsdp; set it to bf16 or fp32, or the sharding to none",
                section=section,
                precision=params.precision,
            )
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "fp16")
        self.hooks: list[Hook] = []
        self.step = 0  # steps taken
        self.saved_step = 0  # of the last checkpoint
        self.pending: list[StepResult] = []
        self.history = History()

    def train(self) -> None:
        """Take the remaining steps. Hooks log, validate, save and stop."""
        while self.step < self.steps:
            self.train_step(lr_multiplier(self.step, self.steps, self.params))
            for hook in self.hooks:
                hook.after_step(self)

    def train_step(self, multiplier: float) -> None:
        """Take one optimizer step with every peak learning rate times `multiplier`.

        Raises UserError where the loss of this step, or on a GPU that of the step before, is not finite.
        """
        self.model.train()
        self.optimizers.set_lr_multiplier(multiplier)
        self.optimizers.zero_grad()
        loss = torch.zeros((), device=self.device)
        batches = self.task.micro_batches(self.step)
        for i, batch in enumerate(batches):
            with parallel.no_sync_unless_last(self.wrapped_model, is_last=i + 1 == len(batches)):
                with autocast(self.device, self.precision):
                    micro_loss = self.wrapped_model(self.task.loss, batch)
                self.scaler.scale(micro_loss).backward()
            loss += micro_loss.detach()
        distributed.all_reduce_sum(loss)
        self.optimizers.unscale(self.scaler)
        for hook in self.hooks:
            hook.after_backward(self)
        norm = parallel.full_tensor(torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.params.clip))
        self.pending.append(StepResult(self.step, loss, norm))
        self.drain_losses(keep=STEPS_IN_FLIGHT.get(self.device.type, 0))
        self.optimizers.step(self.scaler, norm)
        self.step += 1

    def drain_losses(self, keep: int = 0) -> None:
        """Wait for the losses of all steps except the last `keep`, and record them.

        Called before weights are saved or used. Raises UserError where a loss or a gradient norm is not
        finite. On a CPU the weights are then as they were before that step.
        """
        while len(self.pending) > keep:
            result = self.pending[0]
            loss, norm = result.read()
            # With loss scaling an overflowed gradient is usual, and the step is skipped.
            has_usable_norm = math.isfinite(norm) or self.scaler.is_enabled()
            if not (math.isfinite(loss) and has_usable_norm):
                kept = Translatable("nothing was saved yet")
                if self.saved_step:
                    kept = Translatable("the checkpoint before it is kept")
                raise UserError(
                    "loss is not finite at step {step} ({loss}, gradient norm {norm}); {kept}; lower "
                    "the learning rates or clip",
                    step=result.step + 1,
                    loss=loss,
                    norm=norm,
                    kept=kept,
                )
            self.history.losses.append(loss)
            del self.pending[0]

    def is_due(self, every: int, step: int | None = None) -> bool:
        """Return whether step `step` (else the last one taken) is the run's last or a multiple of `every`."""
        step = self.step if step is None else step
        return step == self.steps or step % every == 0

    def validate(self) -> dict[str, float]:
        """Return the task's metrics on validation data, and keep them in the history."""
        self.drain_losses()
        with self.evaluation_mode():
            metrics: dict[str, float] = self.wrapped_model(self.task.validate)
        if self.is_sharded:
            parallel.reshard(self.wrapped_model)
        self.history.last_validation = metrics
        self.history.best_val_loss = min(self.history.best_val_loss, metrics["val_loss"])
        return metrics

    @contextlib.contextmanager
    def evaluation_mode(self) -> Iterator[None]:
        """Evaluate the model inside the block: no gradients, the precision of training, nothing compiled."""
        self.model.eval()
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(autocast(self.device, self.precision))
            if self.device.type == "cuda":  # here shapes vary, and each would be compiled anew
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            yield

    def copy_weights_back(self) -> None:
        """Copy the trained weights into the caller's model, if the trained one is a copy in shards.

        Only in the process of rank 0, which alone has use for them.
        """
        if not self.is_sharded:
            return
        with torch.no_grad():
            for shard, weight in zip(self.model.parameters(), self.original_model.parameters(), strict=True):
                full = parallel.full_tensor(shard)
                if distributed.rank() == 0:
                    weight.copy_(full)
        if distributed.rank() == 0:
            self.original_model.to(self.device)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: weights, optimizers, loss scaling, random state and history."""
        return {
            "model": trained_weights(self.model),
            "optimizers": self.optimizers.state_dict(),
            "scaler": self.scaler.state_dict(),
            "rng": torch.get_rng_state(),
            "step": self.step,
            "losses": self.history.losses,
            "best_val_loss": self.history.best_val_loss,
        }

    def state_template(self) -> dict[str, Any]:
        """Return allocated weights and optimizer states of a fresh run, which a checkpoint is read into."""
        self.optimizers.allocate()
        return {"model": trained_weights(self.model), "optimizers": self.optimizers.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load a checkpoint's state. Raises RuntimeError, ValueError or KeyError where it does not fit."""
        if self.is_sharded:
            template = self.state_template()
            state = {**state, **{key: parallel.shard_like(template[key], state[key]) for key in template}}
        has_all = trained_weights(self.model).keys() == state["model"].keys()
        self.model.load_state_dict(state["model"], strict=not (has_all and has_frozen(self.model)))
        self.optimizers.load_state_dict(state["optimizers"])
        if state["scaler"]:  # empty where the run began without loss scaling
            self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["rng"])
        self.step = self.saved_step = state["step"]
        self.history.losses, self.history.best_val_loss = state["losses"], state["best_val_loss"]


def has_frozen(model: nn.Module) -> bool:
    """Return whether some weights of `model` are not trained."""
    return not all(weight.requires_grad for weight in model.parameters())


def trained_weights(model: nn.Module) -> dict[str, Any]:
    """Return the state of `model` that training changes: without frozen weights, which the run has anyway."""
    if not has_frozen(model):
        return model.state_dict()
    return {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}
