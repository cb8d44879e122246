"""`tezgah preset`: overlays on params.yaml, and what they set."""

import itertools
import shutil
import subprocess
import sys
from contextlib import nullcontext

import pytest
import torch
from ruamel.yaml import YAML
from torch._subclasses.fake_tensor import FakeTensorMode

from pipeline.autobatch.memory_plan import plan_memory
from pipeline.cli import preset
from pipeline.cli.check import check_params
from pipeline.common.errors import UserError
from pipeline.common.params import load_section
from pipeline.common.paths import PARAMS_FILE
from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.tasks import load_task_files
from pipeline.model.decoder import Decoder, initialize, parameter_count
from pipeline.training.loss import summed_loss
from pipeline.training.optimizer import Optimizers
from tests.helpers.paths import ROOT

SIZES = {
    "baby-10m": (16_766_592, 10_622_592), "tanai-42m": (42_082_816, None), "modern-42m": (42_083_840, None),
    "llama-134m": (134_105_856, None), "llama-134m-tied": (109_529_856, None),
}  # fmt: skip


def read(path):
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def comments(text):
    return [line.split("#", 1)[1] for line in text.splitlines() if "#" in line]


def apply(*names):
    text, changes = preset.apply_presets(list(names))
    PARAMS_FILE.write_text(text, encoding="utf-8")
    return text, changes


@pytest.mark.parametrize("pair", itertools.permutations(["smoke", "mini", "real-mini"], 2), ids="-".join)
def test_apply_presets_leaves_no_trace_of_the_preset_before(project, pair):
    shipped = (project / "params.yaml").read_text(encoding="utf-8")
    apply(pair[1])
    alone = read(project / "params.yaml")
    (project / "params.yaml").write_text(shipped, encoding="utf-8")
    apply(pair[0])
    apply(pair[1])
    assert read(project / "params.yaml") == alone


@pytest.mark.parametrize("name", [name for name in preset.list_presets(ROOT / "presets") if name != "mini"])
def test_preset_mini_undoes_every_preset(project, name):
    before = read(project / "params.yaml")
    _, changes = apply(name)
    assert changes
    apply("mini")
    assert read(project / "params.yaml") == before


MODELS = ("baby-10m", "tanai-42m", "modern-42m", "llama-134m", "llama-134m-tied")


@pytest.mark.parametrize("name", MODELS)
def test_preset_of_a_model_keeps_only_the_texts_of_the_preset_before(project, name):
    shipped = (project / "params.yaml").read_text(encoding="utf-8")
    results = []
    for before in ("mini", "smoke"):
        (project / "params.yaml").write_text(shipped, encoding="utf-8")
        apply(before)
        apply(name)
        params = read(project / "params.yaml")
        del params["corpus"], params["eval"]["prompts"]
        results.append(params)
    assert results[0] == results[1]


def test_preset_mini_is_the_shipped_params_file(project):
    assert preset.apply_presets(["mini"])[1] == []


@pytest.mark.parametrize(
    "names", [["smoke"], ["real-mini"], ["real-mini", "mini"], ["real-mini", "smoke"], ["smoke", "minute"]]
)
def test_apply_presets_keeps_comments(project, names):
    before = comments((project / "params.yaml").read_text(encoding="utf-8"))
    for name in names:
        text, _ = apply(name)
    assert comments(text) == before


def test_apply_presets_replaces_all_sources(project):
    apply("real-mini")
    assert set(read(project / "params.yaml")["corpus"]["sources"]) == {"tbmm", "laws", "wiki"}


def test_apply_presets_refuses_unknown_keys_and_presets(project):
    (project / "presets/mine.yaml").write_text("train: {stepps: 3}\n", encoding="utf-8")
    with pytest.raises(
        UserError, match=r"presets/mine.yaml: train.stepps: unknown key; did you mean 'steps'"
    ):
        preset.apply_presets(["mine"])
    with pytest.raises(UserError, match=r"presets/smok.yaml: no such preset; did you mean 'smoke'"):
        preset.apply_presets(["smok"])


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
def test_run_preset_names_a_broken_file_in_one_line(project, broken, content, message):
    (project / "presets/mine.yaml").write_text("", encoding="utf-8")
    (project / broken).write_bytes(content)
    with pytest.raises(UserError, match="^" + broken + message) as caught:
        preset.run_preset(["mine"], False)
    assert "\n" not in str(caught.value)


def test_apply_presets_of_an_empty_preset_changes_nothing(project):
    (project / "presets/mine.yaml").write_text("# nothing yet\n", encoding="utf-8")
    assert preset.apply_presets(["mine"])[1] == []


@pytest.mark.parametrize("chosen", [[], ["smoke"]])
def test_run_preset_outside_the_project_is_refused(project, monkeypatch, chosen):
    monkeypatch.chdir(project / "data")
    with pytest.raises(UserError, match=r"no such f\w+; run from the project's folder"):
        preset.run_preset(chosen, False)


def test_command_preset_writes_nothing_where_params_contradict(project):
    before = (project / "params.yaml").read_bytes()
    (project / "presets/mine.yaml").write_text("train: {tokens_per_step: 999}\n", encoding="utf-8")
    completed = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "preset", "mine"], capture_output=True, text=True, check=False
    )
    assert (completed.returncode, completed.stderr.count("\n")) == (1, 1)
    assert (project / "params.yaml").read_bytes() == before


@pytest.mark.parametrize("name", ["smoke", "real-mini"])
def test_to_flags_do_in_dvc_what_the_preset_does_in_place(project, name):
    from dvc.utils.hydra import apply_overrides

    original = project / "params.yaml"
    copy = project / "copy.yaml"
    shutil.copy(original, copy)
    flags = preset.to_flags(preset.apply_presets([name])[1])
    apply_overrides(str(copy), flags)
    apply(name)
    assert read(copy) == read(original)


