"""The files of a run, read for the page. What is missing or damaged is empty, and its section says so."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.common.errors import UserError
from pipeline.common.metrics import read_object
from pipeline.common.params import read_params
from pipeline.common.paths import PARAMS_FILE, REPORTS, STAGES, TOKENIZER
from pipeline.evaluation.compare import Key, Scores
from pipeline.evaluation.compare import read_run as read_scores
from pipeline.evaluation.items import read_items
from pipeline.reporting.markup import unescape_markdown
from pipeline.tokenizer.tokenizer import METASPACE, Tokenizer

REMOVED = "slice_corpus/removed.md"
PIECES = "train_tokenizer/pieces.md"
STEPS = "train_base/samples.md"
SAMPLES = "evaluate/samples.md"
BASELINE_SAMPLES = "evaluate/baseline_samples.json"
ITEMS = "evaluate/items.parquet"
NOT_OF_A_STAGE = "runtime"  # the section of params.yaml that is no stage's
# Cut into tokens on the page: suffixes in a row, an apostrophe, quotation marks, a name.
PARAGRAPH = (
    "Kitaplığımızdakilerden hangisini okuyacağını kütüphaneciye sordu. Ankara'dan yeni gelen öğretmen"
    " gülümsedi: “Üçüncü raftaki şiirleri unutma; en güzelleri oradadır!”"
)

Curve = list[tuple[int, float]]  # step, value


class Sample(NamedTuple):
    """A quotation of a file of samples."""

    heading: str
    prompt: str  # in bold at its beginning
    text: str
    verdict: str  # in italics at its end: "right", "expected: …"


@dataclass(frozen=True)
class Run:
    """What the stages of a run have written."""

    name: str = ""
    metrics: Mapping[str, dict[str, Any]] = field(default_factory=dict)  # by stage
    curves: Mapping[str, Curve] = field(default_factory=dict)  # by file below reports/
    texts: Mapping[str, str] = field(default_factory=dict)  # by file below reports/
    baseline_samples: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    tokens: list[tuple[int, str]] = field(default_factory=list)  # of PARAGRAPH: ids and pieces
    scores: Mapping[Key, Scores] = field(default_factory=dict)  # of the items

    def branch(self, stage: str, path: str = "") -> dict[str, Any]:
        """Return the figures under a path of a stage's metrics, such as `bits_per_byte.val`."""
        node: Any = self.metrics.get(stage, {})
        for key in filter(None, path.split(".")):
            node = node.get(key, {}) if isinstance(node, dict) else {}
        return node if isinstance(node, dict) else {}

    def value(self, stage: str, path: str) -> float | None:
        """Return a figure of a stage's metrics, or None where it has none."""
        branch, _, key = path.rpartition(".")
        value = self.branch(stage, branch).get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return value

    def text(self, file: str) -> str:
        """Return the content of a text file; nothing where the run has none."""
        return self.texts.get(file, "")


def read_run(root: Path, name: str = "") -> Run:
    """Return the run below `root`, the folder of a project. `name` is what the page calls it."""
    reports = root / REPORTS
    metrics = {stage: read_object(reports / stage / "metrics.json") for stage in STAGES}
    curves = {
        file.relative_to(reports).as_posix(): curve
        for file in sorted(reports.glob("*/live/plots/metrics/*.tsv"))
        if (curve := read_curve(file))
    }
    texts = {file: text for file in (REMOVED, PIECES, STEPS, SAMPLES) if (text := read_text(reports / file))}
    return Run(
        name,
        metrics,
        curves,
        texts,
        read_object(reports / BASELINE_SAMPLES),
        read_settings(root / PARAMS_FILE),
        read_tokens(root / TOKENIZER),
        read_item_scores(reports / ITEMS),
    )


def read_text(file: Path) -> str:
    """Return a text file; nothing where there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def read_curve(file: Path) -> Curve:
    """Return the steps and values of a TSV file of DVCLive; none where a row is no pair of numbers."""
    rows = [line.split("\t") for line in read_text(file).split("\n")[1:] if line]
    try:
        curve = [(int(step), float(value)) for step, value in rows]
    except ValueError:
        return []
    return [point for point in curve if math.isfinite(point[1])]


def read_settings(file: Path) -> dict[str, Any]:
    """Return params.yaml without the section that is no stage's."""
    try:
        params = read_params(file)
    except UserError:
        return {}
    return {key: value for key, value in params.items() if key != NOT_OF_A_STAGE}


def flatten(params: Any, path: str = "") -> dict[str, Any]:
    """Return the values of nested params by their path, such as `train.steps`."""
    if not isinstance(params, Mapping) or not params:
        return {path: params} if path else {}
    return {
        key: value
        for name, inner in params.items()
        for key, value in flatten(inner, f"{path}.{name}" if path else str(name)).items()
    }


def read_tokens(folder: Path) -> list[tuple[int, str]]:
    """Return the ids and pieces of PARAGRAPH; none where there is no tokenizer that opens."""
    try:
        tokenizer = Tokenizer.load(folder)
    except UserError:
        return []
    ids = tokenizer.encode(PARAGRAPH)
    return [(token, tokenizer.id_to_piece(token).replace(METASPACE, " ")) for token in ids]


def read_item_scores(file: Path) -> Mapping[Key, Scores]:
    """Return the scores of the run's models on each item; none where no file of this version is there."""
    try:
        return read_scores(*read_items(file, str(file)))
    except UserError:
        return {}


def read_samples(markdown: str) -> Iterator[Sample]:
    """Yield the quotations of a file of samples."""
    heading = ""
    for block in re.split(r"\n\n+", markdown):
        if block.startswith("## "):
            heading = block.removeprefix("## ").strip()
        if not block.startswith("> "):
            continue
        text = "\n".join(line[2:] for line in block.split("\n") if line.startswith("> "))
        verdict = re.search(r"\n\*([^*]+)\*$", text)
        text = text[: verdict.start()] if verdict else text
        begun = re.match(r"\*\*((?:[^*\\]|\\.)+)\*\*\n?", text, flags=re.S)
        yield Sample(
            heading,
            unescape_markdown(begun[1]) if begun else "",
            unescape_markdown(text[begun.end() :] if begun else text),
            unescape_markdown(verdict[1]) if verdict else "",
        )


def read_removed(markdown: str) -> dict[str, list[tuple[str, str]]]:
    """Return the examples of removed.md by rule: the document's id and how it begins."""
    examples: dict[str, list[tuple[str, str]]] = {}
    rule = ""
    for line in markdown.split("\n"):
        if found := re.fullmatch(r"## (\w+): .*", line):
            rule = found[1]
        elif line.startswith("## "):
            rule = ""
        elif rule and (found := re.fullmatch(r"\*\*(.*)\*\*", line)):
            examples.setdefault(rule, []).append((found[1], ""))
        elif rule in examples and line.startswith("> "):
            id, text = examples[rule][-1]
            examples[rule][-1] = (id, f"{text}\n{line[2:]}".lstrip("\n"))
    return examples


def read_pieces(markdown: str) -> list[tuple[str, list[tuple[str, int]]]]:
    """Return the lists of pieces.md: a heading, and its pieces with their counts."""
    parts = re.split(r"^## (.*)$", markdown, flags=re.M)
    lists = []
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        found = re.findall(r"`(.+?)` ([\d,]+)(?:, |$)", body, flags=re.M)
        lists.append((heading, [(piece, int(count.replace(",", ""))) for piece, count in found]))
    return lists
