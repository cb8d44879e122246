"""Read what is evaluated on: rows of JSON lines, CSV, TSV or SQuAD JSON, as typed values.

Any fault of a row names its file and line.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.eval_sets.params import EvalTask, task_files

# Names under which published files hold our fields, beside our own.
SYNONYMS = {
    "text": ("text", "content"),
    "good": ("good", "good_sentence", "sentence_good"),
    "bad": ("bad", "bad_sentence", "sentence_bad"),
    "type": ("type", "phenomenon"),
    "query": ("query", "question"),
    "document": ("document", "context"),
    "answers": ("answers", "answer"),
}


@dataclass(frozen=True)
class Document:
    """A text to score; `source` groups the figures."""

    id: str
    source: str
    text: str


@dataclass(frozen=True)
class Pair:
    """Two sentences that differ in one point, which makes the second one ungrammatical or false."""

    good: str
    bad: str
    type: str


@dataclass(frozen=True)
class Question:
    """A question and every answer that counts as right."""

    question: str
    answers: tuple[str, ...]
    family: str
    kind: str


@dataclass(frozen=True)
class Retrieval:
    """Queries, each with the index of the one document among `documents` that it asks for."""

    queries: tuple[str, ...]
    documents: tuple[str, ...]
    targets: tuple[int, ...]


def read_documents(name: str, task: EvalTask, root: Path = Path(".")) -> list[Document]:
    """The rows of a `text` task; without an id or a source column, line and file name serve."""
    return [
        Document(row.string("id", row.place), row.string("source", row.file), row.string("text"))
        for row in rows(name, task, root)
    ]


def read_pairs(name: str, task: EvalTask, root: Path = Path(".")) -> list[Pair]:
    """The rows of a `minimal_pairs` task; the type is `type` and, where there is one, `subtype`.

    TurBLiMP (Başar et al. 2025, arXiv 2506.13487) counts its 16 phenomena in this way.
    """
    pairs = []
    for row in rows(name, task, root):
        kinds = [row.string("type", row.file).strip(), row.string("subtype", "").strip()]
        pairs.append(Pair(row.string("good"), row.string("bad"), "_".join(kind for kind in kinds if kind)))
    return pairs


def read_questions(name: str, task: EvalTask, root: Path = Path(".")) -> list[Question]:
    """The rows of a `questions` task; `answers` is a list of strings, or one string."""
    return [
        Question(
            row.string("question"),
            row.strings("answers"),
            row.string("family", "all"),
            row.string("kind", "all"),
        )
        for row in rows(name, task, root)
    ]


def read_retrieval(name: str, task: EvalTask, root: Path = Path(".")) -> Retrieval:
    """The rows of a `retrieval` task. A document that several queries ask for is one candidate."""
    index: dict[str, int] = {}
    queries, targets = [], []
    for row in rows(name, task, root):
        queries.append(row.string("query"))
        targets.append(index.setdefault(row.string("document"), len(index)))
    return Retrieval(tuple(queries), tuple(index), tuple(targets))


def texts(name: str, task: EvalTask, root: Path = Path(".")) -> list[str]:
    """All that a task of any kind holds, piece by piece; the corpus must not give it away."""
    match task.kind:
        case "text":
            return [document.text for document in read_documents(name, task, root)]
        case "minimal_pairs":
            return [text for pair in read_pairs(name, task, root) for text in (pair.good, pair.bad)]
        case "questions":
            return [question.question for question in read_questions(name, task, root)]
        case _:
            retrieval = read_retrieval(name, task, root)
            return [*retrieval.queries, *retrieval.documents]


@dataclass(frozen=True)
class Row:
    """A record as its file has it, and what is needed to complain about it."""

    place: str  # file:line
    file: str  # name without folder and suffix
    record: dict[str, Any]
    task: str
    columns: dict[str, str]

    def value(self, field: str) -> Any:
        """What the file holds under our `field`; None where it has no such column."""
        if field in self.columns:
            if self.columns[field] not in self.record:
                raise self.lacks(f"column '{self.columns[field]}' (eval.tasks.{self.task}.columns.{field})")
            return self.record[self.columns[field]]
        names = SYNONYMS.get(field, (field,))
        return next((self.record[name] for name in names if name in self.record), None)

    def lacks(self, what: str) -> UserError:
        """The error of a column that is not there."""
        return UserError(f"{self.place}: no {what}; the row has {', '.join(self.record) or 'none'}")

    def string(self, field: str, default: str | None = None) -> str:
        """A text of at least one character, or `default` where there is no such column or it is empty."""
        value = self.value(field)
        if value in (None, "") and default is not None:
            return default
        if value is None:
            raise self.lacks(f"column for '{field}'; name it in eval.tasks.{self.task}.columns.{field}")
        return self.text(field, value)

    def strings(self, field: str) -> tuple[str, ...]:
        """A list of texts; a single text is a list of one."""
        value = self.value(field)
        if value is None:
            raise self.lacks(f"column for '{field}'; name it in eval.tasks.{self.task}.columns.{field}")
        values = value if isinstance(value, list) else [value]
        if not values:
            raise UserError(f"{self.place}: {field}: an empty list; give at least one")
        return tuple(self.text(field, each) for each in values)

    def text(self, field: str, value: Any) -> str:
        """`value`, if it is a text that can be encoded, or a number."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"{self.place}: {field}: {value!r} is not a text; mend or remove the row")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise UserError(f"{self.place}: {field}: holds half of a surrogate pair; mend or remove the row")
        return value


