"""`tezgah check`: validation of all of params.yaml, rules between sections, and input files."""

from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.params import SEED_LIMIT, Section, parse_section, read_params
from pipeline.common.paths import PARAMS_FILE, RAW_CORPUS
from pipeline.common.runtime import RuntimeParams
from pipeline.corpus import params as corpus
from pipeline.corpus.readers.files import read_file
from pipeline.encoder.params import EncoderParams
from pipeline.eval_sets import params as evaluation
from pipeline.eval_sets.readers import read_documents, read_pairs, read_questions, read_retrieval
from pipeline.model.config import ModelParams
from pipeline.packing.params import ShardsParams
from pipeline.readers.rows import Unreadable
from pipeline.sft import params as sft
from pipeline.sft.conversations import read_conversations
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.training.params import TrainParams, check_batches

READERS = {
    "text": read_documents,
    "minimal_pairs": read_pairs,
    "questions": read_questions,
    "retrieval": read_retrieval,
}
SMALL_FILE_BYTES = 10_000_000  # bytes


class AllParams(Section):
    """All of params.yaml."""

    seed: int = Field(ge=0, lt=SEED_LIMIT)
    runtime: RuntimeParams
    corpus: corpus.CorpusParams
    tokenizer: TokenizerParams
    shards: ShardsParams
    encoder: EncoderParams
    model: ModelParams
    train: TrainParams
    sft: sft.SftParams
    eval: evaluation.EvalParams


def check_params(path: Path = PARAMS_FILE, values: dict[str, Any] | None = None) -> AllParams:
    """Return params.yaml (or `values`, read from it), validated. Raises UserError for the first fault.

    Input files are looked for below the folder that holds `path`.
    """
    all_params = parse_section(read_params(path) if values is None else values, "", AllParams, path)
    check_batches(all_params.train, all_params.model, all_params.runtime)
    sft.check_batches(all_params.sft, all_params.runtime)
    sft.check_context(all_params.sft, all_params.model.context)
    sft.check_miniworld(
        all_params.sft, any(s.kind == "miniworld" for s in all_params.corpus.sources.values())
    )
    root = path.parent
    corpus.check_inputs(all_params.corpus, root)
    sft.check_inputs(all_params.sft, root)
    evaluation.check_inputs(all_params.eval, root)
    check_first_rows(all_params, root)
    if all_params.train.init_from is not None:
        from pipeline.pretrain.init_from import check_init_from  # imports torch, which takes a second

        check_init_from(all_params.train.init_from, all_params.model, all_params.tokenizer.vocab_size, root)
    return all_params


def check_first_rows(all_params: AllParams, root: Path) -> None:
    """Raise UserError where an input file does not begin as it should: a stage would find that hours later.

    Small files for the evaluation are read whole, of all others the first record.
    """
    for name, source in all_params.corpus.sources.items():
        if source.kind == "local":
            for path in matching_files(corpus.path_key(name), source.path, RAW_CORPUS, root):
                records = read_file(path, source.text_column, source.documents, has_header=source.header)
                first = next(records, None)
                if isinstance(first, Unreadable) and all_params.corpus.on_error == "fail":
                    raise UserError(first.message)
    for name, conversations in all_params.sft.sources.items():
        for path in sft.list_local_files(name, conversations, root):
            next(read_conversations(path), None)
    for kind, read in READERS.items():
        for name, task in all_params.eval.tasks.items():
            files = evaluation.task_files(name, task, root=root)
            if task.kind == kind and sum(file.stat().st_size for file in files) < SMALL_FILE_BYTES:
                read(name, task, root)
