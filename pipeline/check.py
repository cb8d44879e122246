"""Check all of params.yaml at once: every section, the rules between them, the input files."""

from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline import params
from pipeline.corpus import params as corpus
from pipeline.evaluation import params as evaluation
from pipeline.model.params import ModelParams
from pipeline.params import Section
from pipeline.retrieval.params import EncoderParams
from pipeline.runtime import RuntimeParams
from pipeline.sft import params as sft
from pipeline.shards.params import ShardsParams
from pipeline.tokenizer.params import TokenizerParams
from pipeline.training.params import TrainParams, check_batches


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
    sft.check_context(everything.sft, everything.model.context)
    sft.check_miniworld(
        everything.sft, any(s.kind == "miniworld" for s in everything.corpus.sources.values())
    )
    root = path.parent
    corpus.check_inputs(everything.corpus, root)
    sft.check_inputs(everything.sft, root)
    evaluation.check_inputs(everything.eval, root)
    return everything
