import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from pipeline.common.errors import UserError
from pipeline.encoder.lexical import split_prefixes
from pipeline.encoder.vocabulary import (
    add_start_token,
    build_vocabulary,
    encode_texts,
    lower_case_vocabulary,
    remove_special_tokens,
    train_prefix_vocabulary,
)

CORPUS = ["kitap kitabı kitapta okulda okul defter"] * 50 + ["zürafa zümrüt kalem kalemi İSTANBUL'DA ışık"]


def tokens(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).tokens


def test_prefix_vocabulary_cuts_words_to_five_lower_case_letters(tmp_path):
    tokenizer = build_vocabulary("prefix5", 500, CORPUS, tmp_path)
    assert tokens(tokenizer, "Kitaplarımızdan, OKULDAYDIK!") == ["kitap", "okuld"]
    assert tokens(tokenizer, "İSTANBUL'da IŞIK") == ["istan", "da", "ışık"]
    assert tokens(tokenizer, "İSTANBUL'DA".lower()) == ["istan", "da"]  # not Turkish: i and a dot of its own
    decomposed = unicodedata.normalize("NFD", "İstanbul ışık zürafa")
    assert tokens(tokenizer, decomposed) == split_prefixes(decomposed) == ["istan", "ışık", "züraf"]
    assert split_prefixes("İSTANBUL'DA".lower()) == ["istan", "da"]


def test_prefix_vocabulary_of_rare_words_falls_back_to_shorter_starts_and_letters():
    tokenizer = train_prefix_vocabulary(CORPUS, 60)
    unseen = tokens(tokenizer, "zürif kalemlik")
    assert "".join(piece.removeprefix("##") for piece in unseen) == "zürifkalem"
    assert "<unk>" not in unseen


def test_prefix_vocabulary_has_at_most_the_pieces_asked_for(texts):
    assert train_prefix_vocabulary(texts, 300).get_vocab_size() == 300


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Z"]), max_size=60))
def test_prefix_vocabulary_agrees_with_the_word_search_on_where_words_end(text):
    tokenizer = train_prefix_vocabulary([text, "a b c"], 5000)
    expected = [prefix for prefix in split_prefixes(text) if prefix]
    if any(not prefix.isalnum() for prefix in expected) or any(ord(letter) > 0x24F for letter in text):
        return  # rare signs, of which libraries of patterns think differently
    assert [piece for piece in tokens(tokenizer, text) if not piece.startswith("##")] == expected


def test_lower_case_vocabulary_gives_a_word_one_cut_wherever_it_stands(tokenizer):
    lower = lower_case_vocabulary(tokenizer.folder)
    alone, behind = tokens(lower, "Kedi"), tokens(lower, "bir KEDİ")
    assert behind[-len(alone) :] == alone
    assert tokens(lower, "İki\nsatır") == tokens(lower, "iki satır")


def test_special_tokens_in_a_text_are_text(tokenizer):
    network = add_start_token(lower_case_vocabulary(tokenizer.folder))
    table = remove_special_tokens(lower_case_vocabulary(tokenizer.folder))
    for each in (network, table):
        assert not {0, 1, 2, 3} & {*encode_texts(each, ["bir <s> ve <pad>"])[0].tolist()}
    assert network.encode("van").ids[0] == 1
    assert Tokenizer.from_str(table.to_str()).encode("van <s>").ids == table.encode("van <s>").ids


def test_build_vocabulary_names_a_missing_tokenizer_and_a_corpus_without_words(tmp_path):
    with pytest.raises(UserError, match=r"tokenizer.json: no such file; run `dvc repro train_tokenizer`"):
        build_vocabulary("tokenizer", 10, [], tmp_path)
    with pytest.raises(UserError, match="no word in its documents"):
        build_vocabulary("prefix5", 10, ["…", "!"], tmp_path)
