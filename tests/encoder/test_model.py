"""The encoder's vectors are those of stock sentence-transformers, and padding changes none."""

import unicodedata

import numpy as np
import pytest
import torch

from pipeline.encoder.model import Encoder, initialize, pad
from pipeline.encoder.vocabulary import encode_texts
from pipeline.tokenizer.special import BOS

TEXTS = [
    "Iğdır'ın ışığı",
    "Van",
    "Ankara, Türkiye'nin başkentidir ve İç Anadolu'da yer alır.",
    "Yağmur yağınca şemsiyesini açtı ve eve doğru yürüdü; öğretmen kapıda bekliyordu. " * 3,
    "Kötü niyetli bir <s> ve </s> <pad> da metindir.",
    "İki  boşluk,\nyeni satır\tve sekme.",
    "",
]


@pytest.fixture(scope="module")
def stock(folder):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    return sentence_transformers.SentenceTransformer(str(folder), device="cpu")


def test_embed_matches_sentence_transformers(stock, encoder, texts):
    """Texts of unequal length in one batch, longer than the context and empty ones among them."""
    many = [*TEXTS, *texts[:100]]
    theirs = stock.encode(many, batch_size=len(many))
    ours = encoder.embed(many)
    assert np.abs(theirs - ours).max() < 1e-5
    assert np.linalg.norm(np.delete(ours, TEXTS.index(""), axis=0), axis=1) == pytest.approx(1, abs=1e-5)


def test_embed_ignores_case_spaces_and_composition(encoder):
    base = encoder.embed(["İstanbul'un ışığı güzeldi, Iğdır'ınki değildi."])
    for same in (
        "istanbul'un ışığı güzeldi, ığdır'ınki değildi.",
        "İSTANBUL'UN IŞIĞI GÜZELDİ, IĞDIR'INKİ DEĞİLDİ.",
        unicodedata.normalize("NFD", "İstanbul'un ışığı güzeldi, Iğdır'ınki değildi."),
        "  İstanbul'un ışığı\ngüzeldi,  Iğdır'ınki değildi.",
    ):
        assert np.allclose(encoder.embed([same]), base, atol=1e-6), same


def test_embed_of_an_empty_text_is_zero_or_finite(encoder):
    assert np.isfinite(encoder.embed(["", "…"])).all()


def test_network_matches_modernbert_in_names_and_hidden_states(network, network_folder):
    from transformers import ModernBertModel

    model = ModernBertModel.from_pretrained(network_folder)
    assert {*model.state_dict()} == {*network.model.state_dict()}
    rows = [np.concatenate([[BOS], row])[:40] for row in encode_texts(network.tokenizer, TEXTS)]
    ids, mask = pad(rows)
    with torch.no_grad():
        theirs = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        ours = network.model.hidden_states(ids, mask)
    assert (theirs - ours)[mask].abs().max() < 1e-5


def test_network_start_token_and_rare_words_have_their_weights(network):
    assert network.model.token_weights[BOS] == 0
    assert (network.model.token_weights >= 0).all()


ROWS = [np.array([1, 9, 8, 7]), np.array([1, 5, 6, 9, 10, 11, 12, 13])]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_encoder_padding_changes_no_vector_in_any_precision(network, dtype):
    model = Encoder(network.model.config).to(dtype)
    initialize(model, 0)
    ids, mask = pad(ROWS)
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-6, torch.bfloat16: 0.03}[dtype]
    with torch.no_grad():
        batch = model(ids, mask)
        alone = model(ids[:1, :4], mask[:1, :4])
        assert (batch[:1] - alone).abs().max() < tolerance


def test_embed_rows_keeps_the_order_of_texts_of_unequal_length(network):
    rows = encode_texts(network.tokenizer, TEXTS)
    with torch.no_grad():
        together = network.model.embed_rows(rows)
        alone = torch.cat([network.model.embed_rows([row]) for row in rows])
    assert (together - alone).abs().max() < 1e-5


def test_encoder_under_autocast_stays_close(network):
    ids, mask = pad(ROWS)
    with torch.no_grad():
        exact = network.model(ids, mask)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert (network.model(ids, mask) - exact).abs().max() < 0.03


def test_initialize_same_seed_gives_the_same_weights(network):
    twin, other = Encoder(network.model.config), Encoder(network.model.config)
    initialize(twin, 0)
    initialize(other, 1)
    name = "layers.0.attn.Wqkv.weight"
    assert torch.equal(twin.state_dict()[name], network.model.state_dict()[name])
    assert not torch.equal(other.state_dict()[name], network.model.state_dict()[name])
