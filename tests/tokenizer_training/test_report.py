"""Measures of a vocabulary, and the files of segmented words that it is measured on."""

from collections import Counter

import numpy as np
import pytest

from pipeline.common.errors import UserError
from pipeline.tokenizer.tokenizer import METASPACE
from pipeline.tokenizer_training.report import (
    boundary_offsets,
    commonest_fallback,
    format_pieces_page,
    measure_morpheme_boundaries,
    measure_text_fit,
    read_segmentation_tables,
    read_segmentations,
    renyi_efficiency,
    text_token_ids,
)

FOLDER = "data/raw/morph"
ROWS = "form\tsegments\nevde\tev|de\n"


@pytest.fixture
def morph(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / ".gitkeep").touch()
    (tmp_path / "miniworld.tsv").write_text("kapıda\tkapı|da\n", encoding="utf-8")
    return folder


def tables(tmp_path):
    return read_segmentation_tables(tmp_path / "miniworld.tsv", FOLDER)


@pytest.mark.parametrize(
    "content",
    [
        "form\tsegments\nevde\tev|de\n",
        "\nevde\tev|de\n\t\n\n",
        "evde\tev|de\tNOUN\t3\r\nbozuk\tbo|zu\r\n",
        "\ufeffevde\tev|de",
        "yalnız\nevde\tev|de\nevde\t|ev|de\nevde\tev||de",
    ],
)
def test_read_segmentations_reads_usable_rows_alone(tmp_path, content):
    path = tmp_path / "s.tsv"
    path.write_bytes(content.encode())
    assert read_segmentations(path) == [("evde", ["ev", "de"])]


def test_read_segmentations_composes_letters(tmp_path):
    path = tmp_path / "s.tsv"
    path.write_text("go\u0308lde\tgo\u0308l|de\n", encoding="utf-8")
    assert read_segmentations(path) == [("gölde", ["göl", "de"])]


def test_read_segmentations_of_an_empty_file_has_no_rows(tmp_path):
    path = tmp_path / "s.tsv"
    path.touch()
    assert read_segmentations(path) == []


@pytest.mark.parametrize("content", ["form\tsegments\n", "\n", "evde,ev|de\n", "evde\tev-de\n"])
def test_read_segmentations_refuses_a_file_without_a_usable_row(tmp_path, content):
    path = tmp_path / "s.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"s\.tsv: no row of .*; fix the file or remove it") as error:
        read_segmentations(path)
    assert "\n" not in str(error.value)


def test_read_segmentations_names_the_line_of_another_encoding(tmp_path):
    path = tmp_path / "s.tsv"
    path.write_bytes("evde\tev|de\nağaçta\tağaç|ta\n".encode("iso-8859-9"))
    with pytest.raises(UserError, match=r"s\.tsv: line 2: not UTF-8; save the file as UTF-8"):
        read_segmentations(path)


def test_measure_morpheme_boundaries_counts_scored_and_skipped_forms():
    class Fixed:
        pieces = (METASPACE + "ev", "de", METASPACE, "<0xF0>")

        def encode_word(self, word):
            return (0, 1) if word == " evde" else (2, 3)

        def id_to_piece(self, i):
            return self.pieces[i]

    report = measure_morpheme_boundaries(Fixed(), [("evde", ["ev", "de"]), ("中de", ["中", "de"])])
    assert report == {"forms": 1, "skipped": 1, "precision": 1, "recall": 1, "f1": 1}


def test_read_segmentation_tables_has_the_miniworld_and_the_users_files(morph, tmp_path):
    assert list(tables(tmp_path)) == ["miniworld"]
    for name in ("segmentations.tsv", "tr.imst.v2.tsv"):
        (morph / name).write_text(ROWS, encoding="utf-8")
    (morph / "empty.tsv").touch()
    (morph / "README.md").write_text("about")
    read = tables(tmp_path)
    assert list(read) == ["miniworld", "segmentations", "tr_imst_v2"]
    assert read["miniworld"] == [("kapıda", ["kapı", "da"])]
    (tmp_path / "miniworld.tsv").write_text("")
    assert list(tables(tmp_path)) == ["segmentations", "tr_imst_v2"]


@pytest.mark.parametrize("names", [["miniworld.tsv"], ["a.b.tsv", "a_b.tsv"]])
def test_read_segmentation_tables_refuses_two_files_of_one_key(morph, tmp_path, names):
    for name in names:
        (morph / name).write_text(ROWS, encoding="utf-8")
    with pytest.raises(UserError, match=rf"{names[-1]}: its figures are named .*; rename it"):
        tables(tmp_path)


