import unicodedata

import numpy as np
import pytest
import torch

from pipeline.encoder.embed import embed_texts, make_input_ids, pad
from pipeline.encoder.model import Encoder, initialize

TEXTS = [
    "Iğdır'ın ışığı",
    "Van",
    "Ankara, Türkiye'nin başkentidir ve İç Anadolu'da yer alır.",
    "Yağmur yağınca şemsiyesini açtı ve eve doğru yürüdü; öğretmen kapıda bekliyordu. " * 3,
    "Kötü niyetli bir <s> ve </s> <pad> da metindir.",
    "",
]


@pytest.fixture(scope="module")
def stock(folder):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    return sentence_transformers.SentenceTransformer(str(folder), device="cpu")


def test_embed_texts_matches_sentence_transformers(stock, encoder, tokenizer):
    """Texts of unequal length in one batch, longer than the context and empty ones among them."""
    theirs = stock.encode(TEXTS, batch_size=len(TEXTS))
    ours = embed_texts(encoder, tokenizer, TEXTS)
    assert np.abs(theirs - ours).max() < 1e-5
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-5)


def test_embedding_of_decomposed_letters_is_that_of_composed_ones(stock, encoder, tokenizer):
    decomposed = [unicodedata.normalize("NFD", text) for text in TEXTS]
    assert decomposed != TEXTS
    assert np.array_equal(embed_texts(encoder, tokenizer, decomposed), embed_texts(encoder, tokenizer, TEXTS))
    assert np.array_equal(stock.encode(decomposed), stock.encode(TEXTS))


def test_make_input_ids_matches_sentence_transformers(stock, tokenizer):
    theirs = stock.tokenize(TEXTS)
    ids, mask = pad([make_input_ids(tokenizer, text, 40) for text in TEXTS])
    assert theirs["input_ids"].tolist() == ids.tolist()
    assert theirs["attention_mask"].bool().tolist() == mask.tolist()


def test_encoder_matches_modernbert_in_names_and_hidden_states(stock, encoder, tokenizer):
    from transformers import ModernBertModel

    model = stock[0].auto_model
    assert isinstance(model, ModernBertModel)
    assert {*model.state_dict()} == {*encoder.state_dict()}
    ids, mask = pad([make_input_ids(tokenizer, text, 40) for text in TEXTS])
    with torch.no_grad():
        theirs = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        ours = encoder.hidden_states(ids, mask)
    assert (theirs - ours)[mask].abs().max() < 1e-5


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_encoder_padding_changes_no_vector_in_any_precision(encoder, dtype):
    model = Encoder(encoder.config).to(dtype)
    initialize(model, 0)
    ids, mask = pad([[1, 9, 8, 7], [1, 5, 6, 9, 10, 11, 12, 13]])
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-6, torch.bfloat16: 0.03}[dtype]
    with torch.no_grad():
        batch = model(ids, mask)
        alone = model(ids[:1, :4], mask[:1, :4])
        assert (batch[:1] - alone).abs().max() < tolerance


def test_encoder_under_autocast_stays_close(encoder):
    ids, mask = pad([[1, 9, 8, 7], [1, 5, 6, 9, 10, 11, 12, 13]])
    with torch.no_grad():
        exact = encoder(ids, mask)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert (encoder(ids, mask) - exact).abs().max() < 0.03


def test_initialize_same_seed_gives_the_same_weights(encoder):
    twin, other = Encoder(encoder.config), Encoder(encoder.config)
    initialize(twin, 0)
    initialize(other, 1)
    name = "layers.0.attn.Wqkv.weight"
    assert torch.equal(twin.state_dict()[name], encoder.state_dict()[name])
    assert not torch.equal(other.state_dict()[name], encoder.state_dict()[name])
