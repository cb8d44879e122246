"""Read evaluation sets: rows of JSON, CSV, TSV or SQuAD JSON, as typed values.

Errors of a row name its file and line.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.paths import TASKS
from pipeline.eval_sets.answers import parse_answers
from pipeline.eval_sets.tasks import EvalTask, find_data_files
from pipeline.readers.decompress import content_suffix, open_decompressed
from pipeline.readers.json_rows import parse_json, read_json_rows
from pipeline.readers.lines import TextLines
from pipeline.readers.rows import MAX_ROW_BYTES, Note, Row, Unreadable
from pipeline.readers.tables import Fields, read_table
from pipeline.text.normalize import normalize_text

# Names of the fields in published files, our own first.
SYNONYMS = {
    "text": ("text", "content"),
    "good": ("good", "good_sentence", "sentence_good"),
    "bad": ("bad", "bad_sentence", "sentence_bad"),
    "type": ("type", "phenomenon"),
    "query": ("query", "question"),
    "document": ("document", "context"),
    "answers": ("answers", "answer"),
    "passage": ("passage", "context"),
    "options": ("options", "choices"),
    "answer": ("answer", "label"),
    "first": ("first", "sentence1", "text1"),
    "second": ("second", "sentence2", "text2"),
    "score": ("score", "similarity_score"),
}


@dataclass(frozen=True)
class Document:
    """A text to score. Metrics are grouped by `source`."""

    id: str
    source: str
    text: str

    def texts(self) -> tuple[str, ...]:
        """Return what the corpus must not hold."""
        return (self.text,)


@dataclass(frozen=True)
class Pair:
    """Two sentences that differ in one point, which makes the second one ungrammatical or false."""

    good: str
    bad: str
    type: str
    cue: str = ""  # what the two differ in, as the file has it

    def texts(self) -> tuple[str, ...]:
        """Return what the corpus must not hold."""
        return self.good, self.bad


@dataclass(frozen=True)
class Question:
    """A question and every answer that counts as right."""

    question: str
    answers: tuple[str, ...]
    family: str
    kind: str
    passage: str = ""  # that the question is about

    def texts(self) -> tuple[str, ...]:
        """Return what the corpus must not hold."""
        return (self.question, self.passage) if self.passage else (self.question,)


@dataclass(frozen=True)
class Choice:
    """The beginning of a text, and the ways in which it may go on, of which one is right."""

    prompt: str
    options: tuple[str, ...]
    answer: int  # index of the right option

    def texts(self) -> tuple[str, ...]:
        """Return what the corpus must not hold."""
        return self.prompt, *self.options


@dataclass(frozen=True)
class ScoredPair:
    """Two texts, and how alike people find them."""

    first: str
    second: str
    score: float

    def texts(self) -> tuple[str, ...]:
        """Return what the corpus must not hold."""
        return self.first, self.second


@dataclass(frozen=True)
class Retrieval:
    """Queries, each with the index of the one document among `documents` that it asks for."""

    queries: tuple[str, ...]
    documents: tuple[str, ...]
    targets: tuple[int, ...]

    def texts(self) -> tuple[str, ...]:
        """Return what the corpus must not hold."""
        return *self.queries, *self.documents


def read_documents(name: str, task: EvalTask, root: Path = Path(".")) -> list[Document]:
    """Return the rows of a `text` task. Without an id or a source column, line and file name serve."""
    return [
        Document(row.string("id", row.location), row.string("source", row.file), row.string("text"))
        for row in read_rows(name, task, root)
    ]


def read_pairs(name: str, task: EvalTask, root: Path = Path(".")) -> list[Pair]:
    """Return the rows of a `minimal_pairs` task. The type is `type` and, where there is one, `subtype`.

    TurBLiMP (Başar et al. 2025, arXiv 2506.13487) counts its 16 phenomena in this way.
    """
    pairs = []
    for row in read_rows(name, task, root):
        kinds = [row.string("type", row.file).strip(), row.string("subtype", "").strip()]
        type = "_".join(kind for kind in kinds if kind)
        pairs.append(Pair(row.string("good"), row.string("bad"), type, row.string("cue", "")))
    return pairs


def read_questions(name: str, task: EvalTask, root: Path = Path(".")) -> list[Question]:
    """Return the rows of a `questions` task. `answers` is a list of strings, or one string."""
    return [
        Question(
            row.string("question"),
            row.strings("answers"),
            row.string("family", "all"),
            row.string("kind", "all"),
            row.string("passage", ""),
        )
        for row in read_rows(name, task, root)
    ]


def read_choices(name: str, task: EvalTask, root: Path = Path(".")) -> list[Choice]:
    """Return the rows of a `choice` task. `answer` is the index of the right option, from 0."""
    choices = []
    for row in read_rows(name, task, root):
        options = row.strings("options")
        if len(options) < 2:
            raise UserError(
                "{location}: options: one alone leaves no choice; give two or more", location=row.location
            )
        choices.append(Choice(row.string("prompt"), options, row.index("answer", len(options))))
    return choices


def read_similarity(name: str, task: EvalTask, root: Path = Path(".")) -> list[ScoredPair]:
    """Return the rows of a `similarity` task."""
    return [
        ScoredPair(row.string("first"), row.string("second"), row.number("score"))
        for row in read_rows(name, task, root)
    ]


def read_retrieval(name: str, task: EvalTask, root: Path = Path(".")) -> Retrieval:
    """Return the rows of a `retrieval` task. A document that several queries ask for is one candidate."""
    index: dict[str, int] = {}
    queries, targets = [], []
    for row in read_rows(name, task, root):
        queries.append(row.string("query"))
        targets.append(index.setdefault(row.string("document"), len(index)))
    return Retrieval(tuple(queries), tuple(index), tuple(targets))


# What reads the files of each kind of task: a list of rows, or one `Retrieval`.
READERS: dict[str, Callable[[str, EvalTask, Path], Any]] = {
    "text": read_documents,
    "minimal_pairs": read_pairs,
    "retrieval": read_retrieval,
    "questions": read_questions,
    "choice": read_choices,
    "second_halves": read_documents,
    "similarity": read_similarity,
}


def read_task(name: str, task: EvalTask, root: Path = Path(".")) -> Any:
    """Return what the reader of a task returns. Raises UserError where it is too little to measure on."""
    rows = READERS[task.kind](name, task, root)
    if isinstance(rows, Retrieval):
        if len(rows.documents) < 2:
            raise UserError(
                "{tasks}/{name}.yaml: {path}: needs at least 2 different documents",
                tasks=TASKS,
                name=name,
                path=task.path,
            )
    elif not rows:
        raise UserError("{tasks}/{name}.yaml: {path}: holds no rows", tasks=TASKS, name=name, path=task.path)
    elif unknown := {name for names in task.subsets.values() for name in names} - {
        row.type for row in rows if isinstance(row, Pair)
    }:
        raise UserError(
            "{tasks}/{name}.yaml: subsets: '{unknown}': no row has this type; there are {types}",
            tasks=TASKS,
            name=name,
            unknown=min(unknown),
            types=", ".join(sorted({row.type for row in rows})),
        )
    elif task.kind == "similarity" and len({row.score for row in rows}) < 2:
        raise UserError(
            "{tasks}/{name}.yaml: {path}: needs pairs with different scores",
            tasks=TASKS,
            name=name,
            path=task.path,
        )
    return rows


def read_task_texts(name: str, task: EvalTask, root: Path = Path(".")) -> list[str]:
    """Return the texts of a task of any kind, from which the corpus is decontaminated."""
    rows = READERS[task.kind](name, task, root)
    return [text for row in ([rows] if isinstance(rows, Retrieval) else rows) for text in row.texts()]


def read_all_texts(tasks: Mapping[str, EvalTask], root: Path = Path(".")) -> list[str]:
    """Return the texts of all tasks, which no training may read."""
    return [text for name, task in tasks.items() for text in read_task_texts(name, task, root)]


@dataclass(frozen=True)
class TaskRow:
    """A record as its file has it, with what its errors have to name."""

    location: str  # file:line
    file: str  # name without folder and suffix
    record: dict[str, Any]
    name: str  # of the task
    task: EvalTask

    def value(self, field: str) -> Any:
        """Return the file's value of `field`; None where it has no such column."""
        match self.task.columns.get(field):
            case None:
                names = SYNONYMS.get(field, (field,))
                return next((self.column(name, field) for name in names if name in self.record), None)
            case list(names):
                return [self.column(name, field) for name in names]
            case str(template) if in_braces := re.findall(r"\{([^{}]+)\}", template):
                texts = {name: str(self.column(name, field)) for name in in_braces}
                return re.sub(r"\{([^{}]+)\}", lambda match: texts[match[1]], template)
            case str(name):
                return self.column(name, field)

    def column(self, name: str, field: str) -> Any:
        """Return the value of a column, read for `field`, or what `replace` has for it."""
        if name not in self.record:
            raise UserError(
                "{location}: no column '{name}' ({key}); the row has {columns}",
                **self.missing(field),
                name=name,
            )
        value = self.record[name]
        if name not in self.task.replace:
            return value
        if str(value) not in self.task.replace[name]:
            key = f"{TASKS}/{self.name}.yaml: replace.{name}"
            raise UserError(
                "{location}: {name}: {value}: not in {key}; add it there, or fix the row",
                location=self.location,
                name=name,
                value=repr(value),
                key=key,
            )
        return self.task.replace[name][str(value)]

    def missing(self, field: str) -> dict[str, str]:
        """Return what errors of a missing column say: where, the key that names it, and what there is."""
        return {
            "location": self.location,
            "key": f"{TASKS}/{self.name}.yaml: columns.{field}",
            "columns": ", ".join(self.record) or Translatable("none"),
        }

    def missing_field_error(self, field: str) -> UserError:
        """Return the error of a field that no column is for."""
        return UserError(
            "{location}: no column for '{field}'; name it in {key}; the row has {columns}",
            **self.missing(field),
            field=field,
        )

    def string(self, field: str, default: str | None = None) -> str:
        """Return a text of at least one character, or `default` for a missing or empty column."""
        value = self.value(field)
        if value in (None, "") and default is not None:
            return default
        if value is None:
            raise self.missing_field_error(field)
        return self.check_text(field, value)

    def strings(self, field: str) -> tuple[str, ...]:
        """Return a list of texts, in any of the forms that `parse_answers` knows."""
        value = self.value(field)
        if value is None:
            raise self.missing_field_error(field)
        values = parse_answers(value)
        if not values:
            raise UserError(
                "{location}: {field}: an empty list; give at least one", location=self.location, field=field
            )
        return tuple(self.check_text(field, item) for item in values)

    def number(self, field: str) -> float:
        """Return a finite number."""
        text = self.string(field)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise UserError(
                "{location}: {field}: {text} is not a number; fix or remove the row",
                location=self.location,
                field=field,
                text=repr(text),
            )
        return number

    def index(self, field: str, count: int) -> int:
        """Return a whole number from 0 to `count` - 1."""
        text = self.string(field)
        if text not in map(str, range(count)):
            key = f"{TASKS}/{self.name}.yaml: replace"
            raise UserError(
                "{location}: {field}: {text}: not a number from 0 to {count}; map it in {key}",
                location=self.location,
                field=field,
                text=repr(text),
                count=count - 1,
                key=key,
            )
        return int(text)

    def check_text(self, field: str, value: Any) -> str:
        """Return `value` as normalized text, if it is a text or a number."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        text = normalize_text(value) if isinstance(value, str) else ""
        if not text.strip():
            raise UserError(
                "{location}: {field}: {value} is not a text; fix or remove the row",
                location=self.location,
                field=field,
                value=repr(value),
            )
        return text


def read_rows(name: str, task: EvalTask, root: Path) -> Iterator[TaskRow]:
    """Yield every row of every file of a task. Raises UserError where there is no file."""
    for path in find_data_files(name, task, root=root):
        for location, record in read_records(path):
            yield TaskRow(location, path.stem, record, name, task)


def read_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield location (`file:line`) and content of every record of a file, whose suffix names the format."""
    match content_suffix(path):
        case ".jsonl" | ".ndjson":
            return read_json_records(path)
        case ".csv" | ".tsv":
            return read_table_records(path)
        case ".json":
            squad = parse_squad(path)
            return read_json_records(path) if squad is None else flatten_squad(squad, path)
        case _:
            raise UserError(
                "{path}: unknown format; expected .jsonl, .json (SQuAD's too), .csv or .tsv", path=path
            )


