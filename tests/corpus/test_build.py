"""The whole of slice_corpus on local files; the miniworld has tests of its own in test_ground_truth."""

import gzip
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.errors import UserError
from pipeline.common.io import whole_folder
from pipeline.common.params import parse
from pipeline.corpus import executor, ingest, staging
from pipeline.corpus.build import slice_corpus
from pipeline.corpus.params import CorpusParams, Rules
from pipeline.corpus.readers.records import Record
from pipeline.corpus.staging import Parts
from pipeline.data.reader import documents
from pipeline.data.splits import SPLITS
from tests.helpers.paths import SHARED

KINDS = {"a": "data/raw/corpus/a.txt", "b": "data/raw/corpus/b.jsonl.gz"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data/raw/corpus"
    folder.mkdir(parents=True)
    texts = [f"Bu, {number} numaralı belgenin ilk satırı.\nBu da ikincisi." for number in range(200)]
    (folder / "a.txt").write_text("\n\n".join([*texts, "kısa", texts[3]]))
    rows = [{"id": f"r{number}", "text": f"Burada {number} sayısı geçiyor, evet."} for number in range(100)]
    rows.append({"id": "again", "text": "BURADA 5 SAYISI GEÇİYOR, EVET."})
    with gzip.open(folder / "b.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


def sliced(
    root: Path, out: str = "out", seed: int = 1, scratch: Path | None = None, **changes: Any
) -> dict[str, Any]:
    section = {
        "sources": {name: {"kind": "local", "path": path} for name, path in KINDS.items()},
        "max_bytes": None,
        "min_chars": 10,
        "val_fraction": 0.2,
        "test_fraction": 0.1,
        "on_error": "fail",
        "rules": dict.fromkeys(Rules.model_fields, False) | changes.pop("rules", {}),
        **changes,
    }
    scratch = scratch or Path(tempfile.mkdtemp(dir=root.parent))
    with whole_folder(root / out) as folder:
        return slice_corpus(parse(section, "corpus", CorpusParams), seed, folder, scratch, root).metrics


def rows(root: Path, out: str = "out") -> Iterator[dict[str, str]]:
    for split in SPLITS:
        for document in documents(root / out / split):
            yield {**document, "split": split}


def local(name: str, **more: Any) -> dict[str, Any]:
    return {"sources": {"mine": {"kind": "local", "path": f"data/raw/corpus/{name}", **more}}}


def test_the_funnel_adds_up(root: Path) -> None:
    metrics = sliced(root)
    assert metrics["in"]["documents"] == 303
    assert metrics["removed"]["too_short"]["documents"] == 1
    assert metrics["removed"]["duplicate"]["documents"] == 2
    assert metrics["kept"]["documents"] == 300 == len(list(rows(root)))
    for funnel in (metrics, *metrics["sources"].values()):
        for unit in ("documents", "bytes"):
            removed = sum(count[unit] for count in funnel["removed"].values())
            assert funnel["in"][unit] == removed + funnel["kept"][unit]
            assert funnel["kept"][unit] == sum(funnel[split][unit] for split in SPLITS)
    assert metrics["kept"]["bytes"] == sum(len(row["text"].encode()) for row in rows(root))


def test_no_text_is_twice_in_the_corpus_and_the_first_stays(root: Path) -> None:
    sliced(root)
    texts = [row["text"] for row in rows(root)]
    assert len(texts) == len(set(texts))
    assert "Burada 5 sayısı geçiyor, evet." in texts


def test_ids_are_the_records_own_or_their_numbers(root: Path) -> None:
    sliced(root)
    ids = {row["text"]: row["id"] for row in rows(root)}
    assert ids["Burada 5 sayısı geçiyor, evet."] == "b-r5"
    assert ids["Bu, 7 numaralı belgenin ilk satırı.\nBu da ikincisi."] == "a-7"


def test_equal_ids_are_made_different(root: Path) -> None:
    lines = [
        json.dumps({"id": "same" if number % 2 else "1", "text": f"Metin numarası {number}"})
        for number in range(60)
    ]
    (root / "data/raw/corpus/c.jsonl").write_text("\n".join(lines))
    sliced(root, **local("c.jsonl"))
    ids = [row["id"] for row in rows(root)]
    assert len(set(ids)) == 60
    assert {"mine-same", "mine-1", "mine-same-3"} <= set(ids)


def test_two_runs_write_equal_bytes(root: Path) -> None:
    assert sliced(root, "one") == sliced(root, "two")
    files = [path.relative_to(root / "one") for path in (root / "one").rglob("*") if path.is_file()]
    assert len(files) == 3 + 6
    for file in files:
        assert (root / "one" / file).read_bytes() == (root / "two" / file).read_bytes()


def test_a_documents_split_depends_on_no_other_document(root: Path) -> None:
    sliced(root)
    sliced(root, "fewer", sources={"b": {"kind": "local", "path": KINDS["b"]}})
    splits = {row["text"]: row["split"] for row in rows(root)}
    assert all(splits[row["text"]] == row["split"] for row in rows(root, "fewer"))
    sliced(root, "other", seed=2)
    assert any(splits[row["text"]] != row["split"] for row in rows(root, "other"))


def test_the_byte_budget_is_shared_by_weight(root: Path) -> None:
    sources = {
        "a": {"kind": "local", "path": KINDS["a"], "weight": 3.0},
        "b": {"kind": "local", "path": KINDS["b"], "weight": 1.0},
    }
    metrics = sliced(root, sources=sources, max_bytes=4000)
    assert 2940 <= metrics["sources"]["a"]["kept"]["bytes"] <= 3000
    assert 960 <= metrics["sources"]["b"]["kept"]["bytes"] <= 1000
    numbers = [int(row["id"].removeprefix("a-")) for row in rows(root) if row["source"] == "a"]
    assert min(numbers) < 20  # from all of the source
    assert max(numbers) > 180
    for fraction, split in ((0.2, "val"), (0.1, "test")):
        assert fraction / 2 < metrics[split]["bytes"] / metrics["kept"]["bytes"] < fraction * 2, split


def test_a_share_that_a_source_does_not_have(root: Path) -> None:
    with pytest.raises(
        UserError, match=r"max_bytes: 10000: source b has 3390 bytes .* lower max_bytes to 6780"
    ):
        sliced(root, max_bytes=10000)
    assert not (root / "out").exists()


def test_a_bad_record_ends_the_run_or_is_counted(root: Path) -> None:
    path = root / "data/raw/corpus/c.jsonl"
    path.write_text("".join(f'{{"text": "Metin numarası {number}"}}\n' for number in range(50)) + "{oops\n")
    with pytest.raises(UserError, match=r"c\.jsonl:51: not JSON .*, or set corpus\.on_error: skip"):
        sliced(root, **local("c.jsonl"))
    assert not (root / "out").exists()
    metrics = sliced(root, **local("c.jsonl"), on_error="skip")
    assert metrics["removed"]["unreadable"]["documents"] == 1
    assert metrics["kept"]["documents"] == 50


def test_what_fails_leaves_the_old_corpus_as_it_was(root: Path) -> None:
    sliced(root)
    before = list(rows(root))
    with pytest.raises(UserError):
        sliced(root, **local("absent.txt"))
    assert list(rows(root)) == before
    assert sorted(path.name for path in root.iterdir()) == ["data", "out"]


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        ("", {}, "mine: no text in its files"),
        ("\n \n", {}, "mine: no text in its files"),
        ("kısa\n\nçok kısa", {"min_chars": 20}, "none is left .too_short 2.; lower corpus.min_chars"),
        ("Bir iki üç dört beş.", {"max_bytes": 5}, "less than its shortest document"),
        ("Bir iki üç dört beş.", {}, "of 1 documents left (val|test) empty; raise it"),
        (
            "Bir iki üç dört beş 0.\n\nAltı yedi sekiz dokuz on.",
            {"val_fraction": 0.5, "test_fraction": 0.499},
            "none is left for train; lower",
        ),
    ],
)
def test_too_little_text(root: Path, content: str, changes: dict[str, Any], message: str) -> None:
    (root / "data/raw/corpus/c.txt").write_text(content)
    with pytest.raises(UserError, match=message) as error:
        sliced(root, **local("c.txt"), **changes)
    assert "\n" not in str(error.value)
    assert not (root / "out").exists()


