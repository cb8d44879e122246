"""A tiny pretraining run, in this process (fixture `tiny`) or in others (fixture `tiny_stage`)."""

import json
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.common.fingerprint import make_fingerprint
from pipeline.model.decoder import Decoder, initialize
from pipeline.pretrain.task import Pretraining
from pipeline.shards.sampler import WindowSampler
from pipeline.training.run import train_model
from tests.helpers.factories import runtime_params, tiny_model_params, train_params
from tests.helpers.small import set_params

CONTEXT = 16
TORCHRUN_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
RUNTIME = runtime_params(log_every=5, save_every=4)


class NumberShards:
    """A split in which each token is predictable from the one before, with some noise."""

    def __init__(self, tokens: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.ids = (np.cumsum(rng.integers(1, 3, tokens)) % 50 + 8).astype(np.int64)
        self.tokens = tokens

    def read(self, start: int, stop: int) -> np.ndarray:
        return self.ids[start:stop]

    def document_starts(self) -> np.ndarray:
        return np.array([0, self.tokens // 4])

    def document_sources(self) -> tuple[list[str], np.ndarray]:
        return ["poems", "laws"], np.array([0, 1])


class TinyRun:
    """One training run in a temporary folder: its params, model and task."""

    def __init__(self, seed=1, **changes) -> None:
        default = {
            "steps": 12,
            "batch_size": 8,
            "tokens_per_step": 16 * CONTEXT,
            "learning_rate": 0.01,
            "matrix_learning_rate": 0.02,
            "weight_decay": 0.01,
            "warmup_steps": 2,
            "eval_every": 6,
            "eval_tokens": 20 * CONTEXT,
        }
        self.seed = seed
        self.params = train_params(**default | changes)
        self.model = Decoder(tiny_model_params(context=CONTEXT), 64)
        initialize(self.model, seed)
        self.model.set_activation_checkpointing(self.params.checkpointing)
        self.task = Pretraining(
            WindowSampler(NumberShards(6000, 0), CONTEXT, seed),
            WindowSampler(NumberShards(800, 1), CONTEXT, 0),
            self.params,
            torch.device("cpu"),
        )

    def fingerprint(self):
        return make_fingerprint("train_base", {"seed": self.seed, "train": self.params}, [])

    def train(self, hooks=(), **runtime):
        return train_model(
            self.model,
            self.task,
            self.params,
            self.params.steps,
            RUNTIME.model_copy(update=runtime),
            self.fingerprint(),
            hooks=hooks,
        )

    def weights(self):
        return {name: weight.clone() for name, weight in self.model.state_dict().items()}


@pytest.fixture
def tiny(project):
    """Make runs in a fresh project; equal arguments resume one another."""
    (project / ".git").mkdir()  # DVCLive looks for the repository it is in
    return TinyRun


class Crash(Exception):
    """A crash."""


def crash_at(run, step, error=Crash):
    """Make `run` raise `error` when it reads the batches of `step`."""
    micro_batches = run.task.micro_batches

    def crashing_micro_batches(current_step):
        if current_step == step:
            raise error
        return micro_batches(current_step)

    run.task.micro_batches = crashing_micro_batches
    return run


def are_equal(weights, others):
    """Whether two dicts of weights have the same bits."""
    return all(torch.equal(weight, others[name]) for name, weight in weights.items())


def load_checkpoint(project):
    """The state in the newest checkpoint of a project."""
    return torch.load(next((project / ".scratch").rglob("checkpoint.pt")), weights_only=True)


class TinyStage:
    """Runs the stage of tiny_stage.py in several processes."""

    def __init__(self, project: Path, root: Path) -> None:
        self.project = project
        (project / ".git").mkdir(exist_ok=True)
        (project / "stages").unlink()
        (project / "stages").mkdir()
        (project / "stages/__init__.py").touch()
        (project / "stages/train_base.py").symlink_to(root / "tests/helpers/tiny_stage.py")
        (project / "stages/pack_shards.py").touch()
        path = [str(folder) for folder in (project, root)]
        self.env = {name: value for name, value in os.environ.items() if name not in TORCHRUN_VARIABLES}
        self.env |= {"PYTHONPATH": ":".join(path), "OMP_NUM_THREADS": "1"}

    def start(self, count: int, launcher: tuple[str, ...] = ("-m",), env=None, **options) -> subprocess.Popen:
        """Start it in `count` processes. `options`: see tiny_stage.py."""
        set_params(self.project, "runtime", processes=count)
        return subprocess.Popen(
            [sys.executable, *launcher, "stages.train_base"],
            cwd=self.project,
            env={**self.env, "TINY": json.dumps(options), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, count: int, status: int = 0, fresh: bool = True, **options) -> tuple[str, str]:
        """Run it and return its standard output and standard error.

        `fresh`: without the checkpoint of the run before.
        """
        if fresh:
            shutil.rmtree(self.project / ".scratch", ignore_errors=True)
        with self.start(count, **options) as process:
            out, err = process.communicate()
        assert process.returncode == status, err
        assert not self.live_processes()
        return out, err

    def load_result(self):
        """Losses, first gradient and weights of the last run."""
        return torch.load(self.project / "result.pt")

    def read_windows(self, count: int) -> list[int]:
        """The numbers of all windows that the last run's processes have read."""
        return [
            window
            for rank in range(count)
            for window in json.loads((self.project / f"windows-{rank}.json").read_text())
        ]

    def wait_until_ended(self) -> None:
        """Wait until all of its processes have ended."""
        while pids := self.live_processes():
            for pid in pids:
                try:
                    ended = os.pidfd_open(pid)
                except ProcessLookupError:
                    continue
                select.select([ended], [], [])
                os.close(ended)

    def live_processes(self) -> list[int]:
        """The ids of its processes: those of the stage that work in the project's folder."""
        pids = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().decode()
                if (process / "cwd").readlink() == self.project and "stages.train_base" in command:
                    pids.append(int(process.name))
            except OSError:  # it has ended meanwhile, or belongs to another user
                continue
        return pids


@pytest.fixture
def tiny_stage(project, root):
    return TinyStage(project, root)
