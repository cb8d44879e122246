import pytest
import torch
from small import ByteTokenizer

from pipeline.model.decoder import Decoder
from pipeline.model.params import ModelParams


@pytest.fixture(scope="session")
def tokenizer():
    return ByteTokenizer()


@pytest.fixture(scope="session")
def model():
    """A decoder with random weights in every matrix, so that attention matters."""
    config = ModelParams(
        arch="qwen3", width=32, layers=2, heads=4, kv_heads=2, head_dim=8, ffn=48, context=24,
        rope_theta=10000.0, norm_eps=1e-6, tie_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    model = Decoder(config, ByteTokenizer.vocab_size).eval()
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.3)
    return model
