"""Many texts at once: the ids are those of each text alone."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as FastTokenizer

from pipeline.common.errors import UserError
from pipeline.corpus.readers.files import file_records
from pipeline.corpus.readers.records import Record
from pipeline.packing import encode as batch
from pipeline.packing.encode import BatchEncoder
from pipeline.tokenizer.tokenizer import BOS, EOS
from tests.helpers.small import make_tokenizer


def alone(tokenizer, texts):
    return [[BOS, *tokenizer.encode(text), EOS] for text in texts]


def together(encoder, texts):
    ids, counts = encoder.encode(pa.array(texts, pa.string()))
    assert counts.sum() == len(ids)
    return [part.tolist() for part in np.split(ids, np.cumsum(counts)[:-1])]


def test_real_sentences(any_tokenizer, texts):
    encoder = BatchEncoder(any_tokenizer)
    assert together(encoder, texts) == alone(any_tokenizer, texts)
    assert together(encoder, texts[::-1]) == alone(any_tokenizer, texts[::-1])  # all words are known by now


letters = st.text(alphabet=" \n\t.,'’<>\u2581aeıiİçğ€😀\u0301x1", max_size=30)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(letters | st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=8)
)
def test_any_text(any_tokenizer, texts):
    assert together(BatchEncoder(any_tokenizer), texts) == alone(any_tokenizer, texts)


def test_texts_without_words(any_tokenizer):
    texts = ["", "a", "", "", "\n\n", "  ", ""]
    assert together(BatchEncoder(any_tokenizer), texts) == alone(any_tokenizer, texts)


def test_a_part_of_an_array(any_tokenizer, texts):
    ids, _ = BatchEncoder(any_tokenizer).encode(pa.array(texts).slice(7, 5))
    assert ids.tolist() == [token for ids in alone(any_tokenizer, texts[7:12]) for token in ids]


def test_memory_stays_bounded_and_nothing_changes(any_tokenizer, texts, monkeypatch):
    monkeypatch.setattr(batch, "KEPT_WORDS", 20)
    monkeypatch.setattr(batch, "WORDS_AT_ONCE", 13)
    monkeypatch.setattr(batch, "NEW_AT_ONCE", 3)
    encoder = BatchEncoder(any_tokenizer)
    assert together(encoder, texts) == alone(any_tokenizer, texts)
    assert len(encoder.known) <= 20 + 13


def test_long_words_do_not_fill_the_memory(any_tokenizer, monkeypatch):
    monkeypatch.setattr(batch, "KEPT_BYTES", 3_000)
    encoder = BatchEncoder(any_tokenizer)
    for number in range(20):
        texts = [f"{number}" * 400 + "a b", "b a"]
        assert together(encoder, texts) == alone(any_tokenizer, texts)
        assert encoder.known.nbytes + encoder.ids.nbytes < 3_000 + 2 * 4 * len(texts[0])


def test_a_word_that_is_none(any_tokenizer):
    for encode in (any_tokenizer.encode, lambda text: BatchEncoder(any_tokenizer).encode(pa.array([text]))):
        with pytest.raises(UserError, match=r"70,001 bytes without a space or newline \(aaaa.*remove it"):
            encode("Bir " + "a" * 70_000)


def texts_of(file):
    return [record.text for record in file_records(file) if isinstance(record, Record)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_every_document_of_the_shared_corpora_in_all_three_forms(kind, shared, tmp_path):
    files = sorted((shared / "corpus").glob("*.*"))
    lines = [line for file in files for text in texts_of(file)[::20] for line in text.split("\n") if line]
    tokenizer = make_tokenizer(tmp_path, kind, lines, vocab_size=8192)
    encoder = BatchEncoder(tokenizer)
    fast = FastTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    fast.encode_special_tokens = True  # a literal <s> is text
    for file in files:
        some = texts_of(file)
        expected = alone(tokenizer, some)
        assert together(encoder, some) == expected, file
        for ids, text in zip(expected, some, strict=True):
            assert [BOS, *fast.encode(text, add_special_tokens=False).ids, EOS] == ids, file
