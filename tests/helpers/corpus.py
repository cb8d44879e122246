"""A corpus of given texts, for tests of slice_corpus."""

import tempfile
from pathlib import Path
from typing import Any

from pipeline.common.io import atomic_folder
from pipeline.corpus.build import slice_corpus
from pipeline.corpus.params import Rules
from pipeline.corpus.stats import CorpusResult
from pipeline.data.reader import read_documents
from pipeline.data.splits import SPLITS
from tests.helpers.factories import corpus_params

SHARED_LINE = "Bu sitedeki bütün yazıların hakları saklıdır ve izinsiz kullanılamaz."


def build_corpus(
    root: Path,
    texts: list[str],
    eval_texts: list[str] | None = None,
    max_bytes: int | None = None,
    min_chars: int = 10,
    **rules: bool,
) -> CorpusResult:
    """Slice a corpus of the texts into `root/out`; only the rules named apply."""
    folder = root / "data/raw/corpus"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.txt").write_text("\n\n".join(text.replace("\n\n", "\n") for text in texts))
    params = corpus_params(
        sources={"mine": {"kind": "local", "path": "data/raw/corpus/mine.txt"}},
        max_bytes=max_bytes, min_chars=min_chars, val_fraction=0.2, test_fraction=0.2,
        rules=dict.fromkeys(Rules.model_fields, False) | rules,
    )  # fmt: skip
    scratch = Path(tempfile.mkdtemp(dir=root))
    with atomic_folder(root / "out") as out:
        return slice_corpus(params, 1, out, scratch, root, eval_texts)


def kept_texts(root: Path) -> list[str]:
    """Return the texts of all splits of `root/out`."""
    return [row["text"] for split in SPLITS for row in read_documents(root / "out" / split)]


def assert_stats_add_up(metrics: dict[str, Any]) -> None:
    """Check that what was read is what was kept and what was removed, in documents and in bytes."""
    for unit in ("documents", "bytes"):
        removed = sum(count[unit] for count in metrics["removed"].values())
        assert metrics["in"][unit] == metrics["kept"][unit] + removed, unit
