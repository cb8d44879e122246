"""The `corpus` section of params.yaml."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.hub_set import HubSet
from pipeline.common.i18n import join_words
from pipeline.common.params import Section
from pipeline.common.paths import RAW_CORPUS
from pipeline.corpus.readers.txt import DocumentBoundary


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Rules(Section):
    """The rules that filter documents of local, hub and urls sources; the miniworld needs none."""

    boilerplate: bool  # remove lines of menus, cookie notices and buttons
    language: bool  # drop documents that are not Turkish
    repetition: bool  # drop documents that repeat their own lines or n-grams
    lines: bool  # drop pages of lists and headings
    prose: bool  # drop documents without the words and punctuation of sentences
    personal_data: bool  # mask identity numbers, IBANs, cards, telephones and e-mail addresses
    near_copies: bool  # of documents that share most of their text keep the longest
    repeated_paragraphs: bool  # keep a paragraph that many documents have in the first one only
    contamination: bool  # drop documents that contain text of the evaluation sets


Rule = Literal[
    "boilerplate", "language", "repetition", "lines", "prose", "personal_data", "near_copies",
    "repeated_paragraphs", "contamination",
]  # fmt: skip


class MiniworldSource(Section):
    """The documents that `pipeline/miniworld` composes."""

    kind: Literal["miniworld"]
    documents: int = Field(gt=0)  # documents to compose
    small_talk: float = Field(default=0.18, ge=0, le=1)  # share of greetings, names and chat in conversations
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)  # relative share of max_bytes


class LocalSource(Section):
    """Files of the user's under data/raw/corpus."""

    kind: Literal["local"]
    # A glob, or a list of them. txt, jsonl, json, csv, tsv, parquet; all but parquet also .gz, .xz, .zst.
    path: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
    # Of jsonl, csv and parquet: a column, or several in braces, "{title}\n\n{body}"; null: found by its name.
    text_column: str | None = None
    documents: DocumentBoundary = "blank_line"  # what ends a document in a txt file
    header: bool = True  # false: the first line of a csv or tsv is a row; columns are 1, 2, …
    without: list[Rule] = Field(default_factory=list)  # rules that are not applied to it
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)  # relative share of max_bytes
    license: str | None = None  # of the text, for the model cards alone


class HubSource(HubSet):
    """A dataset on the Hugging Face Hub."""

    kind: Literal["hub"]
    # A column, or several in braces, "{title}\n\n{body}"; null: found by its name.
    text_column: str | None = None
    without: list[Rule] = Field(default_factory=list)  # rules that are not applied to it
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)  # relative share of max_bytes
    license: str | None = None  # of the text, for the model cards alone


class UrlsSource(Section):
    """Lists of links under data/raw/corpus, whose pages and files are the documents."""

    kind: Literal["urls"]
    # A glob, or a list of them: the formats of a local source.
    path: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
    url_column: str | None = None  # null: url, link, uri or adres
    at_once: int = Field(default=32, gt=0, le=256)  # concurrent fetches
    per_host: int = Field(default=2, gt=0)  # concurrent fetches from one host
    max_file_bytes: int = Field(default=5_000_000, gt=0)  # longer ones are left out
    allow: list[str] = Field(default_factory=list)  # hosts whose private addresses may be fetched
    without: list[Rule] = Field(default_factory=list)  # rules that are not applied to it
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)  # relative share of max_bytes
    license: str | None = None  # of the text, for the model cards alone


Source = Annotated[MiniworldSource | LocalSource | HubSource | UrlsSource, Field(discriminator="kind")]
# DVC's -S addresses a source by its name, and metrics use it as a key: no dots, no spaces.
SourceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]


class CorpusParams(Section):
    """The sources of the corpus, the rules that filter them, and the fractions of val and test."""

    sources: dict[SourceName, Source] = Field(min_length=1)  # read in this order
    max_bytes: int | None = Field(gt=0)  # UTF-8 bytes of text to keep from all sources; null: all of it
    min_chars: int = Field(ge=1)  # a shorter document is dropped
    val_fraction: float = Field(gt=0, lt=1)  # of the documents; validation in training reads it
    test_fraction: float = Field(gt=0, lt=1)  # of the documents; evaluate reads it
    on_error: Literal["fail", "skip"]  # a record that cannot be read
    rules: Rules

    def byte_budgets(self) -> dict[str, int]:
        """Return the UTF-8 bytes that each source may keep, by its weight; {} where max_bytes is null."""
        if self.max_bytes is None:
            return {}
        weights = sum(source.weight for source in self.sources.values())
        return {name: int(self.max_bytes * source.weight / weights) for name, source in self.sources.items()}

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> "CorpusParams":
        if self.val_fraction + self.test_fraction >= 1:
            raise UserError(
                "val_fraction {val_fraction} + test_fraction {test_fraction} leave nothing to "
                "train on; keep their sum below 1",
                val_fraction=self.val_fraction,
                test_fraction=self.test_fraction,
            )
        return self

    @model_validator(mode="after")
    def _one_miniworld(self) -> "CorpusParams":
        names = [name for name, source in self.sources.items() if source.kind == "miniworld"]
        if len(names) > 1:
            raise UserError(
                "sources {names} are both miniworld, the same texts; keep one", names=join_words(names)
            )
        return self


def check_inputs(params: CorpusParams, root: Path = Path(".")) -> None:
    """Raise UserError unless every local and urls source names a file that DVC can track.

    See `matching_files`.
    """
    for name, source in params.sources.items():
        if isinstance(source, LocalSource | UrlsSource):
            matching_files(path_key(name), source.path, RAW_CORPUS, root)


def path_key(source_name: str) -> str:
    """Return the param that holds a source's paths, as `dvc exp run -S` names it."""
    return f"params.yaml: corpus.sources.{source_name}.path"