def read_json_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a JSON file (see `read_json_rows`)."""
    with open_decompressed(path) as stream:
        for row in read_json_rows(stream, str(path)):
            if isinstance(row, Unreadable):
                raise UserError(row.message)
            if isinstance(row, Row):
                yield row.location, row.values


def read_table_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows under a header (see `read_table`)."""
    with open_decompressed(path) as stream:
        names, rows = read_table(stream, str(path))
        for row in rows:
            if isinstance(row, Unreadable):
                raise UserError(row.message)
            if isinstance(row, Fields):
                yield f"{path}:{row.number}", dict(zip(names, row.values, strict=True))


def parse_squad(path: Path) -> dict[str, Any] | None:
    """Return the content of a .json that is SQuAD's: one object with a list `data`. None for any other.

    Raises UserError where such an object goes over several lines and is not JSON.
    """
    with open_decompressed(path) as stream:
        rows = (row for row in read_json_rows(stream, str(path)) if not isinstance(row, Note))
        first, second = next(rows, None), next(rows, None)
    content: Any = None
    if isinstance(first, Row):
        content = first.values if second is None else None
    elif first and (text := read_text(path)).lstrip().startswith("{") and '"data"' in text:
        content = parse_json(text, str(path))
    return content if isinstance(content, dict) and isinstance(content.get("data"), list) else None


