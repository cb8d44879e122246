import pytest
import torch

from pipeline.model.decoder import Decoder
from tests.helpers.factories import tiny_model_params
from tests.helpers.small import ByteTokenizer


def tiny_decoder(context=8, vocab_size=264, seed=0):
    params = tiny_model_params(
        width=16, kv_heads=1, head_dim=8, ffn=24, context=context, tie_embeddings=False
    )
    model = Decoder(params, vocab_size).eval()
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
