"""A small encoder of each kind and its folder."""

import numpy as np
import pytest

from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.hf_io import save_encoder
from pipeline.encoder.model import Encoder, EncoderConfig, initialize
from pipeline.encoder.table import TableConfig, VectorTable, initialize_table
from pipeline.encoder.vocabulary import build_vocabulary


@pytest.fixture(scope="session")
def pieces(tokenizer):
    """The tokenizer's pieces for text in lower case."""
    return build_vocabulary("tokenizer", 0, [], tokenizer.folder)


@pytest.fixture(scope="session")
def prefixes(texts, tokenizer):
    """A vocabulary of prefixes."""
    return build_vocabulary("prefix5", 900, texts, tokenizer.folder)


@pytest.fixture(scope="session")
def network(pieces):
    """A small network with random weights, over the tokenizer's pieces."""
    size = pieces.get_vocab_size()
    config = EncoderConfig(
        vocab_size=size, width=32, layers=2, heads=4, ffn=48, context=40, rope_theta=10000.0
    )
    encoder = Encoder(config)
    initialize(encoder, 0)
    weights = np.random.default_rng(0).random(size)
    weights[:4] = 0.0  # special tokens count nothing
    encoder.set_token_weights(weights)
    return TextEncoder(encoder.eval(), pieces, hybrid_weight=2.0, prefix_weight=3.0)


@pytest.fixture(scope="session")
def table(prefixes):
    """A small table of random vectors, over prefixes."""
    size = prefixes.get_vocab_size()
    table = VectorTable(TableConfig(vocab_size=size, width=48))
    initialize_table(table, np.random.default_rng(0).random(size), 0)
    return TextEncoder(table.eval(), prefixes, hybrid_weight=4.0, prefix_weight=5.0)


@pytest.fixture(scope="session", params=["network", "table"])
def encoder(request):
    """Either kind of encoder."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def folder(encoder, tmp_path_factory):
    """The folder of `encoder`."""
    folder = tmp_path_factory.mktemp("encoder")
    save_encoder(folder, encoder)
    return folder


@pytest.fixture(scope="session")
def network_folder(network, tmp_path_factory):
    """The folder of `network`."""
    folder = tmp_path_factory.mktemp("network")
    save_encoder(folder, network)
    return folder


@pytest.fixture(scope="session")
def table_folder(table, tmp_path_factory):
    """The folder of `table`."""
    folder = tmp_path_factory.mktemp("table")
    save_encoder(folder, table)
    return folder