def test_a_source_that_only_repeats(root: Path) -> None:
    sources = {name: {"kind": "local", "path": KINDS["a"]} for name in ("first", "second")}
    with pytest.raises(
        UserError, match=r"corpus\.sources\.second: .* none is left .*duplicate 201.*remove the source"
    ):
        sliced(root, sources=sources)


@pytest.mark.parametrize("name", ["c.pdf", "c.json", "c.txt.bz2", "c.parquet.gz", "c"])
def test_an_unknown_format_is_named_with_the_known_ones(root: Path, name: str) -> None:
    (root / "data/raw/corpus" / name).write_text("metin")
    with pytest.raises(UserError, match=rf"{name}: of no known format; .*parquet"):
        sliced(root, **local(name))


def test_without_a_miniworld_its_files_are_empty(root: Path) -> None:
    sliced(root)
    folder = root / "out/miniworld"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["miniworld"] is False
    assert not any(manifest["counts"].values())
    assert [path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"] == [b""] * 5


@pytest.mark.parametrize("stopped_at", [1, 3, 6])
def test_a_run_that_was_stopped_goes_on_where_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    monkeypatch.setattr(staging, "PART_BYTES", 2000)
    monkeypatch.setattr(executor, "ROWS", 16)
    rules = {"near_copies": True, "repeated_paragraphs": True}
    expected = sliced(root, "whole", rules=rules)
    scratch = Path(tempfile.mkdtemp(dir=root.parent))
    notes: list[Any] = []
    write, batches = Parts.write, executor.Unit.batches

    def stopping(self: Parts, state: Any) -> None:
        write(self, state)
        notes.append(state)
        if len(notes) == stopped_at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", stopping)
        with pytest.raises(KeyboardInterrupt):
            sliced(root, "again", scratch=scratch, rules=rules)
    skipped: list[int] = []
    monkeypatch.setattr(executor.Unit, "batches", lambda unit: skipped.append(unit.skip) or batches(unit))
    assert sliced(root, "again", scratch=scratch, rules=rules) == expected
    assert skipped[0] == notes[-1]["rows"] > 0
    assert list(rows(root, "again")) == list(rows(root, "whole"))


@pytest.mark.skipif(not SHARED.exists(), reason="no shared data")
def test_real_text(root: Path) -> None:
    (root / "data/raw/corpus/wiki.csv").symlink_to((SHARED / "corpus/wiki_sentences.csv").resolve())
    (root / "data/raw/corpus/nutuk.txt").symlink_to((SHARED / "corpus/nutuk.txt").resolve())
    sources = {name: {"kind": "local", "path": f"data/raw/corpus/{name}.*"} for name in ("wiki", "nutuk")}
    metrics = sliced(root, sources=sources)
    assert metrics["sources"]["wiki"]["in"]["documents"] > 17_000
    assert metrics["sources"]["nutuk"]["kept"]["documents"] > 5
    assert metrics["kept"]["bytes"] > 0.99 * metrics["in"]["bytes"]


@dataclass(frozen=True)
class OneText:
    """A piece that comes from the net."""

    text: str
    size: int = 1000

    def records(self) -> Iterator[Record]:
        yield Record(self.text)


def test_copies_of_most_texts_cost_few_rounds(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    texts = [" ".join(rng.choices("abcdefghijklmnoprstuvyz", k=500)) for _ in range(1000)]
    numbers = [rng.randrange(40) if rng.random() < 0.95 else at for at in range(1000)]
    monkeypatch.setattr(ingest, "pieces", lambda *_: [OneText(texts[number]) for number in numbers])
    rounds: list[int] = []
    run = ingest.Reading.run
    monkeypatch.setattr(ingest.Reading, "run", lambda one: rounds.append(1) or run(one))
    web = {"kind": "hub", "dataset": "a/b", "revision": "a" * 40}
    metrics = sliced(root, sources={"web": web}, max_bytes=60_000)
    assert 59_000 <= metrics["kept"]["bytes"] <= 60_000
    assert len(rounds) < 6


@pytest.mark.parametrize("stopped_at", [8, 12, 14, 16])
def test_a_share_that_copies_make_short_is_read_on_also_after_a_stop(
    root: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    def text(number: int) -> str:
        return " ".join(random.Random(number).choices("abcdefghijklmnoprstuvyz", k=500))

    numbers = [*range(8), 0, 1, 2, 20, 21, 0, 0, 0, *range(30, 60)]
    monkeypatch.setattr(ingest, "pieces", lambda *_: [OneText(text(number)) for number in numbers])
    monkeypatch.setattr(staging, "PART_BYTES", 1)
    web = {
        "sources": {"web": {"kind": "hub", "dataset": "a/b", "revision": "a" * 40}},
        "max_bytes": 10_000, "val_fraction": 0.3, "test_fraction": 0.3,
    }  # fmt: skip
    expected = sliced(root, "whole", **web)
    assert expected["in"]["documents"] > 14
    scratch = Path(tempfile.mkdtemp(dir=root.parent))
    write, count = Parts.write, iter(range(1, 100))

    def stopping(self: Parts, state: Any) -> None:
        write(self, state)
        if next(count) == stopped_at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", stopping)
        with pytest.raises(KeyboardInterrupt):
            sliced(root, "again", scratch=scratch, **web)
    assert sliced(root, "again", scratch=scratch, **web) == expected
    assert list(rows(root, "again")) == list(rows(root, "whole"))
