"""Data parallelism: DDP with a copy of the model in each process, or FSDP2 with a shard in each.

DDP: Li et al. 2020, arXiv 2006.15704. FSDP2: `torch.distributed.fsdp.fully_shard`; Zhao et al. 2023, arXiv
2304.11277. Both sum gradients instead of averaging them, as every loss is already a share of the step's.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline.training import distributed
from pipeline.training.params import DecoderLoopParams, LoopParams


class ModelCall(nn.Module):
    """Calls any function of a model inside `forward`, where DDP and FSDP have their hooks."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return `function(model, *args)`."""
        return function(self.model, *args)


def is_sharded(params: LoopParams) -> bool:
    """Return whether each process holds a shard: `fsdp`, and more than one process."""
    sharding = params.sharding if isinstance(params, DecoderLoopParams) else "none"
    return sharding == "fsdp" and distributed.world_size() > 1


def wrap_model(model: nn.Module, params: LoopParams, device: torch.device) -> nn.Module:
    """Return `model` on the device, wrapped for all processes in a module that is called as a `ModelCall`.

    With `sharding: fsdp` its weights become shards in place.
    """
    if distributed.world_size() == 1:
        return ModelCall(model.to(device))
    if device.index is not None:
        torch.cuda.set_device(device)
    if is_sharded(params):
        return shard_model(model, device)
    ddp = DistributedDataParallel(ModelCall(model.to(device)), forward_sync_buffers=False)
    ddp.register_comm_hook(None, sum_bucket)
    return ddp


def sum_bucket(state: None, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
    """Sum gradients over all processes. DDP's own hook divides by their number."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda done: done.value()[0])


def shard_model(model: nn.Module, device: torch.device) -> nn.Module:
    """Return a `ModelCall` of `model` with each layer in shards, and the other weights in one more group."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (distributed.world_size(),))
    call = ModelCall(model)
    layers = [layer for module in model.modules() if isinstance(module, nn.ModuleList) for layer in module]
    for module in (*layers, call):
        shards = fully_shard(module, mesh=mesh)
        shards.set_gradient_divide_factor(1.0)
        shards.set_force_sum_reduction_for_comms(True)  # gloo has no other
    return call


def no_sync_unless_last(module: nn.Module, is_last: bool) -> contextlib.AbstractContextManager[None]:
    """Return a context for a forward and backward pass: DDP sums gradients in the last one of a step."""
    if isinstance(module, DistributedDataParallel) and not is_last:
        return module.no_sync()
    return contextlib.nullcontext()


def reshard(module: nn.Module) -> None:
    """Free the full weights that FSDP keeps after a forward pass, as it expects a backward pass."""
    from torch.distributed.fsdp import FSDPModule

    assert isinstance(module, FSDPModule)
    module.reshard()


def full_tensor(tensor: Tensor) -> Tensor:
    """Gather a sharded tensor in all processes. Any other is returned as it is."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def local_shard(tensor: Tensor) -> Tensor:
    """Return this process's shard of a sharded tensor. Any other is returned as it is."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def shard_like(template: Any, state: Any) -> Any:
    """Shard the full tensors of `state`, nested dicts and lists, where those of `template` are sharded."""
    if isinstance(template, dict):
        return {key: shard_like(template[key], value) for key, value in state.items()}
    if isinstance(template, list):
        return [shard_like(*pair) for pair in zip(template, state, strict=True)]
    if hasattr(template, "full_tensor"):
        from torch.distributed.tensor import distribute_tensor

        full = state.to(template.device)
        return distribute_tensor(full, template.device_mesh, template.placements, src_data_rank=None)
    return state
