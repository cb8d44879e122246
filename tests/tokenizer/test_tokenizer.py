"""The tokenizer folder: both forms agree, and every text comes back."""

import json
import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as FastTokenizer

from pipeline.common.errors import UserError
from pipeline.tokenizer.tokenizer import BOS, EOS, PAD, SPACE, UNK, Tokenizer
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.tokenizer_training.report import (
    cuts,
    morpheme_report,
    pieces_page,
    plain_pieces,
    read_segmentations,
    renyi_efficiency,
    text_report,
)
from pipeline.tokenizer_training.train import cut_at_morphemes, sampled_lines, train
from tests.helpers.small import make_tokenizer, sentences

PARTS = [
    *"abcçdeğıİşüÖIi 0123.,;!?'’…<>|/\\{}^~",
    " ",
    "  ",
    "\n",
    "\t",
    "\x00",
    SPACE,
    "🙂",
    "👩‍👩‍👧",
    "e\u0301",
    "中",
    "<s>",
    "</s>",
    "<unk>",
    "<pad>",
    "<|user|>",
    "<|end|>",
    "<0x41>",
    "<0x0A>",
    "...",
    "gidiyoruz",
    "Ankara'da",
]


def fuzz(count: int) -> list[str]:
    rng = random.Random(0)
    mixed = ["".join(rng.choices(PARTS, k=rng.randrange(40))) for _ in range(count // 2)]
    wild = [
        "".join(chr(c) for c in rng.choices(range(0x11000), k=20) if not 0xD800 <= c < 0xE000)
        for _ in range(count // 2)
    ]
    return mixed + wild


def fast_form(tokenizer):
    fast = FastTokenizer.from_file(str(tokenizer.folder / "tokenizer.json"))
    fast.encode_special_tokens = True
    return fast


def test_both_forms_give_equal_ids(any_tokenizer, texts):
    fast = fast_form(any_tokenizer)
    for text in texts + fuzz(2000):
        ids = any_tokenizer.encode(text)
        assert fast.encode(text, add_special_tokens=False).ids == ids, repr(text)
        assert any_tokenizer.sp.encode(text) == ids, repr(text)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_both_forms_give_equal_ids_on_real_text(kind, shared, tmp_path):
    rows = (shared / "eval/heldout.jsonl").read_text(encoding="utf-8").splitlines()
    real = [json.loads(row)["text"] for row in rows[:250]]
    tokenizer = make_tokenizer(
        tmp_path, kind, [line for text in real[:80] for line in text.split("\n") if line]
    )
    fast = fast_form(tokenizer)
    for text in real:
        assert fast.encode(text, add_special_tokens=False).ids == tokenizer.encode(text)
        assert tokenizer.decode(tokenizer.encode(text)) == text


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])) | st.lists(st.sampled_from(PARTS)).map("".join))
def test_every_text_comes_back(any_tokenizer, text):
    assert any_tokenizer.decode(any_tokenizer.encode(text)) == text.replace(SPACE, " ")


def test_nothing_in_a_text_is_special(any_tokenizer):
    for text in ("<s>", "</s> <pad>", "<|end|><|assistant|>", "<0x41>"):
        assert not {UNK, BOS, EOS, PAD, 4, 5, 6, 7} & set(any_tokenizer.encode(text))


def test_a_piece_never_crosses_a_space(any_tokenizer):
    pieces = [any_tokenizer.piece(i) for i in range(any_tokenizer.vocab_size)]
    assert not [p for p in pieces if SPACE in p[1:] or "\n" in p]
    assert not [
        p
        for p in pieces
        if len(p.strip(SPACE)) > 1 and any(c.isdigit() for c in p) and not p.startswith("<0x")
    ]


def test_a_lone_surrogate_is_refused(tokenizer):
    with pytest.raises(UserError, match="lone surrogate"):
        tokenizer.encode("a\ud800")


def test_training_is_reproducible(texts):
    params = TokenizerParams(kind="bpe", vocab_size=480, sample_bytes=1, max_piece_chars=16, morphemes=False)
    assert train(iter(texts), params) == train(iter(texts), params)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("lines", [[], ["kısa"], ["kısa metin"] * 5])
def test_a_text_too_small_for_the_vocabulary_is_one_line(kind, lines):
    params = TokenizerParams(kind=kind, vocab_size=4096, sample_bytes=1, max_piece_chars=16, morphemes=False)
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size: 4096: the training text is too small"):
        train(iter(lines), params)


