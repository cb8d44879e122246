"""Sampling the text and learning the vocabulary."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer as FastTokenizer

from pipeline.common.errors import UserError
from pipeline.text import casing
from pipeline.text.normalize import normalize_text
from pipeline.tokenizer.special import SPECIAL_TOKENS
from pipeline.tokenizer.tokenizer import METASPACE
from pipeline.tokenizer_training.params import BASE_VOCAB_SIZE, REQUIRED_CHARACTERS
from pipeline.tokenizer_training.report import text_token_ids
from pipeline.tokenizer_training.train import (
    MAX_LINE_BYTES,
    cut_long_lines,
    delimit_morphemes,
    sample_lines,
    train_sentencepiece,
)
from tests.helpers.factories import tokenizer_params
from tests.helpers.small import make_tokenizer, sentences


def test_train_sentencepiece_is_reproducible(texts):
    params = tokenizer_params(vocab_size=480, sample_bytes=1)
    assert train_sentencepiece(iter(texts), params) == train_sentencepiece(iter(texts), params)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("lines", [[], ["kısa"], ["kısa metin"] * 5])
def test_train_sentencepiece_refuses_a_text_too_small_for_the_vocabulary(kind, lines):
    params = tokenizer_params(kind=kind, vocab_size=4096, sample_bytes=1)
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size: 4096: the training text is too small"):
        train_sentencepiece(iter(lines), params)


def test_required_characters_have_both_cases_of_every_letter_and_are_normalized():
    assert len(set(REQUIRED_CHARACTERS)) == len(REQUIRED_CHARACTERS)
    assert set("abcçdefgğhıijklmnoöprsştuüvyzâîûqwx0123456789’‘“”…–—«»₺€°·•×") <= set(REQUIRED_CHARACTERS)
    for letter in filter(str.isalpha, REQUIRED_CHARACTERS):
        assert {casing.lower(letter), casing.upper(letter)} <= set(REQUIRED_CHARACTERS)
    assert normalize_text(REQUIRED_CHARACTERS) == REQUIRED_CHARACTERS


@pytest.mark.parametrize("vocab_size", [BASE_VOCAB_SIZE + 1, 512, 600])
@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_train_sentencepiece_gives_every_required_character_a_piece(kind, vocab_size, tmp_path):
    lines = ["".join(c for c in text if c not in "ÜĞüîûQ’“”…–₺z") for text in sentences(400)]
    syllables = [a + b + c for a in "bcdgklmt" for b in "aeıoö" for c in "lnrşt"]
    lines += [" ".join(a + b for b in syllables[i::7]) for i, a in enumerate(syllables)]  # pieces enough
    tokenizer = make_tokenizer(tmp_path, kind, lines, vocab_size=vocab_size)
    assert tokenizer.vocab_size == vocab_size
    fast = FastTokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for character in REQUIRED_CHARACTERS:
        (token,) = tokenizer.encode(character)
        assert tokenizer.id_to_piece(token) == character
        assert fast.encode(character, add_special_tokens=False).ids == [token]
        spaced = tokenizer.encode(f"ev {character}")
        assert not any(map(tokenizer.is_byte, spaced))
        assert fast.encode(f"ev {character}", add_special_tokens=False).ids == spaced
    assert [tokenizer.id_to_piece(i) for i in range(len(SPECIAL_TOKENS))] == SPECIAL_TOKENS


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_train_sentencepiece_refuses_fewer_pieces_than_characters(kind, texts):
    params = tokenizer_params(kind=kind, vocab_size=420)
    lines = [*texts, *["".join(map(chr, range(0x4E00, 0x4E50)))] * 100]
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size: 420: fewer pieces .*; raise it") as error:
        train_sentencepiece(iter(lines), params)
    assert "\n" not in str(error.value)


def test_cut_long_lines_keeps_every_word_but_one_longer_than_a_line():
    words = [f"sözcük{number}" for number in range(20_000)]
    line = " ".join(words)
    parts = list(cut_long_lines([line, "kısa", "", " "]))
    assert parts[-3:] == ["kısa", "", " "]
    assert "".join(parts[:-3]) == line
    assert len(parts) > 4
    assert all(part.startswith(" ") and len(part.encode()) <= MAX_LINE_BYTES for part in parts[1:-3])
    fits = "ş" * (MAX_LINE_BYTES // 2)
    assert list(cut_long_lines([fits, f"{fits} ev"])) == [fits, fits, " ev"]
    assert "".join(cut_long_lines([f"bir {fits}x iki {fits}x", fits + "x"])) == "bir iki"


@pytest.mark.parametrize("morphemes", [False, True])
def test_train_sentencepiece_learns_from_books_on_one_line(morphemes, texts, tmp_path):
    books = " ".join(texts * 10)
    assert len(books.encode()) > 4 * MAX_LINE_BYTES
    tokenizer = make_tokenizer(tmp_path / "a", "bpe", [books], morphemes)
    assert len(tokenizer.encode(" Türkiye'nin")) < 6
    place = len(books) // 2
    rare = f"{books[:place]}{' Kızılcahamam' * 105}{books[place:]}"
    tokenizer = make_tokenizer(tmp_path / "b", "bpe", [*texts, rare], morphemes, vocab_size=800)
    assert len(tokenizer.encode_word(" Kızılcahamam")) == 1


def test_sample_lines_covers_the_split(tmp_path):
    rows = [{"id": f"a-{i}", "source": "a", "text": f"satır {i:04}"} for i in range(2000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "part-00000.parquet")
    lines = list(sample_lines(tmp_path, 2000 * 11 // 4, seed=1))
    numbers = [int(line.split()[1]) for line in lines]
    assert 400 < len(lines) < 600
    assert min(numbers) < 50
    assert max(numbers) > 1950
    assert lines == list(sample_lines(tmp_path, 2000 * 11 // 4, seed=1))
    assert len(list(sample_lines(tmp_path, 10**9, seed=1))) == 2000


@pytest.mark.parametrize("apostrophe", ["'", "\u2019"])
@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_train_sentencepiece_joins_no_letters_over_an_apostrophe(kind, apostrophe, texts, tmp_path):
    with_apostrophe = [text.replace("'", apostrophe) for text in texts]
    assert apostrophe in "".join(with_apostrophe)
    tokenizer = make_tokenizer(tmp_path, kind, with_apostrophe)
    pieces = [tokenizer.id_to_piece(token) for token in text_token_ids(tokenizer)]
    assert not [piece for piece in pieces if re.search(r"\w['\u2019]\w", piece)]
    ids = tokenizer.encode(f"Iğdır{apostrophe}ın")
    assert apostrophe in [tokenizer.id_to_piece(token) for token in ids]


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_train_sentencepiece_with_morphemes_learns_no_piece_across_their_boundaries(kind, tmp_path):
    rare = "buzdolabının cumhurbaşkanlığı değerlendirme örgütlenmesi çağdaşlaşma hüzünlü jandarma"
    suffixed = ["evlerde evlerden evler evde", "kitaplarda kitaplardan kitaplar kitapta", rare]
    lines = [*sentences(64), *suffixed * 60]
    crossing = {}
    for morphemes in (False, True):
        tokenizer = make_tokenizer(tmp_path / f"{morphemes}", kind, lines, morphemes)
        pieces = {tokenizer.id_to_piece(token).strip(METASPACE) for token in text_token_ids(tokenizer)}
        crossing[morphemes] = [
            piece for piece in pieces if re.fullmatch("(ev|kitap)(l[ae]r|[dt][ae]).*", piece)
        ]
        assert tokenizer.decode(tokenizer.encode("evlerde\tkitapta")) == "evlerde\tkitapta"
    assert crossing[False]
    assert not crossing[True]


def test_delimit_morphemes_keeps_the_case_of_words():
    assert delimit_morphemes(["Evlerde süreci\tXyz"]) == ["Ev\tler\tde süreç\ti Xyz".replace("ç\t", "c\t")]


def test_delimit_morphemes_leaves_words_without_a_suffix_whole():
    line = "Bana değil, ona göre bile: bunun için sayın Alman yakın, eğer kesin değilse"
    cut = "Bana değil, ona göre bile: bu|nun için sayın Alman yakın, eğer kesin değil|se"
    assert delimit_morphemes([line]) == [cut.replace("|", "\t")]
