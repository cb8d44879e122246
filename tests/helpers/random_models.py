"""Decoders with random weights: enough for what does not ask what they say."""

import pytest
import torch

from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import save_decoder
from pipeline.tokenizer_training.hf_export import write_folder
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.tokenizer_training.train import train
from tests.helpers.small import ByteTokenizer

TEXT = ["Ankara Türkiye'nin başkentidir.", "Van Gölü büyük bir göldür.", "Çığ düştü, yağmur yağdı."] * 20


@pytest.fixture(scope="session")
def random_decoder():
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


@pytest.fixture(scope="session")
def model_folders(random_decoder, tmp_path_factory):
    """models/base and models/sft: the same weights, differing in nothing but their name."""
    root = tmp_path_factory.mktemp("models")
    settings = TokenizerParams(
        kind="bpe", vocab_size=400, sample_bytes=1000, max_piece_chars=8, morphemes=False
    )
    (root / "tokenizer").mkdir()
    write_folder(root / "tokenizer", train(iter(TEXT), settings))
    torch.manual_seed(1)
    decoder = Decoder(random_decoder.config, 400)
    for weight in decoder.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.3)
    for name in ("base", "sft"):
        save_decoder(root / name, decoder, root / "tokenizer")
    return root
