"""slice_corpus on local files; tests/miniworld/test_export.py tests the ground truth of the miniworld."""

import gzip
import json
import random
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.common.io import atomic_folder
from pipeline.corpus import ingest, read_task, staging
from pipeline.corpus.build import slice_corpus
from pipeline.corpus.params import Rules
from pipeline.corpus.read_task import ReadTask
from pipeline.corpus.readers.records import Record
from pipeline.corpus.staging import StagingArea
from pipeline.data.reader import read_documents
from pipeline.data.splits import SPLITS
from tests.helpers.factories import corpus_params
from tests.helpers.paths import SHARED

PATHS = {"a": "data/raw/corpus/a.txt", "b": "data/raw/corpus/b.jsonl.gz"}


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


def build_corpus(
    root: Path, out: str = "out", seed: int = 1, scratch: Path | None = None, **changes: Any
) -> dict[str, Any]:
    default = {
        "sources": {name: {"kind": "local", "path": path} for name, path in PATHS.items()},
        "min_chars": 10,
        "val_fraction": 0.2,
        "test_fraction": 0.1,
    }
    rules = dict.fromkeys(Rules.model_fields, False) | changes.pop("rules", {})
    params = corpus_params(**default | changes, rules=rules)
    scratch = scratch or Path(tempfile.mkdtemp(dir=root.parent))
    with atomic_folder(root / out) as folder:
        return slice_corpus(params, seed, folder, scratch, root).metrics


def rows(root: Path, out: str = "out") -> Iterator[dict[str, str]]:
    for split in SPLITS:
        for document in read_documents(root / out / split):
            yield {**document, "split": split}


def local(name: str, **more: Any) -> dict[str, Any]:
    return {"sources": {"mine": {"kind": "local", "path": f"data/raw/corpus/{name}", **more}}}


def test_slice_corpus_stats_add_up(root: Path) -> None:
    metrics = build_corpus(root)
    assert metrics["in"]["documents"] == 303
    assert metrics["removed"]["too_short"]["documents"] == 1
    assert metrics["removed"]["duplicate"]["documents"] == 2
    assert metrics["kept"]["documents"] == 300 == len(list(rows(root)))
    for stats in (metrics, *metrics["sources"].values()):
        for unit in ("documents", "bytes"):
            removed = sum(count[unit] for count in stats["removed"].values())
            assert stats["in"][unit] == removed + stats["kept"][unit]
            assert stats["kept"][unit] == sum(stats[split][unit] for split in SPLITS)
    assert metrics["kept"]["bytes"] == sum(len(row["text"].encode()) for row in rows(root))


def test_slice_corpus_keeps_first_of_duplicates(root: Path) -> None:
    build_corpus(root)
    texts = [row["text"] for row in rows(root)]
    assert len(texts) == len(set(texts))
    assert "Burada 5 sayısı geçiyor, evet." in texts


def test_slice_corpus_ids_are_record_ids_or_numbers(root: Path) -> None:
    build_corpus(root)
    ids = {row["text"]: row["id"] for row in rows(root)}
    assert ids["Burada 5 sayısı geçiyor, evet."] == "b-r5"
    assert ids["Bu, 7 numaralı belgenin ilk satırı.\nBu da ikincisi."] == "a-7"


def test_slice_corpus_makes_equal_ids_unique(root: Path) -> None:
    lines = [
        json.dumps({"id": "same" if number % 2 else "1", "text": f"Metin numarası {number}"})
        for number in range(60)
    ]
    (root / "data/raw/corpus/c.jsonl").write_text("\n".join(lines))
    build_corpus(root, **local("c.jsonl"))
    ids = [row["id"] for row in rows(root)]
    assert len(set(ids)) == 60
    assert {"mine-same", "mine-1", "mine-same-3"} <= set(ids)


def test_slice_corpus_is_deterministic(root: Path) -> None:
    assert build_corpus(root, "one") == build_corpus(root, "two")
    files = [path.relative_to(root / "one") for path in (root / "one").rglob("*") if path.is_file()]
    assert len(files) == 3 + 10
    for file in files:
        assert (root / "one" / file).read_bytes() == (root / "two" / file).read_bytes()


def test_slice_corpus_split_depends_on_no_other_document(root: Path) -> None:
    build_corpus(root)
    build_corpus(root, "fewer", sources={"b": {"kind": "local", "path": PATHS["b"]}})
    splits = {row["text"]: row["split"] for row in rows(root)}
    assert all(splits[row["text"]] == row["split"] for row in rows(root, "fewer"))
    build_corpus(root, "other", seed=2)
    assert any(splits[row["text"]] != row["split"] for row in rows(root, "other"))


