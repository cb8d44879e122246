"""Presets: overlays on params.yaml."""

import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from pipeline import preset
from pipeline.errors import UserError


def load(path):
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def comments(text):
    return [line.split("#", 1)[1] for line in text.splitlines() if "#" in line]


def apply(*names):
    text, found = preset.apply(list(names))
    (preset.PARAMS_FILE).write_text(text, encoding="utf-8")
    return text, found


@pytest.mark.parametrize("name", ["smoke", "real-mini"])
def test_mini_leads_back_from_every_preset(project, name):
    before = load(project / "params.yaml")
    _, found = apply(name)
    assert found
    apply("mini")
    assert load(project / "params.yaml") == before


def test_mini_is_what_params_yaml_ships(project):
    assert preset.apply(["mini"])[1] == []


@pytest.mark.parametrize("names", [["smoke"], ["real-mini"], ["real-mini", "mini"]])
def test_comments_are_kept(project, names):
    before = comments((project / "params.yaml").read_text(encoding="utf-8"))
    for name in names:
        text, _ = apply(name)
    assert comments(text) == before


def test_named_sources_are_replaced_whole(project):
    apply("real-mini")
    assert set(load(project / "params.yaml")["corpus"]["sources"]) == {"tbmm", "laws", "wiki"}


def test_unknown_keys_and_presets_are_refused(project):
    (project / "presets/mine.yaml").write_text("train: {stepps: 3}\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"presets/mine.yaml: train.stepps: unknown key; did you mean 'steps'"
    ):
        preset.apply(["mine"])
    with pytest.raises(UserError, match=r"presets/smok.yaml: no such preset; did you mean 'smoke'"):
        preset.apply(["smok"])


def test_a_preset_that_does_not_fit_changes_nothing(project):
    before = (project / "params.yaml").read_bytes()
    (project / "presets/mine.yaml").write_text("train: {tokens_per_step: 999}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "preset", "mine"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert (project / "params.yaml").read_bytes() == before


@pytest.mark.parametrize("name", ["smoke", "real-mini"])
def test_flags_do_in_dvc_what_the_preset_does_in_place(project, name):
    from dvc.utils.hydra import apply_overrides

    original = project / "params.yaml"
    copy = project / "copy.yaml"
    shutil.copy(original, copy)
    flags = preset.flags(preset.apply([name])[1])
    apply_overrides(str(copy), flags)
    apply(name)
    assert load(copy) == load(original)


def test_rerun_names_what_reads_what_changed(project):
    changed = [(("train", "steps"), 1, 2)]
    assert preset.rerun(changed) == ["train_base", "train_sft", "evaluate"]
    assert preset.rerun([(("runtime", "workers"), 1, 2)]) == []
    assert len(preset.rerun([(("seed",), 1, 2)])) == 7
