"""`tezgah tokenize`: pieces, ids and bytes."""

import pytest

from pipeline.cli.show_tokens import piece_bytes, print_tokens
from pipeline.common.errors import UserError


def test_print_tokens_prints_pieces_that_spell_the_text(tokenizer, capsys):
    text = "Ankara'da 🙂 {x}"
    print_tokens(text, tokenizer.folder)
    printed = capsys.readouterr().out
    ids = tokenizer.encode(text)
    assert all(f" {token} " in printed for token in ids)
    assert b"".join(piece_bytes(tokenizer, token) for token in ids) == text.encode()
    assert "<0xF0>" in printed
    assert "f0" in printed
    assert f"{len(ids)} tokens, 18 bytes, 3 words: {18 / len(ids):.2f} bytes per token" in printed


def test_print_tokens_of_an_empty_text(tokenizer, capsys):
    print_tokens("", tokenizer.folder)
    assert "0 tokens, 0 bytes, 0 words\n" in capsys.readouterr().out


def test_print_tokens_counts_in_turkish(tokenizer, capsys, monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    print_tokens("", tokenizer.folder)
    assert capsys.readouterr().out.endswith("0 token, 0 bayt, 0 sözcük\n")


def test_print_tokens_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(UserError, match="run `dvc repro train_tokenizer`"):
        print_tokens("Ev", tmp_path)
