import pytest

from pipeline.sft.params import SftParams
from tests.helpers.small import ByteTokenizer


@pytest.fixture(scope="session")
def tokenizer():
    return ByteTokenizer()


def sft_values(**changed):
    """The section `sft` of params.yaml, small."""
    return {
        "sources": {"miniworld": {"kind": "miniworld"}}, "val_fraction": 0.2, "context": 64, "epochs": 2.0,
        "conversations_per_step": 8, "batch_size": 4, "max_new_tokens": 8,
        "optimizer": "adamw", "learning_rate": 0.001, "matrix_learning_rate": 0.005, "momentum": 0.95,
        "beta1": 0.9, "beta2": 0.95, "weight_decay": 0.0, "schedule": "linear", "warmup_steps": 2,
        "decay_fraction": 0.6, "final_fraction": 0.0, "clip": 1.0, "precision": "fp32", "eval_every": 50,
        "sharding": "none",
    } | changed  # fmt: skip


@pytest.fixture(scope="session")
def values():
    return sft_values


@pytest.fixture(scope="session")
def sft():
    return lambda **changed: SftParams(**sft_values(**changed))
