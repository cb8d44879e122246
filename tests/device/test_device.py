"""Devices: one for each process, and only those that exist."""

import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.common.runtime import ProcessInfo
from pipeline.device.device import pick_device, pick_process_device

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


def test_pick_device_refuses_a_device_that_is_missing():
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(UserError, match=r"runtime\.device: 'cuda'"):
        pick_device("cuda")


def test_pick_process_device_gives_each_process_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_process_device(CUDA, ProcessInfo()) == CUDA
    assert pick_process_device(CUDA, ProcessInfo(3, 4, 1, 2)) == torch.device("cuda:1")
    assert pick_process_device(CPU, ProcessInfo(3, 4, 3, 4)) == CPU
    with pytest.raises(UserError, match=r"runtime.processes: 4: more than the GPUs of this machine, 2"):
        pick_process_device(CUDA, ProcessInfo(0, 4, 0, 4))
    for one in ("mps", "cuda:1"):
        with pytest.raises(
            UserError, match=rf"runtime.device: {one}: is one device, and 2 processes train here"
        ):
            pick_process_device(torch.device(one), ProcessInfo(0, 2, 0, 2))
