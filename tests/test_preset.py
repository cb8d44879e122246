"""Presets: overlays on params.yaml."""

import itertools
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


@pytest.mark.parametrize("pair", itertools.permutations(["smoke", "mini", "real-mini"], 2), ids="-".join)
def test_a_preset_leaves_no_trace_of_the_one_before(project, pair):
    shipped = (project / "params.yaml").read_text(encoding="utf-8")
    apply(pair[1])
    alone = load(project / "params.yaml")
    (project / "params.yaml").write_text(shipped, encoding="utf-8")
    apply(pair[0])
    apply(pair[1])
    assert load(project / "params.yaml") == alone


@pytest.mark.parametrize("name", ["smoke", "real-mini"])
def test_mini_leads_back_from_every_preset(project, name):
    before = load(project / "params.yaml")
    _, found = apply(name)
    assert found
    apply("mini")
    assert load(project / "params.yaml") == before


def test_mini_is_what_params_yaml_ships(project):
    assert preset.apply(["mini"])[1] == []


@pytest.mark.parametrize("names", [["smoke"], ["real-mini"], ["real-mini", "mini"], ["real-mini", "smoke"]])
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


@pytest.mark.parametrize("broken", ["presets/mine.yaml", "params.yaml"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"train: [1\n", r":2: not valid YAML: while parsing a flow sequence, "),
        (b"train: {steps: 1, steps: 2}\n", r":1: not valid YAML"),
        (b"when: 2020-13-45\n", r": not valid YAML: month must be"),
        (b"train: &all {x: *all}\n", r": (not valid YAML: nested too deep|train.x: unknown key)"),
        (b"- 1\n", r": expected sections \(corpus, model, …\), found a \w+"),
        (b"sample: [\xff]\n", r": not UTF-8 at byte 9"),
        (b"train: {1: 2}\n", r": train.1: a key must be text"),
        (b"eval: {prompts: [{null: x}]}\n", r": eval.prompts.None: a key must be text"),
    ],
)
def test_a_broken_file_is_one_line(project, broken, content, message):
    (project / "presets/mine.yaml").write_text("", encoding="utf-8")
    (project / broken).write_bytes(content)
    with pytest.raises(UserError, match="^" + broken + message) as caught:
        preset.run(["mine"], False)
    assert "\n" not in str(caught.value)


def test_an_empty_preset_changes_nothing(project):
    (project / "presets/mine.yaml").write_text("# nothing yet\n", encoding="utf-8")
    assert preset.apply(["mine"])[1] == []


@pytest.mark.parametrize("chosen", [[], ["smoke"]])
def test_outside_the_project(project, monkeypatch, chosen):
    monkeypatch.chdir(project / "data")
    with pytest.raises(UserError, match=r"no such f\w+; run from the project's folder"):
        preset.run(chosen, False)


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
