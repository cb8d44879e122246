"""From sources to the corpus, in three steps of bounded memory.

Every document is read and looked at by itself (flow.py) and lies then in parts on disk (parts.py). All are
compared by numbers of theirs alone (choose.py). What stays is split and written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.corpus.examine import CHANGING, DROPPING, EXAMINED, Examiner
from pipeline.corpus.flow import READ, Unit, examined
from pipeline.corpus.funnel import Examples, Funnel
from pipeline.corpus.params import RAW, CorpusParams, LocalSource, path_key
from pipeline.corpus.parts import DOCUMENTS, Parts
from pipeline.corpus.rules.contamination import Grams
from pipeline.corpus.settle import settled
from pipeline.errors import UserError
from pipeline.inputs import matching_files

Progress = Callable[[str, Funnel], None]


def slice_corpus(
    params: CorpusParams,
    seed: int,
    folder: Path,
    scratch: Path,
    root: Path = Path("."),
    held: list[str] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write train/, val/, test/ and miniworld/ into the empty `folder`; return the funnel as metrics.

    `scratch` keeps what a killed run goes on from; `held` are the texts of the evaluation sets. Of documents
    with equal `duplicate_key` the first stays, in the order of sources, files and rows. A source may keep its
    share of max_bytes (by weight), drawn from all of it. A document's split depends on its own text, the seed
    and the fractions alone.

    `progress(source, counts)` is called now and then. Raises UserError for what cannot be read, for a source
    of which nothing is left or which has less than its share, and for a split that stays empty.
    """
    rules = params.rules
    grams = Grams.of((held or []) if rules.contamination else [])
    parts = Parts(scratch)
    examiner = Examiner(rules, params.min_chars, seed, grams)
    funnels, examples = read(params, seed, parts, examiner, root, workers, progress)
    return settled(params, seed, parts, grams, funnels, examples, folder)


def units(params: CorpusParams, seed: int, root: Path) -> list[Unit]:
    """The files of all sources, in order."""
    found: list[Unit] = []
    for name, source in params.sources.items():
        paths: list[Path | None] = [None]
        if isinstance(source, LocalSource):
            paths = list(matching_files(path_key(name), source.path, RAW, root))
        found += [Unit(len(found) + number, name, source, path, seed) for number, path in enumerate(paths)]
    return found


def read(
    params: CorpusParams,
    seed: int,
    parts: Parts,
    examiner: Examiner,
    root: Path,
    workers: int,
    progress: Progress | None,
) -> tuple[dict[str, Funnel], Examples]:
    """Bring all documents of the sources into the parts, after those that are there; what was counted."""
    state = parts.state or {"unit": 0, "rows": 0, "ended": False, "counts": {}, "examples": {}}
    funnels = {name: Funnel.of(state["counts"].get(name, {})) for name in params.sources}
    examples = Examples(state["examples"])

    def note(ended: bool) -> None:
        counts = {name: funnel.counts() for name, funnel in funnels.items()}
        parts.write(state | {"ended": ended, "counts": counts, "examples": examples.of_rule})

    if not state["ended"]:
        left = [unit for unit in units(params, seed, root) if unit.number >= state["unit"]]
        for unit in left[:1]:
            unit.skip = state["rows"]
        for batch in examined(left, examiner, workers) if left else ():
            full = parts.add(counted(batch, funnels, params, examples))
            row = batch.select(["source", "unit", "row", "last"]).slice(len(batch) - 1).to_pylist()[0]
            at = (row["unit"] + 1, 0) if row["last"] else (row["unit"], row["row"] + 1)
            state |= dict(zip(("unit", "rows"), at, strict=True))
            if full:
                note(ended=False)
            if progress:
                progress(row["source"], funnels[row["source"]])
        note(ended=True)
    return funnels, examples


def counted(
    batch: pa.RecordBatch, funnels: dict[str, Funnel], params: CorpusParams, examples: Examples
) -> pa.RecordBatch:
    """The documents of a batch that no rule has dropped, in the form that parts have."""
    seen = batch.column("examined")
    rule, raw = seen.field("rule").to_numpy(), seen.field("raw").to_numpy()
    lost = seen.field("lost").flatten().to_numpy().reshape(len(batch), -1)
    numbers = np.zeros(len(batch), np.int64)
    stays = (rule < 0) & ~batch.column("last").to_numpy(zero_copy_only=False)
    columns = (batch.column(name).to_pylist() for name in ("source", "fault", "fatal", "last"))
    for place, (name, fault, fatal, last) in enumerate(zip(*columns, strict=True)):
        funnel = funnels[name]
        if last:
            continue
        if fault is not None:
            if fatal:
                raise UserError(fault)
            if params.on_error == "fail":
                raise UserError(f"{fault}, or set corpus.on_error: skip")
            funnel.read.add(0)
            funnel.removed["unreadable"].add(0)
            stays[place] = False
            continue
        numbers[place] = funnel.read.documents
        funnel.read.add(int(raw[place]))
        for changing, bytes in zip(CHANGING, lost[place].tolist(), strict=True):
            funnel.removed[changing].add(bytes, documents=0)
        if rule[place] >= 0:
            dropping = DROPPING[rule[place]]
            funnel.removed[dropping].add(int(raw[place] - lost[place].sum()))
            examples.add(dropping, f"{name}-{numbers[place]}", seen.field("text")[place].as_py())
    known = {name: batch.column(name) for name in READ.names if name in DOCUMENTS.names}
    known |= {field.name: seen.field(field.name) for field in EXAMINED if field.name in DOCUMENTS.names}
    known |= {"number": pa.array(numbers), "size": pa.array(raw - lost.sum(axis=1))}
    return pa.RecordBatch.from_pydict(known, DOCUMENTS).filter(pa.array(stays))