def test_slice_corpus_divides_byte_budget_by_weight(root: Path) -> None:
    sources = {
        "a": {"kind": "local", "path": PATHS["a"], "weight": 3.0},
        "b": {"kind": "local", "path": PATHS["b"], "weight": 1.0},
    }
    metrics = build_corpus(root, sources=sources, max_bytes=4000)
    assert 2940 <= metrics["sources"]["a"]["kept"]["bytes"] <= 3000
    assert 960 <= metrics["sources"]["b"]["kept"]["bytes"] <= 1000
    numbers = [int(row["id"].removeprefix("a-")) for row in rows(root) if row["source"] == "a"]
    assert min(numbers) < 20  # from all of the source
    assert max(numbers) > 180
    for fraction, split in ((0.2, "val"), (0.1, "test")):
        assert fraction / 2 < metrics[split]["bytes"] / metrics["kept"]["bytes"] < fraction * 2, split


def test_slice_corpus_refuses_budget_beyond_source(root: Path) -> None:
    with pytest.raises(
        UserError, match=r"max_bytes: 10000: source b has 3390 bytes .* lower max_bytes to 6780"
    ):
        build_corpus(root, max_bytes=10000)
    assert not (root / "out").exists()


def test_slice_corpus_bad_record_stops_or_is_counted(root: Path) -> None:
    path = root / "data/raw/corpus/c.jsonl"
    path.write_text("".join(f'{{"text": "Metin numarası {number}"}}\n' for number in range(50)) + "{oops\n")
    with pytest.raises(UserError, match=r"c\.jsonl:51: not JSON: .*, or set corpus\.on_error: skip"):
        build_corpus(root, **local("c.jsonl"))
    assert not (root / "out").exists()
    metrics = build_corpus(root, **local("c.jsonl"), on_error="skip")
    assert metrics["removed"]["unreadable"]["documents"] == 1
    assert metrics["kept"]["documents"] == 50


@pytest.mark.parametrize("damage", ["garbage", "cut"])
def test_slice_corpus_damaged_gzip_stops_or_counts_what_is_whole(root: Path, damage: str) -> None:
    rows = "".join(f'{{"text": "Metin numarası {number}"}}\n' for number in range(50))
    whole = gzip.compress(rows.encode())
    path = root / "data/raw/corpus/c.jsonl.gz"
    path.write_bytes(whole + b"garbage" if damage == "garbage" else whole[:-8])
    with pytest.raises(UserError, match=r"c\.jsonl\.gz: .* download it again, or set corpus\.on_error: skip"):
        build_corpus(root, **local("c.jsonl.gz"))
    metrics = build_corpus(root, **local("c.jsonl.gz"), on_error="skip")
    assert metrics["removed"]["unreadable"]["documents"] == 1
    assert metrics["kept"]["documents"] == 50


@pytest.mark.parametrize(("header", "count"), [(True, 39), (False, 40)])
def test_slice_corpus_reads_a_column_without_header(root: Path, header: bool, count: int) -> None:
    rows = "".join(f"Metin numarası {number}\n" for number in range(40))
    (root / "data/raw/corpus/c.csv").write_text(rows)
    metrics = build_corpus(root, **local("c.csv", header=header))
    assert metrics["kept"]["documents"] == count


def test_slice_corpus_failure_keeps_old_corpus(root: Path) -> None:
    build_corpus(root)
    before = list(rows(root))
    with pytest.raises(UserError):
        build_corpus(root, **local("absent.txt"))
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
def test_slice_corpus_refuses_too_little_text(
    root: Path, content: str, changes: dict[str, Any], message: str
) -> None:
    (root / "data/raw/corpus/c.txt").write_text(content)
    with pytest.raises(UserError, match=message) as error:
        build_corpus(root, **local("c.txt"), **changes)
    assert "\n" not in str(error.value)
    assert not (root / "out").exists()