def test_tasks_and_changes_of_them_can_be_set_from_the_command_line(project):
    from dvc.utils.hydra import apply_overrides

    changed = "eval.tasks=[turblimp,{xquad_tr:{path:data/raw/eval/my_xquad.json}}]"  # as docs/tasks.md has it
    apply_overrides("params.yaml", [changed])
    tasks = load_task_files(load_section("eval", EvalParams))
    assert tasks["xquad_tr"].path == "data/raw/eval/my_xquad.json"


def test_stages_to_rerun_follow_from_the_changed_keys(project):
    changed = [(("train", "steps"), 1, 2)]
    assert preset.stages_to_rerun(changed) == ["train_base", "train_sft", "evaluate"]
    assert preset.stages_to_rerun([(("runtime", "workers"), 1, 2)]) == []
    assert len(preset.stages_to_rerun([(("seed",), 1, 2)])) == 7
    assert preset.stages_to_rerun([(("eval", "prompts"), [], ["Ben"])]) == ["evaluate"]
    assert len(preset.stages_to_rerun([(("eval", "tasks"), [], ["turblimp"])])) == 7  # it reads their texts


@pytest.mark.parametrize(
    "card", [None, "cpu", "t4-16gb", "gpu-8gb", "gpu-12gb", "gpu-16gb", "gpu-24gb", "gpu-32gb"]
)
@pytest.mark.parametrize("model", SIZES)
def test_presets_of_a_model_and_a_card_combine(project, model, card):
    apply(*filter(None, [model, card]))
    assert check_params().tokenizer.vocab_size == (16_000 if model == "baby-10m" else 32_000)


@pytest.mark.parametrize("name", ["smoke", "mini", *SIZES])
def test_preset_of_every_model_builds_and_trains_three_steps(project, name):
    apply(name)
    params = check_params()
    is_large = params.model.width > 400
    with FakeTensorMode() if is_large else nullcontext():  # fake: shapes are computed, numbers are not
        losses = three_steps(params, is_initialized=not is_large, sizes=SIZES.get(name, (None, None)))
    if not is_large:
        assert losses[2] < losses[0]


def three_steps(params, is_initialized, sizes):
    model = Decoder(params.model, params.tokenizer.vocab_size)
    total, inner = sizes
    assert total in (None, parameter_count(model))
    assert inner in (None, parameter_count(model) - params.tokenizer.vocab_size * params.model.width)
    if is_initialized:
        initialize(model, 0)
    optimizers = Optimizers(model, params.train)
    ids = torch.arange(10, 43)[None]
    losses = []
    for step in range(3):
        optimizers.set_lr_multiplier((step + 1) / 30)
        optimizers.zero_grad()
        losses.append(summed_loss(model, model.hidden_states(ids[:, :-1]), ids[:, 1:]))
        losses[-1].backward()
        assert all(weight.grad is not None for weight in model.parameters())
        for optimizer in optimizers.all:
            optimizer.step()
    return losses


def test_run_preset_notes_that_another_vocabulary_rebuilds_all(project, capsys, monkeypatch):
    preset.run_preset(["baby-10m"], False)
    assert "the tokenizer is trained anew, and everything after it" in capsys.readouterr().out
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    preset.run_preset(["smoke"], False)
    assert "tokenizer ve ondan sonraki her şey yeniden eğitilir" in capsys.readouterr().out


def test_presets_of_cards_set_the_same_keys(project):
    yaml = YAML(typ="safe", pure=True)
    keys = [
        {(section, key) for section, values in yaml.load(file.read_text()).items() for key in values}
        for file in (project / "presets").glob("*.yaml")
        if file.stem.endswith("gb") or file.stem == "cpu"
    ]
    assert len(keys) == 7
    assert all(each == keys[0] for each in keys)


@pytest.mark.parametrize(
    ("card", "gigabytes"),
    [
        ("gpu-8gb", 8),
        ("gpu-16gb", 16),
        *(
            pytest.param(card, gigabytes, marks=pytest.mark.slow)
            for card, gigabytes in (("gpu-12gb", 12), ("gpu-24gb", 24), ("gpu-32gb", 32), ("t4-16gb", 16))
        ),
    ],
)
def test_preset_of_a_card_fits_the_largest_model_on_it(project, card, gigabytes):
    preset.run_preset(["llama-134m", card], False)
    params = check_params()
    pretraining = params.model, params.tokenizer.vocab_size, params.train
    assert plan_memory(*pretraining, params.train.batch_size, "bf16").fits(gigabytes * 10**9)
    longest = params.model.model_copy(update={"context": params.sft.context})  # of every conversation
    plain = {"optimizer": params.sft.optimizer, "checkpointing": False, "loss_chunks": 1}
    moments = params.train.model_copy(update=plain)
    tuning = longest, params.tokenizer.vocab_size, moments
    assert plan_memory(*tuning, params.sft.batch_size, "bf16").fits(gigabytes * 10**9)


def test_preset_of_the_largest_model_fits_small_cards_with_savings(project):
    preset.run_preset(["llama-134m"], False)
    params = check_params()

    def fits(gigabytes, **savings):
        train_params = params.train.model_copy(update=savings)
        return plan_memory(params.model, 32000, train_params, 8, "bf16").fits(gigabytes * 10**9)

    assert params.model.context == 2048
    assert fits(16, loss_chunks=8)
    assert not fits(16)
    assert fits(8, loss_chunks=8, checkpointing=True)
    assert not fits(8, loss_chunks=8)
