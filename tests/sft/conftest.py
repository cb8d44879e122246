import pytest

from tests.helpers.factories import section_values, sft_params
from tests.helpers.small import ByteTokenizer


@pytest.fixture(scope="session")
def tokenizer():
    return ByteTokenizer()


def small_sft_values(**changes):
    """Return the section `sft` of params.yaml, small, with `changes`, as a dict."""
    small = {
        "val_fraction": 0.2, "context": 64, "epochs": 2.0, "conversations_per_step": 8, "batch_size": 4,
        "precision": "fp32", "learning_rate": 0.001, "warmup_steps": 2, "eval_every": 50,
    }  # fmt: skip
    return section_values("sft", **small | changes)


@pytest.fixture(scope="session")
def make_sft_values():
    return small_sft_values


@pytest.fixture(scope="session")
def make_sft_params():
    return lambda **changes: sft_params(**small_sft_values(**changes))
