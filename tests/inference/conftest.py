import pytest

from tests.helpers.small import ByteTokenizer


@pytest.fixture(scope="session")
def tokenizer():
    return ByteTokenizer()


@pytest.fixture(scope="session")
def model(random_decoder):
    return random_decoder
