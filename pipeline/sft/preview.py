"""What becomes of every source of conversations: which column is what, what was dropped, and what is trained.

`tezgah sft preview` prints it, and the stage writes it to reports/train_sft/data.md.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from pipeline.common.i18n import Translatable
from pipeline.sft.dataset import Dataset
from pipeline.sft.load import LoadedSource
from pipeline.sft.loss_mask import Row
from pipeline.sft.mixture import count_readings
from pipeline.tokenizer.chat_template import ROLES, ChatTokenizer

SHOWN_CONVERSATIONS = 3
OPEN, CLOSE = "⟦", "⟧"  # around what is trained, in the page
Span = tuple[str, bool]  # a stretch of a conversation, and whether it is trained


@dataclass(frozen=True)
class SourcePreview:
    """What became of a source."""

    name: str
    columns: dict[str, str]  # a column, and what it became
    counts: dict[str, int]
    readings: float  # of each conversation in a run, in the mean
    dropped: dict[str, tuple[int, str]]  # by rule: how many, and how the first begins
    tokens_a_turn: dict[str, float]  # mean, by role
    samples: list[list[Span]]


def preview_sources(
    sources: Sequence[LoadedSource],
    data: Dataset,
    tokenizer: ChatTokenizer,
    order: np.ndarray | None,
    epochs: float,
) -> list[SourcePreview]:
    """Return what became of each source.

    `data` was built from `sources`. `order` is that of the run, where sources have weights.
    """
    previews = []
    readings = dict.fromkeys(data.sources, epochs) if order is None else count_readings(order, data.sources)
    for loaded in sources:
        rows = [data.train[i] for i in data.sources[loaded.name]]
        findings, outcomes = loaded.findings, data.outcomes[loaded.name]
        counts = {
            "rows read": findings.rows,
            "unreadable rows": findings.unreadable,
            "conversations with personal data masked": findings.masked,
            "conversations kept": len(loaded.conversations),
            "of these cut": outcomes["cut"],
            "of these left out as too long": outcomes["too_long"],
            "of these left out without a trained answer": outcomes["no_answer"],
            "of these refused by the chat template": outcomes["refused"],
            "of these left out as the chat template changes their answers": outcomes["changed"],
            "to validate on": data.val_counts[loaded.name],
            "conversations to train on": len(rows),
            "tokens to train on": sum(len(row.ids) for row in rows),
            "trained tokens": sum(row.target_count for row in rows),
        }
        dropped: dict[str, tuple[int, str]] = {
            Translatable(rule): (count, findings.dropped_examples[rule])
            for rule, count in findings.dropped.most_common()
        }
        step = max(1, len(rows) // SHOWN_CONVERSATIONS)
        samples = [list_spans(row, tokenizer) for row in rows[::step][:SHOWN_CONVERSATIONS]]
        previews.append(
            SourcePreview(
                loaded.name,
                findings.columns,
                counts,
                readings[loaded.name],
                dropped,
                mean_turns(rows, tokenizer),
                samples,
            )
        )
    return previews


def mean_turns(rows: Sequence[Row], tokenizer: ChatTokenizer) -> dict[str, float]:
    """Return the mean tokens of a message by its role, without the markers around it."""
    tokens: Counter[str] = Counter()
    messages: Counter[str] = Counter()
    for message in (message for row in rows for message in row.messages):
        tokens[message["role"]] += len(tokenizer.encode(message["content"].strip()))
        messages[message["role"]] += 1
    return {role: tokens[role] / messages[role] for role in ROLES if messages[role]}


def list_spans(row: Row, tokenizer: ChatTokenizer) -> list[Span]:
    """Return the text of a row in stretches, its special tokens as they are written."""
    spans = []
    shown = [tokenizer.show_token(token) for token in row.ids]
    triples = zip(row.ids, row.loss_mask, shown, strict=True)
    for (is_trained, is_text), group in groupby(triples, lambda triple: (triple[1], triple[2] is None)):
        ids, _, written = zip(*group, strict=True)
        text = tokenizer.decode(list(ids)) if is_text else "".join(part or "" for part in written)
        spans.append((text, is_trained))
    return spans


def write_page(previews: Sequence[SourcePreview]) -> str:
    """Return the page reports/train_sft/data.md."""
    lines = ["# Conversations of the tuning", "", f"What is trained stands in {OPEN}{CLOSE}."]
    for preview in previews:
        lines += ["", f"## {preview.name}", ""]
        lines += [f"- `{key}` became: {role}" for key, role in preview.columns.items()]
        lines += [f"- {name}: {count:,}" for name, count in preview.counts.items()]
        lines += [f"- times each is read in the run: {preview.readings:.2f}"]
        turns = ", ".join(f"{role} {mean:.1f}" for role, mean in preview.tokens_a_turn.items())
        lines += ["", f"Tokens a turn: {turns}."] if turns else []
        if preview.dropped:
            lines += ["", "| rule | dropped | the first begins |", "|---|---|---|"]
            lines += [
                f"| {rule} | {count:,} | {escape_cell(example)} |"
                for rule, (count, example) in preview.dropped.items()
            ]
        for spans in preview.samples:
            text = "".join(f"{OPEN}{text}{CLOSE}" if trained else text for text, trained in spans)
            lines += ["", "````text", text.replace(CLOSE + OPEN, ""), "````"]
    return "\n".join(lines) + "\n"


def escape_cell(text: str) -> str:
    """Return a text for a cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`")
