"""`tezgah check`: validation of all of params.yaml, rules between sections, and input files."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipeline.autobatch.memory_limit import check_pretraining, check_weights
from pipeline.cli.check_cache import read_once
from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.params import SEED_LIMIT, Section, parse_section, read_params
from pipeline.common.paths import BASE_MODEL, PARAMS_FILE, RAW_CORPUS
from pipeline.common.runtime import RuntimeParams
from pipeline.corpus import params as corpus
from pipeline.corpus.readers.files import read_file
from pipeline.encoder import params as encoder
from pipeline.eval_sets import params as evaluation
from pipeline.eval_sets import tasks as eval_tasks
from pipeline.eval_sets.readers import read_task
from pipeline.eval_sets.tasks import EvalTask
from pipeline.model.config import ModelParams
from pipeline.packing.params import ShardsParams
from pipeline.readers.rows import Note, Unreadable
from pipeline.sft import params as sft
from pipeline.sft.conversations import read_files
from pipeline.sft.findings import Findings
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.training.params import TrainParams, check_batches


class AllParams(Section):
    """All of params.yaml."""

    seed: int = Field(ge=0, lt=SEED_LIMIT)
    runtime: RuntimeParams
    corpus: corpus.CorpusParams
    tokenizer: TokenizerParams
    shards: ShardsParams
    encoder: encoder.EncoderParams
    model: ModelParams
    train: TrainParams
    sft: sft.SftParams
    eval: evaluation.EvalParams


def check_params(path: Path = PARAMS_FILE, values: dict[str, Any] | None = None) -> AllParams:
    """Return params.yaml (or `values`, read from it), validated. Raises UserError for the first fault.

    Input files are looked for below the folder that holds `path`.
    """
    all_params = parse_section(read_params(path) if values is None else values, "", AllParams, path)
    root = path.parent
    check_rules(all_params, root)
    check_contents(all_params, root)
    return all_params


def check_rules(all_params: AllParams, root: Path) -> None:
    """Raise UserError for a broken rule between sections, or a missing input file. No file is opened.

    The sections come in the order of params.yaml, as they do in `check_contents`.
    """
    corpus.check_inputs(all_params.corpus, root)
    encoder.check_batches(all_params.encoder, all_params.runtime)
    if all_params.encoder.teacher is not None:
        from pipeline.encoder.teacher import find_teacher_files  # imports torch, which takes a second

        find_teacher_files(all_params.encoder.teacher, root)
    check_batches(all_params.train, all_params.model, all_params.runtime)
    sft.check_batches(all_params.sft, all_params.runtime)
    if all_params.sft.init_from == str(BASE_MODEL):
        sft.check_context(all_params.sft, all_params.model.context)
        if all_params.sft.lora.bits == 4:
            from pipeline.pretrained.quantize import check_widths  # imports torch, which takes a second

            check_widths(all_params.model, Translatable("the model of params.yaml"))
    has_miniworld = any(source.kind == "miniworld" for source in all_params.corpus.sources.values())
    sft.check_miniworld(all_params.sft, has_miniworld)
    sft.check_inputs(all_params.sft, root)
    eval_tasks.check_inputs(all_params.eval, root)


def check_contents(all_params: AllParams, root: Path) -> None:
    """Raise UserError for an input file that a stage would refuse.

    Of a file of the corpus the first record is read. Files of conversations and of evaluation tasks are read
    whole, as a bad row of theirs would show hours later.
    """
    for name, source in all_params.corpus.sources.items():
        if source.kind == "local":
            for file in matching_files(corpus.path_key(name), source.path, RAW_CORPUS, root):
                records = read_file(file, source.text_column, source.documents, has_header=source.header)
                first = next((record for record in records if not isinstance(record, Note)), None)
                if isinstance(first, Unreadable) and all_params.corpus.on_error == "fail":
                    raise UserError(first.message)
    if all_params.train.init_from is not None:
        from pipeline.pretrain.init_from import check_init_from  # imports torch, which takes a second

        check_init_from(all_params.train.init_from, all_params.model, all_params.tokenizer.vocab_size, root)
    if all_params.sft.init_from != str(BASE_MODEL):
        from pipeline.sft.base import check_base  # imports torch, which takes a second

        check_base(all_params.sft, root)
    check_conversations(all_params.sft, root)
    for name, task in eval_tasks.load_task_files(all_params.eval, root).items():
        files = eval_tasks.find_data_files(name, task, root=root)
        read_once(f"eval.tasks.{name}", files, task, partial(check_task, name, task, root))


def check_machine(params: AllParams) -> list[str]:
    """Return notes on the device or the memory that this machine lacks, one line each.

    They are no errors: another machine may be meant. The stages refuse to train here.
    """
    runtime, vocab_size, section = params.runtime, params.tokenizer.vocab_size, params.encoder
    subject = f"params.yaml: encoder.width: {section.width}"
    pieces = vocab_size if section.vocabulary == "tokenizer" else section.vocab_size
    notes: list[str] = []
    for checks in (
        [partial(check_device, runtime)],
        [
            partial(check_pretraining, params.train, params.model, vocab_size, runtime),
            partial(check_tuning_memory, params),
        ],
        [partial(check_weights, subject, section.count_weights(pieces), section, runtime)],
    ):
        try:
            for check in checks:
                check()
        except UserError as error:
            notes.append(error.message)
    return list(dict.fromkeys(notes))


def tuned_model(params: AllParams, root: Path = Path()) -> tuple[ModelParams, int]:
    """Return the params and the vocabulary size of the model that `sft.init_from` names.

    Raises UserError where it is a folder without a model.
    """
    if params.sft.init_from == str(BASE_MODEL):
        return params.model, params.tokenizer.vocab_size
    from pipeline.model.hf_io import read_config  # imports torch, which takes a second

    return read_config(root / params.sft.init_from)


def check_tuning_memory(params: AllParams) -> None:
    """Raise UserError where the model that `sft.init_from` names cannot be tuned on this machine."""
    sft.check_memory(params.sft, *tuned_model(params), params.runtime)


def check_device(runtime: RuntimeParams) -> None:
    """Raise UserError where this machine has no such device."""
    if runtime.device not in ("auto", "cpu"):
        from pipeline.device.device import pick_device  # imports torch, which takes a second

        pick_device(runtime.device)


def check_conversations(params: sft.SftParams, root: Path = Path()) -> list[str]:
    """Return notes on the files of conversations, one line each. Raises UserError as the stage does."""
    notes: list[str] = []
    for name, source in params.sources.items():
        if source.hub is not None and source.hub.revision is None:
            notes.append(
                Translatable(
                    "params.yaml: sft.sources.{name}.hub.revision: missing, and train_sft will stop for it; "
                    "`tezgah sft preview` names the current one",
                    name=name,
                )
            )
    local = {name: source for name, source in params.sources.items() if source.kind == "local"}
    for name, source in local.items():
        for file in sft.list_local_files(name, source, root):
            read = partial(read_conversation_file, file, params.on_error, source.templates)
            notes += read_once("sft", [file], [params.on_error, source.templates], read)
    return notes


def read_conversation_file(
    file: Path, on_error: Literal["fail", "skip"], columns: Mapping[str, str] | None
) -> list[str]:
    """Read a file of conversations and return notes on it. Raises UserError as the stage does."""
    findings = Findings(on_error)
    for _ in read_files([file], findings, columns):
        pass
    return findings.list_notes(str(file))


def check_task(name: str, task: EvalTask, root: Path) -> list[str]:
    """Read the files of an evaluation task. There are no notes. Raises UserError as the stage does."""
    read_task(name, task, root)
    return []
