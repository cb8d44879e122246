"""A small encoder and its folder."""

import pytest

from pipeline.encoder.hf_io import save_encoder
from pipeline.encoder.model import Encoder, EncoderConfig, initialize


@pytest.fixture(scope="session")
def encoder(tokenizer):
    """A small encoder with random weights."""
    config = EncoderConfig(
        vocab_size=tokenizer.vocab_size, width=32, layers=2, heads=4, ffn=48, context=40, rope_theta=10000.0
    )
    encoder = Encoder(config)
    initialize(encoder, 0)
    return encoder.eval()


@pytest.fixture(scope="session")
def folder(encoder, tokenizer, tmp_path_factory):
    """The folder of `encoder`."""
    folder = tmp_path_factory.mktemp("encoder")
    save_encoder(folder, encoder, tokenizer.folder)
    return folder
