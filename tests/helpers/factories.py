"""Params for tests: sections of the shipped params.yaml with a few values changed.

    train_params(steps=12, optimizer="adamw")

A test names the values that it is about; all others are the shipped ones. Each section is checked as in a
run: an unknown key or a wrong value raises UserError. Training is in fp32 and on the CPU unless a test asks
for something else, since `auto` would depend on the machine.
"""

from functools import cache
from typing import Any, TypeVar

from ruamel.yaml import YAML

from pipeline.common.params import Section, parse_section
from pipeline.common.runtime import RuntimeParams
from pipeline.corpus.params import CorpusParams
from pipeline.encoder.params import EncoderParams
from pipeline.eval_sets.params import EvalParams
from pipeline.model.config import ModelParams
from pipeline.sft.params import SftParams
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.training.params import DecoderLoopParams, TrainParams
from tests.helpers.paths import ROOT

S = TypeVar("S", bound=Section)

TINY_DECODER: dict[str, Any] = {
    "width": 32, "layers": 2, "heads": 2, "kv_heads": 2, "head_dim": 16, "ffn": 48, "context": 16,
}  # fmt: skip


@cache
def shipped_params() -> dict[str, Any]:
    """The shipped params.yaml as plain dicts, read once. Do not change it: see `section_values`."""
    return YAML(typ="safe", pure=True).load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def section_values(section: str, **changes: Any) -> dict[str, Any]:
    """A section of the shipped params.yaml as a dict with `changes`, not checked."""
    return shipped_params()[section] | changes


def make_section(section: str, model: type[S], **changes: Any) -> S:
    """A section of the shipped params.yaml with `changes`. Raises UserError where one is wrong."""
    return parse_section(section_values(section, **changes), section, model)


def corpus_params(**changes: Any) -> CorpusParams:
    """The section `corpus`."""
    return make_section("corpus", CorpusParams, **changes)


def tokenizer_params(**changes: Any) -> TokenizerParams:
    """The section `tokenizer`."""
    return make_section("tokenizer", TokenizerParams, **changes)


def encoder_params(**changes: Any) -> EncoderParams:
    """The section `encoder`."""
    return make_section("encoder", EncoderParams, **changes)


def model_params(**changes: Any) -> ModelParams:
    """The section `model`: a decoder of four million weights."""
    return make_section("model", ModelParams, **changes)


def tiny_model_params(**changes: Any) -> ModelParams:
    """The section `model` for a decoder of some thousand weights."""
    return model_params(**TINY_DECODER | changes)


def train_params(**changes: Any) -> TrainParams:
    """The section `train`, in fp32."""
    return make_section("train", TrainParams, **{"precision": "fp32"} | changes)


def loop_params(**changes: Any) -> DecoderLoopParams:
    """What a decoder's training loop needs, from the section `train`, in fp32."""
    values = section_values("train")
    shipped = {key: value for key, value in values.items() if key in DecoderLoopParams.model_fields}
    return parse_section(shipped | {"precision": "fp32"} | changes, "train", DecoderLoopParams)


def sft_params(**changes: Any) -> SftParams:
    """The section `sft`, in fp32."""
    return make_section("sft", SftParams, **{"precision": "fp32"} | changes)


def eval_params(**changes: Any) -> EvalParams:
    """The section `eval`."""
    return make_section("eval", EvalParams, **changes)


def runtime_params(**changes: Any) -> RuntimeParams:
    """The section `runtime`: one process on the CPU, and no samples on the way."""
    alone: dict[str, Any] = {"device": "cpu", "processes": 1, "workers": 1, "prompts": []}
    return make_section("runtime", RuntimeParams, **alone | changes)
