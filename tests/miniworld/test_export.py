import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.io import atomic_folder
from pipeline.corpus.build import slice_corpus
from pipeline.data.reader import read_documents
from tests.helpers.factories import corpus_params


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_corpus(tmp_path_factory.mktemp("corpus"))


def build_corpus(root: Path) -> Path:
    world = {"kind": "miniworld", "documents": 300}
    params = corpus_params(sources={"world": world}, val_fraction=0.1, test_fraction=0.2)
    with atomic_folder(root / "corpus") as folder:
        slice_corpus(params, 1, folder, root / "scratch", root)
    return root / "corpus"


def read_rows(corpus: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (corpus / "miniworld" / name).read_text().splitlines()]


def test_write_ground_truth_writes_the_columns_that_later_stages_read(corpus: Path) -> None:
    for conversation in read_rows(corpus, "conversations.jsonl"):
        roles = [message["role"] for message in conversation["messages"]]
        assert roles[-2:] == ["user", "assistant"]
    for question in read_rows(corpus, "questions.jsonl"):
        assert set(question) == {"question", "answers", "family", "kind"}
        assert question["answers"]
    for pair in read_rows(corpus, "minimal_pairs.jsonl"):
        assert set(pair) == {"good", "bad", "type"}
        assert pair["good"] != pair["bad"]
    for line in (corpus / "miniworld/segmentations.tsv").read_text().splitlines():
        form, segments = line.split("\t")
        assert segments.replace("|", "") == form


def test_write_ground_truth_counts_rows_in_the_manifest(corpus: Path) -> None:
    manifest = json.loads((corpus / "miniworld/manifest.json").read_text())
    assert manifest["miniworld"] is True
    for name, count in manifest["counts"].items():
        (path,) = (corpus / "miniworld").glob(f"{name}.*")
        assert count == len(path.read_text().splitlines()) > 0


def test_write_ground_truth_queries_ask_for_test_documents_alone(corpus: Path) -> None:
    document_ids = {query["document_id"] for query in read_rows(corpus, "queries.jsonl")}
    assert document_ids
    assert document_ids <= {document["id"] for document in read_documents(corpus / "test")}


def test_write_ground_truth_is_deterministic(corpus: Path, tmp_path: Path) -> None:
    again = build_corpus(tmp_path)
    for path in corpus.rglob("*.*"):
        assert path.read_bytes() == (again / path.relative_to(corpus)).read_bytes()
