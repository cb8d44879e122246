"""Check all of params.yaml at once: every section, the rules between them, the input files."""

from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.common import params
from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.params import Section
from pipeline.common.runtime import RuntimeParams
from pipeline.corpus import params as corpus
from pipeline.corpus.readers.files import file_records
from pipeline.corpus.readers.records import Unreadable
from pipeline.encoder.params import EncoderParams
from pipeline.eval_sets import params as evaluation
from pipeline.eval_sets.readers import read_documents, read_pairs, read_questions, read_retrieval
from pipeline.model.config import ModelParams
from pipeline.packing.params import ShardsParams
from pipeline.sft import params as sft
from pipeline.sft.data import read_conversations
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.training.params import TrainParams, check_batches

READERS = {
    "text": read_documents,
    "minimal_pairs": read_pairs,
    "questions": read_questions,
    "retrieval": read_retrieval,
}
SMALL = 10_000_000  # bytes


class AllParams(Section):
    """The whole file."""

    seed: int = Field(ge=0, lt=params.SEED_LIMIT)
    runtime: RuntimeParams
    corpus: corpus.CorpusParams
    tokenizer: TokenizerParams
    shards: ShardsParams
    encoder: EncoderParams
    model: ModelParams
    train: TrainParams
    sft: sft.SftParams
    eval: evaluation.EvalParams


def check(path: Path = params.PARAMS_FILE, values: dict[str, Any] | None = None) -> AllParams:
    """Raise UserError for the first fault of params.yaml (or of `values`, read from it).

    Input files are looked for below the folder that holds `path`.
    """
    everything = params.parse(params.read(path) if values is None else values, "", AllParams, path)
    check_batches(everything.train, everything.model, everything.runtime)
    sft.check_batches(everything.sft, everything.runtime)
    sft.check_context(everything.sft, everything.model.context)
    sft.check_miniworld(
        everything.sft, any(s.kind == "miniworld" for s in everything.corpus.sources.values())
    )
    root = path.parent
    corpus.check_inputs(everything.corpus, root)
    sft.check_inputs(everything.sft, root)
    evaluation.check_inputs(everything.eval, root)
    check_first_rows(everything, root)
    if everything.train.init_from is not None:
        from pipeline.pretrain.init_from import check_start  # imports torch, which takes a second

        check_start(everything.train.init_from, everything.model, everything.tokenizer.vocab_size, root)
    return everything


def check_first_rows(everything: AllParams, root: Path) -> None:
    """Raise UserError where an input file does not begin as it should: a stage would find it hours later.

    Evaluation's small files are read whole, of all others the first record.
    """
    for name, source in everything.corpus.sources.items():
        if source.kind == "local":
            for path in matching_files(corpus.path_key(name), source.path, corpus.RAW, root):
                first = next(file_records(path, source.text_column, source.documents), None)
                if isinstance(first, Unreadable) and everything.corpus.on_error == "fail":
                    raise UserError(first.message)
    for name, talk in everything.sft.sources.items():
        for path in sft.local_files(name, talk, root):
            next(read_conversations(path), None)
    for kind, read in READERS.items():
        for name, task in everything.eval.tasks.items():
            files = evaluation.task_files(name, task, root=root)
            if task.kind == kind and sum(file.stat().st_size for file in files) < SMALL:
                read(name, task, root)
