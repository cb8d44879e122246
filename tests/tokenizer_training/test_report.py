"""Files of segmented words: what is read, what is refused, how they are named."""

import pytest

from pipeline.common.errors import UserError
from pipeline.tokenizer.tokenizer import SPACE
from pipeline.tokenizer_training.report import morpheme_report, read_segmentations, read_tables

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
    return read_tables(tmp_path / "miniworld.tsv", FOLDER)


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
def test_usable_rows_alone_are_read(tmp_path, content):
    path = tmp_path / "s.tsv"
    path.write_bytes(content.encode())
    assert read_segmentations(path) == [("evde", ["ev", "de"])]


def test_an_empty_file_has_no_rows(tmp_path):
    path = tmp_path / "s.tsv"
    path.touch()
    assert read_segmentations(path) == []


@pytest.mark.parametrize("content", ["form\tsegments\n", "\n", "evde,ev|de\n", "evde\tev-de\n"])
def test_a_file_without_a_usable_row_is_refused(tmp_path, content):
    path = tmp_path / "s.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"s\.tsv: no row of .*; mend the file or remove it") as error:
        read_segmentations(path)
    assert "\n" not in str(error.value)


def test_other_encodings_are_named_by_line(tmp_path):
    path = tmp_path / "s.tsv"
    path.write_bytes("evde\tev|de\nağaçta\tağaç|ta\n".encode("iso-8859-9"))
    with pytest.raises(UserError, match=r"s\.tsv: line 2: not UTF-8; save the file as UTF-8"):
        read_segmentations(path)


def test_scored_and_skipped_forms_are_counted_apart():
    class Fixed:
        pieces = (SPACE + "ev", "de", SPACE, "<0xF0>")

        def encode_word(self, word):
            return (0, 1) if word == " evde" else (2, 3)

        def piece(self, i):
            return self.pieces[i]

    report = morpheme_report(Fixed(), [("evde", ["ev", "de"]), ("中de", ["中", "de"])])
    assert report == {"forms": 1, "skipped": 1, "precision": 1, "recall": 1, "f1": 1}


def test_the_users_files_stand_beside_the_miniworlds(morph, tmp_path):
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
def test_two_files_of_one_name_are_refused(morph, tmp_path, names):
    for name in names:
        (morph / name).write_text(ROWS, encoding="utf-8")
    with pytest.raises(UserError, match=rf"{names[-1]}: its figures are named .*; rename it"):
        tables(tmp_path)


def test_linked_files_are_read_and_linked_folders_refused(morph, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.tsv").write_text(ROWS, encoding="utf-8")
    (morph / "a.tsv").symlink_to(elsewhere / "a.tsv")
    assert list(tables(tmp_path)) == ["miniworld", "a"]
    (morph / "more").symlink_to(elsewhere)
    with pytest.raises(UserError, match="data/raw/morph/more is a symlinked folder"):
        tables(tmp_path)


@pytest.mark.parametrize("full", [True, False])
def test_the_folder_itself_is_no_link(morph, tmp_path, full):
    (morph / ".gitkeep").unlink()
    morph.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if full:
        (elsewhere / "a.tsv").write_text(ROWS, encoding="utf-8")
    morph.symlink_to(elsewhere)
    with pytest.raises(UserError, match="data/raw/morph is a symlinked folder"):
        tables(tmp_path)


def test_files_that_dvc_has_not_fetched_are_named(morph, tmp_path):
    (morph / "a.tsv").write_text(ROWS, encoding="utf-8")
    for name in ("a.tsv.dvc", "b[1].tsv.dvc"):
        (morph / name).touch()
    with pytest.raises(UserError, match=r"the data of its \.dvc file is absent"):
        tables(tmp_path)
    (morph / "b[1].tsv").write_text(ROWS, encoding="utf-8")
    assert list(tables(tmp_path)) == ["miniworld", "a", "b[1]"]
