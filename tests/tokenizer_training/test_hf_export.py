"""The `tokenizers` form gives the same ids as the SentencePiece model."""

import json
import random
import unicodedata

import pytest
from tokenizers import Tokenizer as FastTokenizer

from tests.helpers.small import TRICKY_STRINGS, make_tokenizer


def fuzz(count: int) -> list[str]:
    rng = random.Random(0)
    mixed = ["".join(rng.choices(TRICKY_STRINGS, k=rng.randrange(40))) for _ in range(count // 2)]
    wild = [
        "".join(chr(c) for c in rng.choices(range(0x11000), k=20) if not 0xD800 <= c < 0xE000)
        for _ in range(count // 2)
    ]
    return mixed + wild


def fast_form(tokenizer):
    fast = FastTokenizer.from_file(str(tokenizer.folder / "tokenizer.json"))
    fast.encode_special_tokens = True
    return fast


def test_fast_tokenizer_gives_equal_ids(any_tokenizer, texts):
    fast = fast_form(any_tokenizer)
    for text in texts + fuzz(2000):
        ids = any_tokenizer.encode(unicodedata.normalize("NFC", text))
        assert fast.encode(text, add_special_tokens=False).ids == ids, repr(text)
        assert any_tokenizer.sp.encode(text) == any_tokenizer.encode(text), repr(text)


def test_fast_tokenizer_reads_decomposed_letters_as_composed_ones(any_tokenizer, texts):
    fast = fast_form(any_tokenizer)
    for text in texts:
        decomposed = unicodedata.normalize("NFD", text)
        assert decomposed != text
        assert fast.encode(decomposed).ids == fast.encode(text).ids


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_fast_tokenizer_gives_equal_ids_on_real_text(kind, shared, tmp_path):
    rows = (shared / "eval/heldout.jsonl").read_text(encoding="utf-8").splitlines()
    real = [json.loads(row)["text"] for row in rows[:250]]
    tokenizer = make_tokenizer(
        tmp_path, kind, [line for text in real[:80] for line in text.split("\n") if line]
    )
    fast = fast_form(tokenizer)
    for text in real:
        assert fast.encode(text, add_special_tokens=False).ids == tokenizer.encode(text)
        assert tokenizer.decode(tokenizer.encode(text)) == text
