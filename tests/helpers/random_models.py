"""Decoders with random weights, for tests that do not depend on what a model generates."""

from typing import Any

import pytest
import torch

from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialize
from pipeline.model.hf_io import save_decoder
from pipeline.tokenizer_training.hf_export import write_tokenizer_folder
from pipeline.tokenizer_training.train import train_sentencepiece
from tests.helpers.factories import tiny_model_params, tokenizer_params
from tests.helpers.small import ByteTokenizer

TEXT = ["Ankara Türkiye'nin başkentidir.", "Van Gölü büyük bir göldür.", "Çığ düştü, yağmur yağdı."] * 20


def small_decoder_params(**changes: Any) -> ModelParams:
    """Params of a decoder of three layers with `changes`."""
    default = {"width": 64, "layers": 3, "heads": 4, "kv_heads": 4, "ffn": 96, "context": 48}
    return tiny_model_params(**default | changes)


def make_random_decoder(vocab_size: int = 480, **changes: Any) -> Decoder:
    """Return a decoder of `small_decoder_params` with every weight away from zero, as after training."""
    model = Decoder(small_decoder_params(**changes), vocab_size)
    initialize(model, 0)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight += torch.randn_like(weight) * 0.1
    return model.eval()


@pytest.fixture(scope="session")
def random_decoder():
    """A decoder with random weights in every matrix, so that attention matters."""
    params = tiny_model_params(heads=4, head_dim=8, context=24, tie_embeddings=False)
    torch.manual_seed(0)
    model = Decoder(params, ByteTokenizer.vocab_size).eval()
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.3)
    return model


@pytest.fixture(scope="session")
def model_folders(random_decoder, tmp_path_factory):
    """models/base and models/sft: the same weights, different only in their names."""
    root = tmp_path_factory.mktemp("models")
    params = tokenizer_params(vocab_size=400, sample_bytes=1000, max_piece_chars=8)
    (root / "tokenizer").mkdir()
    write_tokenizer_folder(root / "tokenizer", train_sentencepiece(iter(TEXT), params))
    torch.manual_seed(1)
    decoder = Decoder(random_decoder.params, 400)
    for weight in decoder.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.3)
    for name in ("base", "sft"):
        save_decoder(root / name, decoder, root / "tokenizer")
    return root