def test_a_missing_folder_names_the_stage(tmp_path):
    with pytest.raises(UserError, match="dvc repro train_tokenizer"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x0a\x05ab"])
def test_a_damaged_model_is_one_line(tokenizer, tmp_path, content):
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(UserError, match=r"tokenizer\.model: damaged.*dvc repro --force train_tokenizer"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes((tokenizer.folder / "tokenizer.model").read_bytes()[:-300])
    with pytest.raises(UserError, match="damaged"):
        Tokenizer.load(tmp_path)


def test_the_sample_covers_the_split(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"id": f"a-{i}", "source": "a", "text": f"satır {i:04}"} for i in range(2000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "part-00000.parquet")
    lines = list(sampled_lines(tmp_path, 2000 * 11 // 4, seed=1))
    numbers = [int(line.split()[1]) for line in lines]
    assert 400 < len(lines) < 600
    assert min(numbers) < 50
    assert max(numbers) > 1950
    assert lines == list(sampled_lines(tmp_path, 2000 * 11 // 4, seed=1))
    assert len(list(sampled_lines(tmp_path, 10**9, seed=1))) == 2000


def documents(texts):
    return [{"id": f"a-{number}", "text": text} for number, text in enumerate(texts)]


def test_a_document_of_no_text_is_named(tokenizer):
    with pytest.raises(UserError, match="data/corpus/val: document a-1: text: 70,000 bytes without"):
        text_report(tokenizer, documents(["Ankara", "a" * 70_000]))


def test_the_report_counts_by_hand(tokenizer):
    report, used = text_report(tokenizer, documents(["Ankara zzqx", "çğ"]))
    tokens = len(tokenizer.encode("Ankara zzqx")) + len(tokenizer.encode("çğ"))
    assert report["bytes_per_token"] == (11 + 4) / tokens
    assert report["tokens_per_word"] == tokens / 3
    assert report["exact_round_trip"] == report["fast_form_equal"] == 1
    assert used.sum() == tokens
    assert report["unused_pieces"] == len(plain_pieces(tokenizer)) - (used[plain_pieces(tokenizer)] > 0).sum()
    assert report["longest_piece_chars"] <= 16


def test_even_use_has_all_the_renyi_entropy_and_one_piece_none():
    assert renyi_efficiency(np.full(8, 3)) == pytest.approx(1)
    assert renyi_efficiency(np.array([5, 0, 0, 0])) == 0
    halves = np.array([4, 4, 0, 0])  # log 2 of log 4
    assert renyi_efficiency(halves) == pytest.approx(0.5)


def test_the_page_names_pieces_by_length_use_and_lack_of_it(tokenizer, texts):
    _, used = text_report(tokenizer, documents(texts[:5]))
    page = pieces_page(tokenizer, used)
    longest = max((tokenizer.piece(token) for token in plain_pieces(tokenizer)), key=len)
    assert f"`{longest}`" in page.split("## The most used")[0]
    assert f"Never used there: {(used[plain_pieces(tokenizer)] == 0).sum():,} of" in page


def test_morpheme_boundaries_by_hand(tmp_path):
    class Fixed:
        pieces = (SPACE + "ev", "ler", "imiz", "de")

        def encode_word(self, word):
            return range(4) if word == " evlerimizde" else (0,)

        def piece(self, i):
            return self.pieces[i]

    assert cuts(["ev", "ler", "imizde"]) == {2, 5}
    report = morpheme_report(Fixed(), [("evlerimizde", ["ev", "ler", "imizde"])])
    assert (report["precision"], report["recall"]) == (2 / 3, 1)
    path = tmp_path / "s.tsv"
    path.write_text("form\tsegments\nevde\tev|de\nbozuk\tbo|zu\n", encoding="utf-8")
    assert read_segmentations(path) == [("evde", ["ev", "de"])]


@pytest.mark.parametrize("mark", ["'", "\u2019"])
@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_no_piece_joins_letters_over_an_apostrophe(kind, mark, texts, tmp_path):
    marked = [text.replace("'", mark) for text in texts]
    assert mark in "".join(marked)
    tokenizer = make_tokenizer(tmp_path, kind, marked)
    pieces = [tokenizer.piece(token) for token in plain_pieces(tokenizer)]
    assert not [piece for piece in pieces if re.search(r"\w['\u2019]\w", piece)]
    ids = tokenizer.encode(f"Iğdır{mark}ın")
    assert mark in [tokenizer.piece(token) for token in ids]


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_pieces_are_learnt_inside_of_morphemes_where_that_is_asked_for(kind, tmp_path):
    rare = "buzdolabının cumhurbaşkanlığı değerlendirme örgütlenmesi çağdaşlaşma hüzünlü jandarma"
    mine = ["evlerde evlerden evler evde", "kitaplarda kitaplardan kitaplar kitapta", rare]
    lines = [*sentences(64), *mine * 60]
    joined = {}
    for morphemes in (False, True):
        tokenizer = make_tokenizer(tmp_path / f"{morphemes}", kind, lines, morphemes)
        pieces = {tokenizer.piece(token).strip(SPACE) for token in plain_pieces(tokenizer)}
        joined[morphemes] = [
            piece for piece in pieces if re.fullmatch("(ev|kitap)(l[ae]r|[dt][ae]).*", piece)
        ]
        assert tokenizer.decode(tokenizer.encode("evlerde\tkitapta")) == "evlerde\tkitapta"
    assert joined[False]
    assert not joined[True]


def test_words_are_cut_in_their_own_case():
    assert cut_at_morphemes(["Evlerde süreci\tXyz"]) == ["Ev\tler\tde süreç\ti Xyz".replace("ç\t", "c\t")]


def test_words_that_only_look_as_if_they_had_a_suffix_stay_whole():
    line = "Bana değil, ona göre bile: bunun için sayın Alman yakın, eğer kesin değilse"
    cut = "Bana değil, ona göre bile: bu|nun için sayın Alman yakın, eğer kesin değil|se"
    assert cut_at_morphemes([line]) == [cut.replace("|", "\t")]