def rows(name: str, task: EvalTask, root: Path) -> Iterator[Row]:
    """Every row of every file of a task. Raises UserError where there is no file."""
    for path in task_files(name, task, root=root):
        for place, record in records(path):
            yield Row(place, path.stem, record, name, task.columns)


def records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The place (`file:line`) and the content of every record of a file; its suffix names the format."""
    match path.suffix:
        case ".jsonl":
            return json_records(path)
        case ".csv" | ".tsv":
            return table_records(path)
        case ".json":
            return squad_records(path)
        case _:
            raise UserError(f"{path}: unknown format; expected .jsonl, .csv, .tsv or .json (SQuAD)")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line. Raises UserError for one that is not UTF-8."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise UserError(f"{path}:{number}: not UTF-8; save the file as UTF-8") from None


def json_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """One JSON object a line; blank lines do not count."""
    for number, line in lines(path):
        if not line.strip():
            continue
        record = json_value(line.rstrip(), path, number)
        if not isinstance(record, dict):
            raise UserError(f"{path}:{number}: expected an object {{…}}, found {type(record).__name__}")
        yield f"{path}:{number}", record


def json_value(text: str, path: Path, first: int) -> Any:
    """The JSON value of `text`, which begins on line `first` of `path`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first + error.lineno - 1
        raise UserError(f"{path}:{line}: not JSON: {error.msg} at column {error.colno}; mend it") from None
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits; deep nesting
        raise UserError(f"{path}:{first}: not JSON: {error}; mend it") from None


def table_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows under a header; the separator is whichever of `;`, tab and `,` the header has most of."""
    header = next((line for _, line in lines(path)), "")
    separator = max(";\t,", key=header.count)  # the first of equals: a comma only where it leads
    reader = csv.reader((line for _, line in lines(path)), delimiter=separator)
    try:
        names = next(reader, [])
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(names):
                raise UserError(
                    f"{path}:{reader.line_num}: {len(fields)} fields where the header has {len(names)} "
                    f"(separator {separator!r}); quote fields that hold it"
                )
            yield f"{path}:{reader.line_num}", dict(zip(names, fields, strict=True))
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: not CSV: {error}") from None


def squad_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The questions of a SQuAD file (Rajpurkar et al. 2016, arXiv 1606.05250) as flat rows.

    Each has `id`, `question`, `context` and `answers` (their texts, each once).
    """
    squad = json_value("".join(line for _, line in lines(path)), path, 1)
    try:
        paragraphs = [paragraph for article in squad["data"] for paragraph in article["paragraphs"]]
        for number, paragraph in enumerate(paragraphs, start=1):
            context = paragraph["context"].strip("\ufeff \n")
            for question in paragraph["qas"]:
                answers = list(dict.fromkeys(answer["text"] for answer in question.get("answers", [])))
                yield (
                    f"{path}: paragraph {number}",
                    {
                        "id": str(question["id"]),
                        "question": question["question"],
                        "context": context,
                        "answers": answers,
                    },
                )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not SQuAD's layout (data, paragraphs, context, qas): {error!r}") from None
