"""A tiny pretraining run."""

import numpy as np
import pytest
import torch

from pipeline import scratch
from pipeline.model.decoder import Decoder, initialise
from pipeline.model.params import ModelParams
from pipeline.runtime import RuntimeParams
from pipeline.shards.windows import Windows
from pipeline.training.loop import fit
from pipeline.training.params import MEMORY_ONLY, TrainParams
from pipeline.training.pretrain import Pretraining

CONTEXT = 16
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
