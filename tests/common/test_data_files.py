"""`matching_files`: the files of a source, and the refusal of those that DVC does not see change."""

from pathlib import Path

import pytest

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.paths import RAW_CORPUS

KEY = "corpus.sources.mine.path"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / RAW_CORPUS
    folder.mkdir(parents=True)
    (folder / ".gitkeep").touch()
    return folder


def names(root: Path, *patterns: str) -> list[str]:
    return [
        path.relative_to(root / RAW_CORPUS).as_posix()
        for path in matching_files(KEY, patterns, RAW_CORPUS, root)
    ]


def refusal(root: Path, pattern: str) -> str:
    with pytest.raises(UserError) as error:
        matching_files(KEY, [pattern], RAW_CORPUS, root)
    message = str(error.value)
    assert message.startswith(f"{KEY}: ")
    assert "\n" not in message
    return message


def test_matching_files_are_sorted_within_patterns_without_repeats(raw: Path, tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.csv"):
        (raw / name).touch()
    (raw / "sub").mkdir()
    (raw / "sub/d.txt").touch()
    assert names(tmp_path, "data/raw/corpus/*.txt") == ["a.txt", "b.txt"]
    assert names(tmp_path, "data/raw/corpus/c.csv", "data/raw/corpus/*") == ["c.csv", "a.txt", "b.txt"]
    assert names(tmp_path, "data/raw/corpus/**/*.txt") == ["a.txt", "b.txt", "sub/d.txt"]


def test_matching_files_takes_links_and_skips_dvc_files(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text("bir")
    (raw / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    (raw / "link.txt.dvc").touch()
    assert names(tmp_path, "data/raw/corpus/*") == ["link.txt"]


@pytest.mark.parametrize(
    "pattern", ["/etc/*.txt", "data/*.txt", "data/raw/corpus/../x.txt", "data/raw/sft/x.jsonl"]
)
def test_matching_files_refuses_a_pattern_outside_the_folder(raw: Path, tmp_path: Path, pattern: str) -> None:
    assert "ln -s" in refusal(tmp_path, pattern)


@pytest.mark.parametrize(
    "pattern", ["data/raw/corpus/books/a.txt", "data/raw/corpus/*", "data/raw/corpus/**/*.txt"]
)
def test_matching_files_refuses_a_symlinked_folder(raw: Path, tmp_path: Path, pattern: str) -> None:
    books = tmp_path / "books"
    books.mkdir()
    (books / "a.txt").touch()
    (raw / "books").symlink_to(books)
    message = refusal(tmp_path, pattern)
    assert "data/raw/corpus/books is a symlinked folder" in message
    assert f"ln -s {books}/* data/raw/corpus/" in message


def test_matching_files_refuses_a_symlinked_parent_folder(tmp_path: Path) -> None:
    (tmp_path / "else/corpus").mkdir(parents=True)
    (tmp_path / "else/corpus/a.txt").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw").symlink_to(tmp_path / "else")
    assert "data/raw is a symlinked folder" in refusal(tmp_path, "data/raw/corpus/a.txt")


def test_matching_files_without_a_match_gives_advice(raw: Path, tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path, "data/raw/corpus/*")
    (raw / "folder").mkdir()
    assert "data/raw/corpus/folder/*" in refusal(tmp_path, "data/raw/corpus/folder")
    (raw / "a.txt.dvc").touch()
    assert "dvc pull" in refusal(tmp_path, "data/raw/corpus/a.txt")
    (raw / "b.txt").symlink_to("nowhere.txt")
    assert "links to nowhere.txt" in refusal(tmp_path, "data/raw/corpus/b.txt")


def test_matching_files_tells_a_file_that_an_experiment_was_not_given(tmp_path):
    copy = tmp_path / ".dvc/tmp/exps/standalone/tmp1"
    for project in (tmp_path, copy):
        (project / "data/raw/corpus").mkdir(parents=True)
    (tmp_path / "data/raw/corpus/a.txt").touch()
    with pytest.raises(UserError, match=r"a.txt: not in this copy, as `--temp` and `--queue` copy only"):
        matching_files("key", ["data/raw/corpus/*a.txt"], "data/raw/corpus", copy)
    with pytest.raises(UserError, match=r"b.txt: no such file; put it there"):
        matching_files("key", ["data/raw/corpus/b.txt"], "data/raw/corpus", copy)
