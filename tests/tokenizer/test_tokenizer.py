"""The tokenizer gives back every text and reads nothing in it as special."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.tokenizer.special import SPECIAL_TOKENS
from pipeline.tokenizer.tokenizer import METASPACE, Tokenizer
from tests.helpers.small import TRICKY_STRINGS


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"])) | st.lists(st.sampled_from(TRICKY_STRINGS)).map("".join)
)
def test_decode_gives_back_every_text(any_tokenizer, text):
    assert any_tokenizer.decode(any_tokenizer.encode(text)) == text.replace(METASPACE, " ")


def test_encode_reads_nothing_in_a_text_as_special(any_tokenizer):
    for text in ("<s>", "</s> <pad>", "<|end|><|assistant|>", "<0x41>"):
        assert not set(range(len(SPECIAL_TOKENS))) & set(any_tokenizer.encode(text))


def test_special_tokens_have_the_first_ids(any_tokenizer):
    assert [any_tokenizer.id_to_piece(i) for i in range(8)] == SPECIAL_TOKENS
    assert not any_tokenizer.sp.is_control(8)


def test_no_piece_crosses_a_space_or_holds_two_digits(any_tokenizer):
    pieces = [any_tokenizer.id_to_piece(i) for i in range(any_tokenizer.vocab_size)]
    assert not [p for p in pieces if METASPACE in p[1:] or "\n" in p]
    assert not [
        p
        for p in pieces
        if len(p.strip(METASPACE)) > 1 and any(c.isdigit() for c in p) and not p.startswith("<0x")
    ]


def test_encode_refuses_a_lone_surrogate(tokenizer):
    with pytest.raises(UserError, match="lone surrogate"):
        tokenizer.encode("a\ud800")


def test_load_names_the_stage_that_makes_a_missing_folder(tmp_path):
    with pytest.raises(UserError, match="dvc repro train_tokenizer"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x0a\x05ab"])
def test_load_refuses_a_damaged_model(tokenizer, tmp_path, content):
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(UserError, match=r"tokenizer\.model: damaged.*dvc repro --force train_tokenizer"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes((tokenizer.folder / "tokenizer.model").read_bytes()[:-300])
    with pytest.raises(UserError, match="damaged"):
        Tokenizer.load(tmp_path)
