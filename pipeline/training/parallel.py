"""How a model is spread over the processes that train together: a copy in each, or a shard.

A copy in each: DDP (Li et al. 2020, arXiv 2006.15704). A shard in each, put together layer by layer while it
is in use: FSDP2 (`torch.distributed.fsdp.fully_shard`; Zhao et al. 2023, arXiv 2304.11277). Both are told to
add gradients up and not to average them: every loss is a share of the whole step's already.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline.training import distributed


class Call(nn.Module):
    """Calls a function of a model inside of `forward`, around which DDP and FSDP do their part."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What `function(model, *arguments)` returns."""
        return function(self.model, *arguments)


def is_sharded(sharding: str) -> bool:
    """Whether each process holds a shard: `fsdp`, but for a process alone."""
    return sharding == "fsdp" and distributed.size() > 1


def spread(model: nn.Module, sharding: str, device: torch.device) -> nn.Module:
    """`model` on the device, spread over all processes, inside a module to be called as a `Call`.

    With `fsdp` its weights become shards in place.
    """
    if distributed.size() == 1:
        return Call(model.to(device))
    if device.index is not None:
        torch.cuda.set_device(device)
    if is_sharded(sharding):
        return sharded(model, device)
    copies = DistributedDataParallel(Call(model.to(device)), forward_sync_buffers=False)
    copies.register_comm_hook(None, sum_bucket)
    return copies


def sum_bucket(state: None, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
    """Add up gradients over all processes (DDP's own hook divides by their number)."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda done: done.value()[0])


def sharded(model: nn.Module, device: torch.device) -> nn.Module:
    """A `Call` of `model` with every layer in shards, and what belongs to none in one more group."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (distributed.size(),))
    call = Call(model)
    layers = [layer for module in model.modules() if isinstance(module, nn.ModuleList) for layer in module]
    for module in (*layers, call):
        shards = fully_shard(module, mesh=mesh)
        shards.set_gradient_divide_factor(1.0)
        shards.set_force_sum_reduction_for_comms(True)  # gloo knows no other
    return call


def passing(call: nn.Module, last: bool) -> contextlib.AbstractContextManager[None]:
    """Around a forward and backward pass: DDP exchanges the gradients of a step in its last one alone."""
    if isinstance(call, DistributedDataParallel) and not last:
        return call.no_sync()
    return contextlib.nullcontext()


def reshard(call: nn.Module) -> None:
    """Let go of what FSDP keeps together after a forward pass, as it expects a backward one."""
    from torch.distributed.fsdp import FSDPModule

    assert isinstance(call, FSDPModule)
    call.reshard()


def whole(tensor: Tensor) -> Tensor:
    """A tensor of which each process has a shard, whole in all of them; any other as it is."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def local(tensor: Tensor) -> Tensor:
    """This process's shard of a tensor; any other as it is."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def cut_as(template: Any, state: Any) -> Any:
    """`state`, nested dicts and lists of whole tensors, cut into shards where those of `template` are."""
    if isinstance(template, dict):
        return {key: cut_as(template[key], value) for key, value in state.items()}
    if isinstance(template, list):
        return [cut_as(*pair) for pair in zip(template, state, strict=True)]
    if hasattr(template, "full_tensor"):
        from torch.distributed.tensor import distribute_tensor

        there = state.to(template.device)
        return distribute_tensor(there, template.device_mesh, template.placements, src_data_rank=None)
    return state
