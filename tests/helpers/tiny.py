"""A tiny pretraining run, in this process or in others."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.common import fingerprint as scratch
from pipeline.common.runtime import RuntimeParams
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialise
from pipeline.pretrain.task import Pretraining
from pipeline.shards.sampler import Windows
from pipeline.training.loop import fit
from pipeline.training.params import MEMORY_ONLY, TrainParams
from tests.helpers.small import set_params

CONTEXT = 16
OUTER = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")  # what torchrun sets
SHAPE = ModelParams(
    arch="qwen3",
    width=32,
    layers=2,
    heads=2,
    kv_heads=2,
    head_dim=16,
    ffn=48,
    context=CONTEXT,
    rope_theta=10000.0,
    norm_eps=1e-6,
    tie_embeddings=True,
)
RUNTIME = RuntimeParams(
    device="cpu", processes=1, workers=1, log_every=5, save_every=4, prompts=[], prompt_tokens=1
)


class Numbers:
    """A split in which each token follows from the one before, with some noise."""

    def __init__(self, tokens: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.ids = (np.cumsum(rng.integers(1, 3, tokens)) % 50 + 8).astype(np.int64)
        self.tokens = tokens

    def read(self, start: int, stop: int) -> np.ndarray:
        return self.ids[start:stop]

    def begins(self) -> np.ndarray:
        return np.array([0, self.tokens // 4])

    def sources(self) -> tuple[list[str], np.ndarray]:
        return ["poems", "laws"], np.array([0, 1])


class Tiny:
    """One training run in a temporary folder, with its parts at hand."""

    def __init__(self, seed=1, **changes) -> None:
        default = {
            "init_from": None,
            "steps": 12,
            "batch_size": 8,
            "checkpointing": False,
            "loss_chunks": 1,
            "tokens_per_step": 16 * CONTEXT,
            "optimizer": "muon",
            "learning_rate": 0.01,
            "matrix_learning_rate": 0.02,
            "weight_decay": 0.01,
            "schedule": "wsd",
            "warmup_steps": 2,
            "momentum": 0.95,
            "beta1": 0.9,
            "beta2": 0.95,
            "decay_fraction": 0.6,
            "final_fraction": 0.0,
            "clip": 1.0,
            "precision": "fp32",
            "eval_every": 6,
            "sharding": "none",
            "packing": "stream",
            "document_mask": False,
            "eval_tokens": 20 * CONTEXT,
        }
        self.seed = seed
        self.settings = TrainParams(**{**default, **changes})
        self.model = Decoder(SHAPE, 64)
        initialise(self.model, seed)
        self.model.recompute(self.settings.checkpointing)
        self.task = Pretraining(
            Windows(Numbers(6000, 0), CONTEXT, seed),
            Windows(Numbers(800, 1), CONTEXT, 0),
            self.settings,
            torch.device("cpu"),
        )

    def mark(self):
        return scratch.fingerprint(
            "train_base",
            {"seed": self.seed, "train": self.settings.model_dump()},
            [],
            tuple(f"train.{key}" for key in MEMORY_ONLY),
        )

    def fit(self, write=None, **runtime):
        return fit(
            self.model,
            self.task,
            self.settings,
            steps=self.settings.steps,
            runtime=RUNTIME.model_copy(update=runtime),
            mark=self.mark(),
            write=write,
        )

    def weights(self):
        return {name: weight.clone() for name, weight in self.model.state_dict().items()}


@pytest.fixture
def tiny(project):
    """Make runs in a fresh project; equal arguments resume one another."""
    (project / ".git").mkdir()  # DVCLive looks for the repository it is in
    return Tiny


class Group:
    """Starts the tiny stage of tiny_stage.py, and tells how it went."""

    def __init__(self, project: Path, root: Path) -> None:
        self.project = project
        (project / ".git").mkdir(exist_ok=True)
        (project / "stages").unlink()
        (project / "stages").mkdir()
        (project / "stages/__init__.py").touch()
        (project / "stages/train_base.py").symlink_to(root / "tests/helpers/tiny_stage.py")
        (project / "stages/pack_shards.py").touch()
        path = [str(folder) for folder in (project, root)]
        self.env = {name: value for name, value in os.environ.items() if name not in OUTER}
        self.env |= {"PYTHONPATH": ":".join(path), "OMP_NUM_THREADS": "1"}

    def start(self, count: int, launcher: tuple[str, ...] = ("-m",), env=None, **asked) -> subprocess.Popen:
        """Start it in `count` processes; `asked` see tiny_stage.py."""
        set_params(self.project, "runtime", processes=count)
        return subprocess.Popen(
            [sys.executable, *launcher, "stages.train_base"],
            cwd=self.project,
            env={**self.env, "TINY": json.dumps(asked), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, count: int, status: int = 0, fresh: bool = True, **asked) -> tuple[str, str]:
        """Start it and wait for its end: what it has printed, and to standard error.

        `fresh`: without the checkpoint of the run before.
        """
        if fresh:
            shutil.rmtree(self.project / ".scratch", ignore_errors=True)
        with self.start(count, **asked) as done:
            out, err = done.communicate()
        assert done.returncode == status, err
        assert not self.alive()
        return out, err

    def result(self):
        """Losses, first gradient and weights of the last run."""
        return torch.load(self.project / "result.pt")

    def windows(self, count: int) -> list[int]:
        """All windows that the last run's processes have read."""
        return [
            w
            for rank in range(count)
            for w in json.loads((self.project / f"windows-{rank}.json").read_text())
        ]

    def wait_for_end(self) -> None:
        """Wait until none works any more."""
        while self.alive():
            time.sleep(0.05)

    def alive(self) -> list[str]:
        """Processes that work in the project's folder."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().decode()
                if (process / "cwd").readlink() == self.project and "stages.train_base" in command:
                    found.append(command)
            except OSError:  # it has ended meanwhile, or is someone else's
                continue
        return found


@pytest.fixture
def group(project, root):
    return Group(project, root)
