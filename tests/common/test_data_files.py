from pathlib import Path

import pytest

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError

FOLDER = "data/raw/corpus"
KEY = "corpus.sources.mine.path"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "data/raw/corpus"
    folder.mkdir(parents=True)
    (folder / ".gitkeep").touch()
    return folder


def names(root: Path, *patterns: str) -> list[str]:
    return [
        path.relative_to(root / "data/raw/corpus").as_posix()
        for path in matching_files(KEY, patterns, FOLDER, root)
    ]


def refusal(root: Path, pattern: str) -> str:
    with pytest.raises(UserError) as error:
        matching_files(KEY, [pattern], FOLDER, root)
    message = str(error.value)
    assert message.startswith(f"{KEY}: ")
    assert "\n" not in message
    return message


def test_files_come_sorted_within_patterns_and_once(raw: Path, tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.csv"):
        (raw / name).touch()
    (raw / "sub").mkdir()
    (raw / "sub/d.txt").touch()
    assert names(tmp_path, "data/raw/corpus/*.txt") == ["a.txt", "b.txt"]
    assert names(tmp_path, "data/raw/corpus/c.csv", "data/raw/corpus/*") == ["c.csv", "a.txt", "b.txt"]
    assert names(tmp_path, "data/raw/corpus/**/*.txt") == ["a.txt", "b.txt", "sub/d.txt"]


def test_linked_files_are_files_and_dvc_files_are_not(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text("bir")
    (raw / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    (raw / "link.txt.dvc").touch()
    assert names(tmp_path, "data/raw/corpus/*") == ["link.txt"]


@pytest.mark.parametrize(
    "pattern", ["/etc/*.txt", "data/*.txt", "data/raw/corpus/../x.txt", "data/raw/sft/x.jsonl"]
)
def test_outside_the_folder_that_dvc_watches(raw: Path, tmp_path: Path, pattern: str) -> None:
    assert "ln -s" in refusal(tmp_path, pattern)


@pytest.mark.parametrize(
    "pattern", ["data/raw/corpus/books/a.txt", "data/raw/corpus/*", "data/raw/corpus/**/*.txt"]
)
def test_a_symlinked_folder_is_refused_with_the_command_to_use(
    raw: Path, tmp_path: Path, pattern: str
) -> None:
    books = tmp_path / "books"
    books.mkdir()
    (books / "a.txt").touch()
    (raw / "books").symlink_to(books)
    message = refusal(tmp_path, pattern)
    assert "data/raw/corpus/books is a symlinked folder" in message
    assert f"ln -s {books}/* data/raw/corpus/" in message


def test_so_is_one_further_up(tmp_path: Path) -> None:
    (tmp_path / "else/corpus").mkdir(parents=True)
    (tmp_path / "else/corpus/a.txt").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw").symlink_to(tmp_path / "else")
    assert "data/raw is a symlinked folder" in refusal(tmp_path, "data/raw/corpus/a.txt")


def test_nothing_there_says_what_to_do(raw: Path, tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path, "data/raw/corpus/*")
    (raw / "folder").mkdir()
    assert "data/raw/corpus/folder/*" in refusal(tmp_path, "data/raw/corpus/folder")
    (raw / "a.txt.dvc").touch()
    assert "dvc pull" in refusal(tmp_path, "data/raw/corpus/a.txt")
    (raw / "b.txt").symlink_to("nowhere.txt")
    assert "links to nowhere.txt" in refusal(tmp_path, "data/raw/corpus/b.txt")
