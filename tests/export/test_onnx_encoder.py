"""Encoders as ONNX graphs, run by onnxruntime from the exported folder alone."""

import csv

import numpy as np
import onnxruntime
import pytest
from scipy.stats import spearmanr
from tokenizers import Tokenizer

from pipeline.cli import export
from pipeline.common.errors import UserError
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.hf_io import load_encoder, save_encoder
from pipeline.encoder.model import Encoder, EncoderConfig, initialize
from pipeline.encoder.table import TableConfig, VectorTable, initialize_table
from pipeline.encoder.vocabulary import build_vocabulary
from pipeline.export.onnx_encoder import INT8_FILE, MODEL_FILE, write_onnx
from pipeline.model.hf_io import save_decoder
from tests.helpers.paths import ROOT, SHARED
from tests.helpers.random_models import make_random_decoder
from tests.helpers.small import SENTENCES


def make_network(texts, folder):
    pieces = build_vocabulary("tokenizer", 0, [], folder)
    size = pieces.get_vocab_size()
    shape = {"width": 32, "layers": 2, "heads": 4, "ffn": 48, "context": 40, "rope_theta": 10000.0}
    encoder = Encoder(EncoderConfig(vocab_size=size, **shape))
    initialize(encoder, 0)
    weights = np.random.default_rng(0).random(size)
    weights[:4] = 0.0  # special tokens count nothing
    encoder.set_token_weights(weights)
    return TextEncoder(encoder.eval(), pieces)


def make_table(texts, folder):
    prefixes = build_vocabulary("prefix5", 900, texts, folder)
    size = prefixes.get_vocab_size()
    table = VectorTable(TableConfig(vocab_size=size, width=48))
    initialize_table(table, np.random.default_rng(0).random(size), 0)
    return TextEncoder(table.eval(), prefixes)


@pytest.fixture(scope="module", params=[make_network, make_table])
def exported(request, texts, tokenizer, tmp_path_factory):
    """An encoder, and the folder that its export has written."""
    made = tmp_path_factory.mktemp("encoder")
    (made / "own").mkdir()
    (made / "onnx").mkdir()
    encoder = request.param(texts, tokenizer.folder)
    save_encoder(made / "own", encoder)
    write_onnx(made / "onnx", made / "own")
    return encoder, made / "onnx"


def embed(folder, file, texts, context=None):
    """Return the vectors that a graph computes, with the tokenizer of its folder."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    tokenizer.enable_padding(pad_id=3)
    if context:
        tokenizer.enable_truncation(context)
    rows = tokenizer.encode_batch(texts)
    inputs = {
        "input_ids": np.array([row.ids for row in rows]),
        "attention_mask": np.array([row.attention_mask for row in rows]),
    }
    return onnxruntime.InferenceSession(str(folder / file)).run(None, inputs)[0]


def cosines(vectors):
    return (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]


def test_onnx_graph_computes_our_vectors(exported):
    encoder, folder = exported
    texts = [*SENTENCES, "ışık", "Çok uzun bir cümle " * 30, "<s> bir <|end|>", "İSTANBUL'DA"]
    context = getattr(encoder.model.config, "context", None)
    own = encoder.embed(texts)
    assert np.abs(embed(folder, MODEL_FILE, texts, context) - own).max() < 1e-4
    assert np.abs(embed(folder, MODEL_FILE, texts[:1], context) - own[:1]).max() < 1e-4
    eight = embed(folder, INT8_FILE, texts, context)
    assert spearmanr(cosines(eight), cosines(own)).statistic > 0.98


def test_onnx_graph_of_unknown_words_is_a_vector_of_zeros(texts, tokenizer, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "onnx").mkdir()
    save_encoder(tmp_path / "own", make_table(texts, tokenizer.folder))
    write_onnx(tmp_path / "onnx", tmp_path / "own")
    assert not embed(tmp_path / "onnx", MODEL_FILE, ["𓀀𓀁", "ankara"])[0].any()


def test_export_encoder_keeps_the_folder_that_sentence_transformers_opens(exported, tmp_path, capsys):
    encoder, _ = exported
    own = tmp_path / "own"
    own.mkdir()
    save_encoder(own, encoder)
    export.export_encoder(own, tmp_path / "out", None, None)
    assert "model_int8.onnx: " in capsys.readouterr().out
    assert np.array_equal(load_encoder(tmp_path / "out").embed(SENTENCES), encoder.embed(SENTENCES))
    with pytest.raises(UserError, match="out: already exists"):
        export.export_encoder(own, tmp_path / "out", None, None)


def test_export_encoder_refuses_what_is_none(tmp_path):
    with pytest.raises(UserError, match=r"search\.json: no such file; run `dvc repro train_encoder`"):
        export.export_encoder(tmp_path / "none", tmp_path / "out", None, None)
    assert not (tmp_path / "out").exists()


def test_exports_tell_an_encoder_from_a_decoder(tokenizer, texts, tmp_path):
    (tmp_path / "encoder").mkdir()
    save_encoder(tmp_path / "encoder", make_table(texts, tokenizer.folder))
    save_decoder(tmp_path / "sft", make_random_decoder(), tokenizer.folder)
    with pytest.raises(UserError, match="encoder: an encoder; use `tezgah export encoder`"):
        export.export_gguf(tmp_path / "encoder", "f16", tmp_path / "out", None, None)
    with pytest.raises(UserError, match="sft: a decoder; use `tezgah export hf`"):
        export.export_encoder(tmp_path / "sft", tmp_path / "out", None, None)


@pytest.mark.slow
def test_onnx_graphs_of_the_default_encoder_on_real_sentences(tmp_path):
    folder, sentences = ROOT / "models/encoder", SHARED / "corpus/wiki_sentences.csv"
    if not (folder.is_dir() and sentences.is_file()):
        pytest.skip("needs the encoder of `dvc repro` and the shared data")
    with sentences.open(encoding="utf-8") as file:
        texts = [row[-1] for row in list(csv.reader(file))[1:201]]
    write_onnx(tmp_path, folder)
    own = load_encoder(folder).embed(texts)
    whole, eight = (embed(tmp_path, file, texts) for file in (MODEL_FILE, INT8_FILE))
    difference, rank = np.abs(whole - own).max(), spearmanr(cosines(eight), cosines(own)).statistic
    print(f"largest difference {difference:.1e}, int8 Spearman {rank:.5f}")
    assert difference < 1e-4
    assert rank >= 0.99