def flatten_squad(squad: dict[str, Any], path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the questions of a SQuAD file (Rajpurkar et al. 2016, arXiv 1606.05250) as flat rows.

    Each has `id`, `question`, `context` and `answers` (their texts, each once).
    """
    try:
        paragraphs = [paragraph for article in squad["data"] for paragraph in article["paragraphs"]]
        for number, paragraph in enumerate(paragraphs, start=1):
            context = paragraph["context"].strip("\ufeff \n")
            for question in paragraph["qas"]:
                answers = list(dict.fromkeys(answer["text"] for answer in question.get("answers", [])))
                yield (
                    Translatable("{path}: paragraph {number}", path=path, number=number),
                    {
                        "id": str(question["id"]),
                        "question": question["question"],
                        "context": context,
                        "answers": answers,
                    },
                )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            "{path}: not SQuAD's layout (data, paragraphs, context, qas): {error}",
            path=path,
            error=repr(error),
        ) from None


def read_text(path: Path) -> str:
    """Return the text of a file. Raises UserError for a line that is not UTF-8."""
    with open_decompressed(path) as stream:
        texts = [text for _, text in TextLines(stream, str(path), MAX_ROW_BYTES)]
    for text in texts:
        if isinstance(text, Unreadable):
            raise UserError(text.message)
    return "".join(map(str, texts))