def test_slice_corpus_says_in_turkish_what_it_could_not_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages keep their translation on their way through Arrow and through the staging area."""
    (root / "data/raw/corpus/c.jsonl").write_text('{"text": "a"}\n{"text": 1}\n{"text": ]\n')
    scratch = Path(tempfile.mkdtemp(dir=root.parent))
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    for _ in ("read", "read from the staging area"):
        with pytest.raises(UserError, match=r"none is left .*; such as: ") as error:
            build_corpus(root, **local("c.jsonl"), scratch=scratch, on_error="skip")
        says = translate(error.value.message)
        assert "3 belgeden hiçbiri kalmadı (okunamayan 2, çok kısa 1); örneğin: " in says
        assert re.search("metin değil, int içeriyor|bir değer bekleniyor", says)
    with pytest.raises(UserError) as error:
        build_corpus(root, **local("c.jsonl"), on_error="fail")
    assert "metin değil, int içeriyor; satırı düzeltin" in translate(error.value.message)


def test_slice_corpus_refuses_source_of_duplicates(root: Path) -> None:
    sources = {name: {"kind": "local", "path": PATHS["a"]} for name in ("first", "second")}
    with pytest.raises(
        UserError, match=r"corpus\.sources\.second: .* none is left .*duplicate 201.*remove the source"
    ):
        build_corpus(root, sources=sources)


@pytest.mark.parametrize("name", ["c.pdf", "c.xml", "c.txt.bz2", "c.parquet.gz", "c"])
def test_slice_corpus_unknown_format_names_known_ones(root: Path, name: str) -> None:
    (root / "data/raw/corpus" / name).write_text("metin")
    with pytest.raises(UserError, match=rf"{name}: of no known format; .*parquet"):
        build_corpus(root, **local(name))


def test_slice_corpus_without_miniworld_writes_empty_ground_truth(root: Path) -> None:
    build_corpus(root)
    folder = root / "out/miniworld"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["miniworld"] is False
    assert not any(manifest["counts"].values())
    assert [path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"] == [b""] * 9


@pytest.mark.parametrize("stopped_at", [1, 3, 6])
def test_ingest_resumes_where_it_was_stopped(
    root: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    monkeypatch.setattr(staging, "PART_BYTES", 2000)
    monkeypatch.setattr(read_task, "BATCH_ROWS", 16)
    rules = {"near_copies": True, "repeated_paragraphs": True}
    expected = build_corpus(root, "whole", rules=rules)
    scratch = Path(tempfile.mkdtemp(dir=root.parent))
    states: list[Any] = []
    write_part, batches = StagingArea.write_part, ReadTask.batches

    def write_and_stop(self: StagingArea, state: Any) -> None:
        write_part(self, state)
        states.append(state)
        if len(states) == stopped_at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StagingArea, "write_part", write_and_stop)
        with pytest.raises(KeyboardInterrupt):
            build_corpus(root, "again", scratch=scratch, rules=rules)
    skipped: list[int] = []
    monkeypatch.setattr(ReadTask, "batches", lambda task: skipped.append(task.skip) or batches(task))
    assert build_corpus(root, "again", scratch=scratch, rules=rules) == expected
    assert skipped[0] == states[-1]["skip_rows"] > 0
    assert list(rows(root, "again")) == list(rows(root, "whole"))


@pytest.mark.skipif(not SHARED.exists(), reason="no shared data")
def test_slice_corpus_on_real_text(root: Path) -> None:
    (root / "data/raw/corpus/wiki.csv").symlink_to((SHARED / "corpus/wiki_sentences.csv").resolve())
    (root / "data/raw/corpus/nutuk.txt").symlink_to((SHARED / "corpus/nutuk.txt").resolve())
    sources = {name: {"kind": "local", "path": f"data/raw/corpus/{name}.*"} for name in ("wiki", "nutuk")}
    metrics = build_corpus(root, sources=sources)
    assert metrics["sources"]["wiki"]["in"]["documents"] > 17_000
    assert metrics["sources"]["nutuk"]["kept"]["documents"] > 5
    assert metrics["kept"]["bytes"] > 0.99 * metrics["in"]["bytes"]


@dataclass(frozen=True)
class TextShard:
    """A shard of a hub source that holds one document."""

    text: str
    size: int = 1000

    def records(self) -> Iterator[Record]:
        yield Record(self.text)


def test_ingest_fills_budget_of_duplicated_texts_in_few_rounds(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(5)
    texts = [" ".join(rng.choices("abcdefghijklmnoprstuvyz", k=500)) for _ in range(1000)]
    numbers = [rng.randrange(40) if rng.random() < 0.95 else i for i in range(1000)]
    monkeypatch.setattr(ingest, "list_shards", lambda *_: [TextShard(texts[number]) for number in numbers])
    rounds: list[int] = []
    run = ingest.Ingest.run
    monkeypatch.setattr(ingest.Ingest, "run", lambda self: rounds.append(1) or run(self))
    web = {"kind": "hub", "dataset": "a/b", "revision": "a" * 40}
    metrics = build_corpus(root, sources={"web": web}, max_bytes=60_000)
    assert 59_000 <= metrics["kept"]["bytes"] <= 60_000
    assert len(rounds) < 6


@pytest.mark.parametrize("stopped_at", [8, 12, 14, 16])
def test_ingest_reads_more_for_unfilled_budget_after_resume(
    root: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    def text(number: int) -> str:
        return " ".join(random.Random(number).choices("abcdefghijklmnoprstuvyz", k=500))

    numbers = [*range(8), 0, 1, 2, 20, 21, 0, 0, 0, *range(30, 60)]
    monkeypatch.setattr(ingest, "list_shards", lambda *_: [TextShard(text(number)) for number in numbers])
    monkeypatch.setattr(staging, "PART_BYTES", 1)
    web = {
        "sources": {"web": {"kind": "hub", "dataset": "a/b", "revision": "a" * 40}},
        "max_bytes": 10_000, "val_fraction": 0.3, "test_fraction": 0.3,
    }  # fmt: skip
    expected = build_corpus(root, "whole", **web)
    assert expected["in"]["documents"] > 14
    scratch = Path(tempfile.mkdtemp(dir=root.parent))
    write_part, count = StagingArea.write_part, iter(range(1, 100))

    def write_and_stop(self: StagingArea, state: Any) -> None:
        write_part(self, state)
        if next(count) == stopped_at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StagingArea, "write_part", write_and_stop)
        with pytest.raises(KeyboardInterrupt):
            build_corpus(root, "again", scratch=scratch, **web)
    assert build_corpus(root, "again", scratch=scratch, **web) == expected
    assert list(rows(root, "again")) == list(rows(root, "whole"))
