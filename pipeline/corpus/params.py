"""The `corpus` section of params.yaml."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from pipeline.common.data_files import matching_files
from pipeline.common.params import Section
from pipeline.corpus.readers.txt import Divided

RAW = "data/raw/corpus"


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Rules(Section):
    """Which rules look at documents of local, hub and urls sources; the miniworld needs none."""

    boilerplate: bool  # lines of menus, cookie notices and buttons go
    language: bool  # what is not Turkish goes
    repetition: bool  # and what repeats its own lines or runs of words
    lines: bool  # and pages of lists and headings
    prose: bool  # and what has not the words and marks of sentences
    personal_data: bool  # identity numbers, IBANs, cards, telephones and e-mail addresses become markers
    near_copies: bool  # of documents that share most of their text the longest stays
    repeated_paragraphs: bool  # of a paragraph that several documents have the first stays
    contamination: bool  # what holds a text of the evaluation sets goes


Rule = Literal[
    "boilerplate", "language", "repetition", "lines", "prose", "personal_data", "near_copies",
    "repeated_paragraphs", "contamination",
]  # fmt: skip


class MiniworldSource(Section):
    """The embedded world of `pipeline/miniworld`."""

    kind: Literal["miniworld"]
    documents: int = Field(gt=0)  # documents to compose
    weight: float = Field(
        default=1.0, gt=0, allow_inf_nan=False
    )  # share of max_bytes, relative to the others


class LocalSource(Section):
    """Files of the user's under data/raw/corpus."""

    kind: Literal["local"]
    # A glob, or a list of them. txt, jsonl, csv, tsv, parquet; the first four also .gz, .xz, .zst.
    path: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
    # Of jsonl, csv and parquet: a column, or several in braces, "{title}\n\n{body}"; null: recognised.
    text_column: str | None = None
    documents: Divided = "blank_line"  # what ends a document of a txt
    without: list[Rule] = Field(default_factory=list)  # rules that do not look at it
    weight: float = Field(
        default=1.0, gt=0, allow_inf_nan=False
    )  # share of max_bytes, relative to the others


class HubSource(Section):
    """A set on the Hugging Face hub."""

    kind: Literal["hub"]
    dataset: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    config: str | None = None  # null: the set's default
    split: str = "train"
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")  # a commit; null: told, and stopped
    text_column: str | None = None  # a column, or several in braces: "{title}\\n\\n{body}"; null: recognised
    without: list[Rule] = Field(default_factory=list)  # rules that do not look at it
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)  # share of max_bytes


class UrlsSource(Section):
    """Lists of links under data/raw/corpus, whose pages and files are the documents."""

    kind: Literal["urls"]
    # A glob, or a list of them: the formats of a local source.
    path: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
    url_column: str | None = None  # null: url, link, uri or adres
    at_once: int = Field(default=32, gt=0, le=256)  # fetches that run
    per_host: int = Field(default=2, gt=0)  # and of those from one host
    max_file_bytes: int = Field(default=5_000_000, gt=0)  # what is longer is left out
    allow: list[str] = Field(default_factory=list)  # hosts that may have a private address
    without: list[Rule] = Field(default_factory=list)  # rules that do not look at it
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)  # share of max_bytes


Source = Annotated[MiniworldSource | LocalSource | HubSource | UrlsSource, Field(discriminator="kind")]
# DVC's -S addresses a source by its name, and metrics use it as a key: no dots, no spaces.
SourceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]


class CorpusParams(Section):
    """What text the corpus takes in and how it is cut into train, val and test."""

    sources: dict[SourceName, Source] = Field(min_length=1)  # read in this order
    max_bytes: int | None = Field(gt=0)  # UTF-8 bytes of text kept over all sources; null: all
    min_chars: int = Field(ge=1)  # a shorter document is dropped
    val_fraction: float = Field(gt=0, lt=1)  # of the documents; every later stage reads it
    test_fraction: float = Field(gt=0, lt=1)  # of the documents; evaluate reads it
    on_error: Literal["fail", "skip"]  # a record that cannot be read
    rules: Rules

    def shares(self) -> dict[str, int]:
        """UTF-8 bytes that each source may keep; none where max_bytes is null."""
        if self.max_bytes is None:
            return {}
        weights = sum(source.weight for source in self.sources.values())
        return {name: int(self.max_bytes * source.weight / weights) for name, source in self.sources.items()}

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> "CorpusParams":
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError(
                f"val_fraction {self.val_fraction} + test_fraction {self.test_fraction} leave nothing "
                "to train on; keep their sum below 1"
            )
        return self

    @model_validator(mode="after")
    def _one_miniworld(self) -> "CorpusParams":
        names = [name for name, source in self.sources.items() if source.kind == "miniworld"]
        if len(names) > 1:
            raise ValueError(f"sources {' and '.join(names)} are both miniworld, the same texts; keep one")
        return self


def check_inputs(params: CorpusParams, root: Path = Path(".")) -> None:
    """Raise UserError unless every local source names at least one file that DVC can track (see `inputs`)."""
    for name, source in params.sources.items():
        if isinstance(source, LocalSource | UrlsSource):
            matching_files(path_key(name), source.path, RAW, root)


def path_key(source_name: str) -> str:
    """The param that holds a local source's paths, as -S addresses it."""
    return f"params.yaml: corpus.sources.{source_name}.path"
