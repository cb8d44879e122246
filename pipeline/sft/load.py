"""The conversations of all sources, read, cleaned and counted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, join_texts
from pipeline.sft.conversations import read_files, read_hub_set, unit_hash
from pipeline.sft.findings import Findings
from pipeline.sft.params import MINIWORLD_CONVERSATIONS, SftParams, Source, list_local_files
from pipeline.sft.rules import RULES, drop_greeting, find_fault, find_overlaps, mask_conversation
from pipeline.tokenizer.chat_template import Message

DRAW_SALT = "draw"  # the plain hash says what validates


@dataclass
class LoadedSource:
    """The conversations of a source that are left, and what was noticed on the way."""

    name: str
    conversations: list[list[Message]]
    findings: Findings


def load_sources(
    params: SftParams, eval_texts: Sequence[str] = (), root: Path = Path()
) -> list[LoadedSource]:
    """Return all sources. `eval_texts` are those of the evaluation sets, which stay out.

    Raises UserError where a file is missing or cannot be read.
    """
    sources = [load_source(name, source, params, root) for name, source in params.sources.items()]
    own = [loaded for loaded in sources if params.sources[loaded.name].kind != "miniworld"]
    rules = iter(find_overlaps([messages for loaded in own for messages in loaded.conversations], eval_texts))
    for loaded in own:
        kept = []
        for messages in loaded.conversations:
            if rule := next(rules):
                loaded.findings.drop(rule, messages)
            else:
                kept.append(messages)
        loaded.conversations = draw_conversations(kept, params.sources[loaded.name].max_rows)
    return sources


def check_sources(sources: Sequence[LoadedSource]) -> None:
    """Raise UserError where a source has no conversation left."""
    for loaded in sources:
        if not loaded.conversations:
            dropped = (
                join_texts(" ", [Translatable(rule), str(count)])
                for rule, count in loaded.findings.dropped.most_common()
            )
            raise UserError(
                "params.yaml: sft.sources.{name}: none of its {rows} conversations is left "
                "({dropped}); `tezgah sft preview` shows why; fix them, or remove it",
                name=loaded.name,
                rows=loaded.findings.rows,
                dropped=join_texts(", ", dropped),
            )


def count_findings(sources: Sequence[LoadedSource]) -> dict[str, Any]:
    """Return the counts of unreadable rows and of dropped conversations, of all sources and of each."""
    dropped: Counter[str] = sum((loaded.findings.dropped for loaded in sources), Counter())
    return {
        "unreadable": sum(loaded.findings.unreadable for loaded in sources),
        "dropped": {rule: dropped[rule] for rule in RULES},
        "sources": {
            loaded.name: {"read": loaded.findings.rows, "kept": len(loaded.conversations)}
            for loaded in sources
        },
    }


def describe_counts(counts: dict[str, Any]) -> str:
    """Return the counts of a dataset as a line."""
    dropped = counts["dropped_too_long"] + counts["dropped_without_answer"] + sum(counts["dropped"].values())
    return Translatable(
        "{train:,} conversations to learn from, {val:,} to validate on; {cut:,} cut, {dropped:,} "
        "dropped (`tezgah sft preview` tells why)",
        train=counts["train"],
        val=counts["val"],
        cut=counts["cut"],
        dropped=dropped,
    )


def list_notes(sources: Sequence[LoadedSource]) -> list[str]:
    """Return what people should know of the sources, one line each."""
    return [
        Translatable("note: {note}", note=note)
        for loaded in sources
        for note in loaded.findings.list_notes(f"sft.sources.{loaded.name}")
    ]


def load_source(name: str, source: Source, params: SftParams, root: Path) -> LoadedSource:
    """Return a source whose conversations have passed the rules about each alone."""
    findings = Findings(params.on_error)
    conversations = read_source(name, source, findings, root)
    if source.kind == "miniworld":
        return LoadedSource(name, draw_conversations(list(conversations), source.max_rows), findings)
    kept = []
    for messages in map(drop_greeting, conversations):
        if rule := find_fault(messages):
            findings.drop(rule, messages)
        else:
            kept.append(mask_conversation(messages))
            findings.masked += kept[-1] != messages
        if source.kind == "hub" and len(kept) == source.max_rows:
            break  # the rest need not come through the net
    return LoadedSource(name, kept, findings)


def read_source(name: str, source: Source, findings: Findings, root: Path) -> Iterator[list[Message]]:
    """Return the conversations of a source, as they are read."""
    if source.hub is not None:
        return read_hub_set(f"params.yaml: sft.sources.{name}", source.hub, findings, source.templates)
    return read_files(list_files(name, source, root), findings, source.templates)


def list_source_files(params: SftParams, root: Path = Path()) -> list[Path]:
    """Return every file that the configured sources read, in order. Raises UserError where one is missing."""
    return [file for name, source in params.sources.items() for file in list_files(name, source, root)]


def list_files(name: str, source: Source, root: Path) -> list[Path]:
    """Return the files of a source. Raises UserError where one is missing, or the miniworld has none."""
    if source.kind == "hub":
        return []
    if source.kind == "local":
        return list_local_files(name, source, root)
    file = root / MINIWORLD_CONVERSATIONS
    if not file.is_file():
        raise UserError(
            "params.yaml: sft.sources.{name}: {miniworld_conversations} is not there yet; run "
            "`dvc repro slice_corpus`, or remove the source",
            name=name,
            miniworld_conversations=MINIWORLD_CONVERSATIONS,
        )
    if file.stat().st_size:
        return [file]
    raise UserError(
        "params.yaml: sft.sources.{name}: {miniworld_conversations} holds no conversation; "
        "add a miniworld source to corpus.sources, or remove sft.sources.{name}",
        name=name,
        miniworld_conversations=MINIWORLD_CONVERSATIONS,
    )


def draw_conversations(conversations: list[list[Message]], count: int | None) -> list[list[Message]]:
    """Return at most `count` conversations, drawn by their hashes, in their order."""
    if count is None or len(conversations) <= count:
        return conversations
    by_hash = sorted(range(len(conversations)), key=lambda i: (unit_hash(conversations[i], DRAW_SALT), i))
    return [conversations[i] for i in sorted(by_hash[:count])]
