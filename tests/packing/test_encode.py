"""Many texts at once: the ids are those of each text alone."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as FastTokenizer

from pipeline.common.errors import UserError
from pipeline.corpus.readers.files import read_file
from pipeline.corpus.readers.records import Record
from pipeline.packing import encode
from pipeline.packing.encode import BatchEncoder
from pipeline.tokenizer.special import BOS, EOS
from tests.helpers.small import make_tokenizer


def encode_one_by_one(tokenizer, texts):
    return [[BOS, *tokenizer.encode(text), EOS] for text in texts]


def encode_batch(encoder, texts):
    ids, counts = encoder.encode(pa.array(texts, pa.string()))
    assert counts.sum() == len(ids)
    return [text_ids.tolist() for text_ids in np.split(ids, np.cumsum(counts)[:-1])]


def test_batch_encoder_matches_encode_on_real_sentences(any_tokenizer, texts):
    encoder = BatchEncoder(any_tokenizer)
    assert encode_batch(encoder, texts) == encode_one_by_one(any_tokenizer, texts)
    assert encode_batch(encoder, texts[::-1]) == encode_one_by_one(
        any_tokenizer, texts[::-1]
    )  # all words are cached by now


letters = st.text(alphabet=" \n\t.,'’<>\u2581aeıiİçğ€😀\u0301x1", max_size=30)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(letters | st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=8)
)
def test_batch_encoder_matches_encode_on_any_text(any_tokenizer, texts):
    assert encode_batch(BatchEncoder(any_tokenizer), texts) == encode_one_by_one(any_tokenizer, texts)


def test_batch_encoder_encodes_texts_without_words(any_tokenizer):
    texts = ["", "a", "", "", "\n\n", "  ", ""]
    assert encode_batch(BatchEncoder(any_tokenizer), texts) == encode_one_by_one(any_tokenizer, texts)


def test_batch_encoder_encodes_a_slice_of_an_array(any_tokenizer, texts):
    ids, _ = BatchEncoder(any_tokenizer).encode(pa.array(texts).slice(7, 5))
    assert ids.tolist() == [token for ids in encode_one_by_one(any_tokenizer, texts[7:12]) for token in ids]


def test_batch_encoder_bounds_its_cache_and_gives_the_same_ids(any_tokenizer, texts, monkeypatch):
    monkeypatch.setattr(encode, "MAX_CACHED_WORDS", 20)
    monkeypatch.setattr(encode, "WORDS_PER_BLOCK", 13)
    monkeypatch.setattr(encode, "WORDS_PER_CALL", 3)
    encoder = BatchEncoder(any_tokenizer)
    assert encode_batch(encoder, texts) == encode_one_by_one(any_tokenizer, texts)
    assert len(encoder.cached_words) <= 20 + 13


def test_batch_encoder_bounds_its_cache_with_long_words(any_tokenizer, monkeypatch):
    monkeypatch.setattr(encode, "MAX_CACHED_BYTES", 3_000)
    encoder = BatchEncoder(any_tokenizer)
    for number in range(20):
        texts = [f"{number}" * 400 + "a b", "b a"]
        assert encode_batch(encoder, texts) == encode_one_by_one(any_tokenizer, texts)
        assert encoder.cached_words.nbytes + encoder.cached_ids.nbytes < 3_000 + 2 * 4 * len(texts[0])


def test_batch_encoder_refuses_a_word_too_long(any_tokenizer):
    encoder = BatchEncoder(any_tokenizer)
    for encode_text in (any_tokenizer.encode, lambda text: encoder.encode(pa.array([text]))):
        with pytest.raises(UserError, match=r"70,001 bytes without a space or newline \(aaaa.*remove it"):
            encode_text("Bir " + "a" * 70_000)


def texts_of(file):
    """Return the documents of a file in NFC, to which the fast tokenizer brings every text."""
    records = (record for record in read_file(file) if isinstance(record, Record))
    return [unicodedata.normalize("NFC", record.text) for record in records]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_batch_encoder_and_fast_tokenizer_match_encode_on_the_shared_corpora(kind, shared, tmp_path):
    files = sorted((shared / "corpus").glob("*.*"))
    lines = [line for file in files for text in texts_of(file)[::20] for line in text.split("\n") if line]
    tokenizer = make_tokenizer(tmp_path, kind, lines, vocab_size=8192)
    encoder = BatchEncoder(tokenizer)
    fast = FastTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    fast.encode_special_tokens = True  # a literal <s> is text
    for file in files:
        texts = texts_of(file)
        expected = encode_one_by_one(tokenizer, texts)
        assert encode_batch(encoder, texts) == expected, file
        for ids, text in zip(expected, texts, strict=True):
            assert [BOS, *fast.encode(text, add_special_tokens=False).ids, EOS] == ids, file
