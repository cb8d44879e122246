"""The training loop: learning, resuming, stopping, curves and out of memory."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from itertools import count

import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.common.fingerprint import stage_lock
from pipeline.pretrain.samples import WriteSamples
from pipeline.training.loop import Hook, Trainer
from tests.helpers.tiny import Crash, are_equal, crash_at, load_checkpoint


def read_curves(project):
    folder = project / "reports/train_base/live/plots/metrics"
    return {path.name: path.read_text() for path in sorted(folder.glob("*.tsv"))}


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_train_model_lowers_the_validation_loss(tiny, optimizer, precision):
    run = tiny(optimizer=optimizer, precision=precision, steps=40)
    before = run.task.validate(run.model)["val_loss"]
    history = run.train()
    assert history.last_validation["val_loss"] < before - 1.0
    assert history.best_val_loss <= history.last_validation["val_loss"]


def test_train_model_resumes_a_crashed_run_to_the_same_bytes(tiny, project):
    complete = tiny()
    history = complete.train()
    expected_curves = read_curves(project)
    for path in (project / ".scratch").rglob("checkpoint.pt"):
        path.unlink()
    with pytest.raises(Crash):
        crash_at(tiny(), 10).train()
    resumed = tiny()
    torch.manual_seed(99)
    assert resumed.train().last_validation == history.last_validation
    assert are_equal(resumed.weights(), complete.weights())
    assert read_curves(project) == expected_curves


def test_train_model_resumes_across_batch_sizes(tiny, capsys):
    with pytest.raises(Crash):
        crash_at(tiny(), 10).train()
    tiny(batch_size=4).train()
    assert "resumed at step 8" in capsys.readouterr().out


def test_train_model_resumes_across_memory_params(tiny, capsys):
    with pytest.raises(KeyboardInterrupt):
        crash_at(tiny(), 10, KeyboardInterrupt).train()
    tiny(checkpointing=True, loss_chunks=4, batch_size=4).train()
    assert "resumed at step 8" in capsys.readouterr().out


def test_train_model_loads_a_finished_run_only_if_all_params_are_equal(tiny, capsys):
    complete = tiny()
    complete.train()
    capsys.readouterr()
    again = tiny()
    assert again.train().timing == {}
    assert "taken from the finished run" in capsys.readouterr().out
    assert are_equal(again.weights(), complete.weights())
    tiny(batch_size=4).train()
    assert "resumed" not in capsys.readouterr().out


def test_train_model_keeps_the_stage_lock(tiny, project):
    with stage_lock("train_base"):
        tiny(steps=2).train()
        with pytest.raises(UserError), stage_lock("train_base"):
            pass


def test_train_model_log_every_does_not_change_the_loss(tiny, project):
    losses = set()
    for every in (1, 5, 12):
        losses.add(tiny().train(log_every=every).train_loss)
        shutil.rmtree(project / ".scratch")
    assert len(losses) == 1


def test_train_model_logs_the_mean_loss_of_many_steps(tiny, project):
    losses = []

    class Record(Hook):
        def after_step(self, trainer):
            losses.append(trainer.history.losses[-1])

    history = tiny(steps=60, eval_every=60).train(hooks=[Record()], log_every=60, save_every=60)
    (row,) = read_curves(project)["train_loss.tsv"].splitlines()[1:]
    assert float(row.split("\t")[1]) == pytest.approx(sum(losses) / 60)
    assert history.train_loss == pytest.approx(sum(losses[-50:]) / 50)


@pytest.mark.slow
def test_train_model_batch_size_changes_less_than_the_seed(tiny):
    for precision in ("fp32", "bf16"):
        sizes = [
            tiny(batch_size=size, precision=precision, steps=30).train().last_validation["val_loss"]
            for size in (4, 8, 16)
        ]
        seeds = [
            tiny(seed=seed, precision=precision, steps=30).train().last_validation["val_loss"]
            for seed in (1, 2, 3)
        ]
        assert max(sizes) - min(sizes) < max(seeds) - min(seeds)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_train_model_saves_and_stops_on_a_signal(tiny, number, capsys):
    run = tiny()
    micro_batches = run.task.micro_batches
    run.task.micro_batches = lambda step: (
        (os.kill(os.getpid(), number) if step == 5 else None) or micro_batches(step)
    )
    with pytest.raises(UserError, match="stopped at step 6 of 12, saved"):
        run.train()
    complete = tiny()
    complete.train()
    assert "resumed at step 6" in capsys.readouterr().out


def test_train_model_stops_and_keeps_the_checkpoint_where_the_loss_is_not_finite(tiny, project):
    run = tiny()
    loss = run.task.loss
    steps = []
    run.task.loss = lambda model, batch: (
        loss(model, batch) * (float("nan") if len(steps) > 16 else 1) if not steps.append(1) else None
    )
    with pytest.raises(
        UserError, match=r"loss is not finite at step 9 \(nan.*the checkpoint before it is kept"
    ):
        run.train()
    state = load_checkpoint(project)
    assert state["step"] == 8
    assert all(torch.isfinite(w).all() for w in state["model"].values())


def test_train_model_stops_before_an_update_where_the_gradient_is_not_finite(tiny, project):
    run = tiny()
    weight = run.model.model.layers[0].mlp.up_proj.weight
    passes = count(1)
    weight.register_hook(lambda gradient: gradient * float("nan" if next(passes) > 18 else 1))
    with pytest.raises(
        UserError, match=r"not finite at step 10 \(\d\.\d+, gradient norm nan\); the checkpoint"
    ):
        run.train()
    assert all(torch.isfinite(w).all() for w in run.weights().values())
    assert load_checkpoint(project)["step"] == 8
    complete, again = tiny(), tiny()
    again.train()
    for path in (project / ".scratch").rglob("checkpoint.pt"):
        path.unlink()
    complete.train()
    assert are_equal(again.weights(), complete.weights())


def fail_on_cpu():
    """Raise the error of a CPU without enough memory."""
    torch.empty(1 << 50)


def fail_on_gpu():
    """Raise the error of a GPU without enough memory."""
    raise torch.OutOfMemoryError


@pytest.mark.parametrize("fail", [fail_on_cpu, fail_on_gpu])
@pytest.mark.parametrize("method", ["micro_batches", "validate"])
def test_train_model_out_of_memory_names_the_batch_size_to_try(tiny, fail, method):
    for size, advice in ((8, "set it to 4"), (1, "choose a smaller model")):
        run = tiny(batch_size=size)
        setattr(run.task, method, lambda *args: fail())
        with pytest.raises(UserError, match=rf"train\.batch_size: {size}: out of memory; {advice}"):
            run.train()


def test_train_model_passes_other_runtime_errors_on(tiny):
    with pytest.raises(RuntimeError, match="shapes"):
        crash_at(tiny(), 0, RuntimeError("shapes differ")).train()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_train_model_activation_checkpointing_trains_to_the_same_bytes(tiny, precision):
    plain, checkpointed = tiny(precision=precision), tiny(precision=precision, checkpointing=True)
    first, second = plain.train(), checkpointed.train()
    assert first.timing  # neither loaded the other's checkpoint
    assert second.timing
    assert (first.train_loss, first.last_validation) == (second.train_loss, second.last_validation)
    assert are_equal(checkpointed.weights(), plain.weights())


def test_reporter_prints_plain_lines_in_a_pipe(tiny, capsys):
    tiny().train()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "training on cpu, fp32"
    assert any(
        line.startswith("step 10/12  loss ") and "tokens/s" in line and "left" in line for line in lines
    )
    assert any(line.startswith("step 12/12  val_loss ") for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_reporter_prints_turkish_where_the_terminal_does(tiny, capsys, monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    tiny().train()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "eğitim: cpu, fp32"
    progress = r"adım 10/12  kayıp \d,\d{4}  lr \d,\d\de-\d\d  [\d.]+ token/sn  \d,\d\d GiB  \d:\d\d kaldı"
    assert any(re.fullmatch(progress, line) for line in lines)
    assert any(re.match(r"adım 12/12  val_loss \d,\d{4}  ", line) for line in lines)


def test_train_model_writes_curves_for_dvc_plots(tiny, project):
    tiny().train()
    expected_curves = read_curves(project)
    assert set(expected_curves) >= {"train_loss.tsv", "val_loss.tsv", "learning_rate.tsv"}
    assert [line.split("\t")[0] for line in expected_curves["val_loss.tsv"].splitlines()] == [
        "step",
        "6",
        "12",
    ]
    assert json.loads((project / "reports/train_base/live/metrics.json").read_text())["step"] == 12


def test_train_model_writes_curves_of_parts_positions_and_sources_and_samples(tiny, project):
    live = project / "reports/train_base/live"
    count_weights = lambda model: f"**Bir**{sum(1 for _ in model.parameters())}"  # noqa: E731
    tiny().train(hooks=[WriteSamples(live / "samples.md", 6, count_weights)])
    rows = {
        path.relative_to(live / "plots/metrics").as_posix(): path.read_text().splitlines()
        for path in (live / "plots/metrics").rglob("*.tsv")
    }
    for name in ("gradient_norm/layer_02.tsv", "update/embeddings.tsv"):
        assert [row.split("\t")[0] for row in rows[name]] == ["step", "5", "10", "12"]
    positions = ("0001", "0002", "0003", "0005", "0009")
    by_position = [rows[f"val_loss_by_position/{position}.tsv"] for position in positions]
    weights = [1, 1, 2, 4, 8]
    last = [float(values[-1].split("\t")[1]) for values in by_position]
    mean = sum(weight * loss for weight, loss in zip(weights, last, strict=True)) / 16
    assert float(rows["val_loss.tsv"][-1].split("\t")[1]) == pytest.approx(mean, rel=1e-5)
    assert {"val_loss_by_source/poems.tsv", "val_loss_by_source/laws.tsv", "logit_scale.tsv"} < set(rows)
    assert (live / "samples.md").read_text().startswith("## Step 6\n\n**Bir**")


def test_step_is_at_most_ten_calls_deep_in_our_code(tiny, root):
    run, depths = tiny(steps=2), [0]
    code = str(root / "pipeline")

    def count_calls(frame, event, argument):
        if frame.f_code.co_filename.startswith(code) and event in ("call", "return"):
            depths.append(depths[-1] + (1 if event == "call" else -1))

    trainer = Trainer(run.model, run.task, run.params, 2, torch.device("cpu"))
    trainer.train_step(1.0)  # imports, and caches
    sys.setprofile(count_calls)
    try:
        trainer.train()
    finally:
        sys.setprofile(None)
    assert 5 < max(depths) <= 10


def test_light_modules_do_not_import_torch(root):
    modules = "pipeline.cli.main, pipeline.cli.check, pipeline.common.metrics"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "False"
