"""What is noticed while conversations are read, beside the conversations themselves."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import Translatable
from pipeline.tokenizer.chat_template import Message

MAX_QUOTED_CHARS = 40  # of an invalid value or a key
MAX_LISTED_KEYS = 12
MAX_EXAMPLE_CHARS = 80


@dataclass
class Findings:
    """What is noticed in the files of a source."""

    on_error: Literal["fail", "skip"] = "fail"  # rows that cannot be read
    rows: int = 0  # that were read
    unreadable: int = 0
    example: str = ""  # the error of one of them
    columns: dict[str, str] = field(default_factory=dict)  # a key, and what it became
    ignored_keys: set[str] = field(default_factory=set)
    other_parts: Counter[str] = field(default_factory=Counter)  # parts of messages that are no text, by type
    masked: int = 0  # conversations with personal data, which was masked
    dropped: Counter[str] = field(default_factory=Counter)  # conversations, by rule
    dropped_examples: dict[str, str] = field(default_factory=dict)  # how the first one of each rule begins
    notes: list[str] = field(default_factory=list)  # of the reader of the file

    def add_error(self, error: UserError) -> None:
        """Count a row that cannot be read. Raises UserError unless such rows are skipped."""
        if self.on_error == "fail":
            raise UserError("{error}, or set sft.on_error: skip", error=error) from None
        self.unreadable += 1
        self.example = error.message

    def drop(self, rule: str, messages: Sequence[Message]) -> None:
        """Count a conversation that a rule drops."""
        self.dropped[rule] += 1
        text = " / ".join(message["content"] for message in messages)
        self.dropped_examples.setdefault(rule, one_line(text[:MAX_EXAMPLE_CHARS]))

    def list_notes(self, location: str) -> list[str]:
        """Return what people should know, one line each. `location` names the files."""
        notes = list(self.notes)
        if names := sorted(name for name in self.ignored_keys if name.strip()):
            listed = ", ".join(name[:MAX_QUOTED_CHARS] for name in names[:MAX_LISTED_KEYS])
            more = ", …" if len(names) > MAX_LISTED_KEYS else ""
            notes.append(
                Translatable(
                    "{location}: keys without effect: {keys}", location=location, keys=one_line(listed + more)
                )
            )
        if self.other_parts:
            listed = ", ".join(f"{kind} {count}" for kind, count in sorted(self.other_parts.items()))
            notes.append(
                Translatable(
                    "{location}: parts of messages that are no text, left out: {kinds}",
                    location=location,
                    kinds=one_line(listed),
                )
            )
        if self.unreadable:
            notes.append(
                Translatable(
                    "{location}: unreadable rows skipped: {count}; one of them: {example}",
                    location=location,
                    count=self.unreadable,
                    example=self.example,
                )
            )
        return notes
