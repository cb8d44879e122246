import pytest
import torch

from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from tests.helpers.small import ByteTokenizer


def tiny_decoder(context=8, vocab_size=264, seed=0):
    shape = ModelParams(
        arch="qwen3",
        width=16,
        layers=2,
        heads=2,
        kv_heads=1,
        head_dim=8,
        ffn=24,
        context=context,
        rope_theta=10000.0,
        norm_eps=1e-6,
        tie_embeddings=False,
    )
    model = Decoder(shape, vocab_size).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.4)
    return model


@pytest.fixture(scope="session")
def tokenizer():
    return ByteTokenizer()


@pytest.fixture(scope="session")
def make_decoder():
    return tiny_decoder
