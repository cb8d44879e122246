"""The layout of the project as the code names it, against dvc.yaml."""

import pytest
from ruamel.yaml import YAML

from pipeline.common import paths
from pipeline.common.paths import DVC_FILE, REPORTS, STAGES


@pytest.fixture(scope="module")
def stages(root):
    return YAML(typ="safe", pure=True).load((root / DVC_FILE).read_text(encoding="utf-8"))["stages"]


def test_stages_are_those_of_dvc_yaml_in_order(stages):
    assert list(stages) == list(STAGES)


@pytest.mark.parametrize(
    ("stage", "folder"),
    [
        ("slice_corpus", paths.CORPUS),
        ("train_tokenizer", paths.TOKENIZER),
        ("pack_shards", paths.SHARDS),
        ("train_encoder", paths.ENCODER_MODEL),
        ("train_base", paths.BASE_MODEL),
        ("train_sft", paths.SFT_MODEL),
        ("evaluate", REPORTS / "evaluate"),
    ],
)
def test_folders_are_outputs_of_their_stages(stages, stage, folder):
    outs = [out if isinstance(out, str) else next(iter(out)) for out in stages[stage]["outs"]]
    metrics = [next(iter(entry)) for entry in stages[stage].get("metrics", [])]
    assert any(name == str(folder) or name.startswith(f"{folder}/") for name in outs + metrics)


@pytest.mark.parametrize(
    ("stage", "folder"),
    [
        ("slice_corpus", paths.RAW_CORPUS),
        ("train_tokenizer", paths.RAW_MORPH),
        ("train_base", paths.RAW_MODEL),
        ("train_sft", paths.RAW_SFT),
        ("evaluate", paths.RAW_EVAL),
    ],
)
def test_raw_folders_are_dependencies_of_their_stages(stages, stage, folder):
    assert str(folder) in stages[stage]["deps"]