def test_read_segmentation_tables_follows_linked_files_and_refuses_linked_folders(morph, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.tsv").write_text(ROWS, encoding="utf-8")
    (morph / "a.tsv").symlink_to(elsewhere / "a.tsv")
    assert list(tables(tmp_path)) == ["miniworld", "a"]
    (morph / "more").symlink_to(elsewhere)
    with pytest.raises(UserError, match="data/raw/morph/more is a symlinked folder"):
        tables(tmp_path)


@pytest.mark.parametrize("full", [True, False])
def test_read_segmentation_tables_refuses_a_linked_root(morph, tmp_path, full):
    (morph / ".gitkeep").unlink()
    morph.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if full:
        (elsewhere / "a.tsv").write_text(ROWS, encoding="utf-8")
    morph.symlink_to(elsewhere)
    with pytest.raises(UserError, match="data/raw/morph is a symlinked folder"):
        tables(tmp_path)


def test_read_segmentation_tables_names_files_not_fetched_by_dvc(morph, tmp_path):
    (morph / "a.tsv").write_text(ROWS, encoding="utf-8")
    for name in ("a.tsv.dvc", "b[1].tsv.dvc"):
        (morph / name).touch()
    with pytest.raises(UserError, match=r"the data of its \.dvc file is absent"):
        tables(tmp_path)
    (morph / "b[1].tsv").write_text(ROWS, encoding="utf-8")
    assert list(tables(tmp_path)) == ["miniworld", "a", "b[1]"]


def documents(texts):
    return [{"id": f"a-{number}", "text": text} for number, text in enumerate(texts)]


def test_measure_text_fit_names_a_document_with_a_word_too_long(tokenizer):
    with pytest.raises(UserError, match="data/corpus/val: document a-1: text: 70,000 bytes without"):
        measure_text_fit(tokenizer, documents(["Ankara", "a" * 70_000]))


def test_measure_text_fit_matches_counts_by_hand(tokenizer):
    metrics, piece_counts, fallback = measure_text_fit(tokenizer, documents(["Ankara zzqx", "çğ"]))
    tokens = len(tokenizer.encode("Ankara zzqx")) + len(tokenizer.encode("çğ"))
    assert metrics["bytes_per_token"] == (11 + 4) / tokens
    assert metrics["tokens_per_word"] == tokens / 3
    assert metrics["exact_round_trip"] == metrics["fast_form_equal"] == 1
    assert piece_counts.sum() == tokens
    assert (
        metrics["unused_pieces"]
        == len(text_token_ids(tokenizer)) - (piece_counts[text_token_ids(tokenizer)] > 0).sum()
    )
    assert metrics["longest_piece_chars"] <= 16
    assert metrics["byte_fallback_rate"] == 0
    assert not fallback


def test_measure_text_fit_counts_byte_fallback_by_character(tokenizer):
    metrics, piece_counts, fallback = measure_text_fit(tokenizer, documents(["中 🙂\nÜnye 中", "\tф Ğ’”…₺"]))
    assert fallback == {"中": 2, "🙂": 1, "\t": 1, "ф": 1}
    assert metrics["byte_fallback_rate"] == (2 * 3 + 4 + 1 + 2) / piece_counts.sum()
    assert commonest_fallback(fallback) == [
        ("中", "U+4E2D", 2),
        ("\t", "U+0009", 1),
        ("ф", "U+0444", 1),
        ("🙂", "U+1F642", 1),
    ]
    page = format_pieces_page(tokenizer, piece_counts, fallback)
    assert page.endswith(
        "## Characters without a piece, written as bytes: 4\n\n"
        "`中` U+4E2D 2, U+0009 1, `ф` U+0444 1, `🙂` U+1F642 1\n"
    )
    many = Counter(map(chr, range(0x4E00, 0x4E40)))
    assert [character for character, *_ in commonest_fallback(many)] == sorted(many)[:20]
    assert format_pieces_page(tokenizer, piece_counts, Counter()).endswith("bytes: 0\n\nnone\n")


def test_renyi_efficiency_is_1_for_even_use_and_0_for_one_piece():
    assert renyi_efficiency(np.full(8, 3)) == pytest.approx(1)
    assert renyi_efficiency(np.array([5, 0, 0, 0])) == 0
    halves = np.array([4, 4, 0, 0])  # log 2 of log 4
    assert renyi_efficiency(halves) == pytest.approx(0.5)


def test_format_pieces_page_lists_pieces_by_length_use_and_lack_of_it(tokenizer, texts):
    _, piece_counts, fallback = measure_text_fit(tokenizer, documents(texts[:5]))
    page = format_pieces_page(tokenizer, piece_counts, fallback)
    longest = max((tokenizer.id_to_piece(token) for token in text_token_ids(tokenizer)), key=len)
    assert f"`{longest}`" in page.split("## The most used")[0]
    assert f"Never used there: {(piece_counts[text_token_ids(tokenizer)] == 0).sum():,} of" in page


def test_measure_morpheme_boundaries_matches_counts_by_hand(tmp_path):
    class Fixed:
        pieces = (METASPACE + "ev", "ler", "imiz", "de")

        def encode_word(self, word):
            return range(4) if word == " evlerimizde" else (0,)

        def id_to_piece(self, i):
            return self.pieces[i]

    assert boundary_offsets(["ev", "ler", "imizde"]) == {2, 5}
    metrics = measure_morpheme_boundaries(Fixed(), [("evlerimizde", ["ev", "ler", "imizde"])])
    assert (metrics["precision"], metrics["recall"]) == (2 / 3, 1)
    path = tmp_path / "s.tsv"
    path.write_text("form\tsegments\nevde\tev|de\nbozuk\tbo|zu\n", encoding="utf-8")
    assert read_segmentations(path) == [("evde", ["ev", "de"])]
