import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.io import whole_folder
from pipeline.common.params import parse
from pipeline.corpus.build import slice_corpus
from pipeline.corpus.params import CorpusParams, Rules
from pipeline.data.reader import documents

SECTION = {
    "sources": {"world": {"kind": "miniworld", "documents": 300}},
    "max_bytes": None,
    "min_chars": 20,
    "val_fraction": 0.1,
    "test_fraction": 0.2,
    "on_error": "fail",
    "rules": dict.fromkeys(Rules.model_fields, True),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sliced(tmp_path_factory.mktemp("corpus"))


def sliced(root: Path) -> Path:
    with whole_folder(root / "corpus") as folder:
        slice_corpus(parse(SECTION, "corpus", CorpusParams), 1, folder, root / "scratch", root)
    return root / "corpus"


def rows(corpus: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (corpus / "miniworld" / name).read_text().splitlines()]


def test_every_file_has_the_shape_the_later_stages_read(corpus: Path) -> None:
    for conversation in rows(corpus, "conversations.jsonl"):
        roles = [message["role"] for message in conversation["messages"]]
        assert roles[-2:] == ["user", "assistant"]
    for question in rows(corpus, "questions.jsonl"):
        assert set(question) == {"question", "answers", "family", "kind"}
        assert question["answers"]
    for pair in rows(corpus, "minimal_pairs.jsonl"):
        assert set(pair) == {"good", "bad", "type"}
        assert pair["good"] != pair["bad"]
    for line in (corpus / "miniworld/segmentations.tsv").read_text().splitlines():
        form, segments = line.split("\t")
        assert segments.replace("|", "") == form


def test_the_manifest_counts_the_rows(corpus: Path) -> None:
    manifest = json.loads((corpus / "miniworld/manifest.json").read_text())
    assert manifest["miniworld"] is True
    for name, count in manifest["counts"].items():
        (path,) = (corpus / "miniworld").glob(f"{name}.*")
        assert count == len(path.read_text().splitlines()) > 0


def test_queries_ask_for_test_documents_alone(corpus: Path) -> None:
    asked = {query["document_id"] for query in rows(corpus, "queries.jsonl")}
    assert asked
    assert asked <= {document["id"] for document in documents(corpus / "test")}


def test_two_runs_write_equal_bytes(corpus: Path, tmp_path: Path) -> None:
    again = sliced(tmp_path)
    for path in corpus.rglob("*.*"):
        assert path.read_bytes() == (again / path.relative_to(corpus)).read_bytes()
