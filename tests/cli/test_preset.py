"""Presets: overlays on params.yaml."""

import itertools
import shutil
import subprocess
import sys
from contextlib import nullcontext

import pytest
import torch
from ruamel.yaml import YAML
from torch._subclasses.fake_tensor import FakeTensorMode

from pipeline.cli import preset
from pipeline.cli.check import check
from pipeline.common.errors import UserError
from pipeline.model.decoder import Decoder, initialise, parameter_count
from pipeline.training.loss import summed_loss
from pipeline.training.optimizer import Optimizers
from tests.helpers.paths import ROOT

SIZES = {
    "baby-10m": (16_766_592, 10_622_592), "tanai-42m": (42_082_816, None), "modern-42m": (42_083_840, None),
    "llama-134m": (134_105_856, None), "llama-134m-tied": (109_529_856, None),
}  # fmt: skip


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


@pytest.mark.parametrize("name", [name for name in preset.names(ROOT / "presets") if name != "mini"])
def test_mini_leads_back_from_every_preset(project, name):
    before = load(project / "params.yaml")
    _, found = apply(name)
    assert found
    apply("mini")
    assert load(project / "params.yaml") == before


MODELS = ("baby-10m", "tanai-42m", "modern-42m", "llama-134m", "llama-134m-tied")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_keeps_the_texts_and_nothing_else_of_the_preset_before(project, name):
    shipped = (project / "params.yaml").read_text(encoding="utf-8")
    found = []
    for before in ("mini", "smoke"):
        (project / "params.yaml").write_text(shipped, encoding="utf-8")
        apply(before)
        apply(name)
        params = load(project / "params.yaml")
        del params["corpus"], params["eval"]["prompts"]
        found.append(params)
    assert found[0] == found[1]


def test_mini_is_what_params_yaml_ships(project):
    assert preset.apply(["mini"])[1] == []


@pytest.mark.parametrize(
    "names", [["smoke"], ["real-mini"], ["real-mini", "mini"], ["real-mini", "smoke"], ["smoke", "minute"]]
)
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


@pytest.mark.parametrize(
    "card", [None, "cpu", "t4-16gb", "gpu-8gb", "gpu-12gb", "gpu-16gb", "gpu-24gb", "gpu-32gb"]
)
@pytest.mark.parametrize("model", SIZES)
def test_model_and_card_go_together(project, model, card):
    apply(*filter(None, [model, card]))
    assert check().tokenizer.vocab_size == (16_000 if model == "baby-10m" else 32_000)


@pytest.mark.parametrize("name", ["smoke", "mini", *SIZES])
def test_every_model_is_built_and_learns_for_three_steps(project, name):
    apply(name)
    params = check()
    large = params.model.width > 400
    with FakeTensorMode() if large else nullcontext():  # fake: every shape is computed, no number
        losses = three_steps(params, initialised=not large, sizes=SIZES.get(name, (None, None)))
    if not large:
        assert losses[2] < losses[0]


def three_steps(params, initialised, sizes):
    model = Decoder(params.model, params.tokenizer.vocab_size)
    total, inner = sizes
    assert total in (None, parameter_count(model))
    assert inner in (None, parameter_count(model) - params.tokenizer.vocab_size * params.model.width)
    if initialised:
        initialise(model, 0)
    optimizers = Optimizers(model, params.train)
    ids = torch.arange(10, 43)[None]
    losses = []
    for step in range(3):
        optimizers.set_rate((step + 1) / 30)
        optimizers.zero_grad()
        losses.append(summed_loss(model, ids[:, :-1], ids[:, 1:]))
        losses[-1].backward()
        assert all(weight.grad is not None for weight in model.parameters())
        for optimizer in optimizers.all:
            optimizer.step()
    return losses


def test_another_vocabulary_is_said_to_rebuild_all(project, capsys):
    preset.run(["baby-10m"], False)
    assert "the tokenizer is trained anew, and everything after it" in capsys.readouterr().out
