"""The training loop: what it learns, what it keeps, and how it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.common.fingerprint import locked
from pipeline.common.io import sha256


def equal(ours, theirs):
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


class Stop(Exception):
    """A crash."""


def crash_at(run, step, error=Stop):
    """Make `run` die when it reads the batches of `step`."""
    read = run.task.micro_batches

    def micro_batches(at):
        if at == step:
            raise error
        return read(at)

    run.task.micro_batches = micro_batches
    return run


def curves(project):
    folder = project / "reports/train_base/live/plots/metrics"
    return {path.name: path.read_text() for path in sorted(folder.glob("*.tsv"))}


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_the_loss_falls(tiny, optimizer, precision):
    run = tiny(optimizer=optimizer, precision=precision, steps=40)
    before = run.task.validate(run.model)["val_loss"]
    history = run.fit()
    assert history.last["val_loss"] < before - 1.0
    assert history.best_val_loss <= history.last["val_loss"]


def test_a_crashed_run_resumes_to_the_same_bytes(tiny, project):
    whole = tiny()
    history = whole.fit()
    drawn = curves(project)
    for path in (project / ".scratch").rglob("checkpoint.pt"):
        path.unlink()
    with pytest.raises(Stop):
        crash_at(tiny(), 10).fit()
    resumed = tiny()
    torch.manual_seed(99)
    assert resumed.fit().last == history.last
    assert equal(resumed.weights(), whole.weights())
    assert curves(project) == drawn


def test_an_unfinished_run_resumes_across_batch_sizes(tiny, capsys):
    with pytest.raises(Stop):
        crash_at(tiny(), 10).fit()
    tiny(batch_size=4).fit()
    assert "resumed at step 8" in capsys.readouterr().out


def test_a_finished_run_is_taken_up_only_if_all_params_are_equal(tiny, capsys):
    whole = tiny()
    whole.fit()
    capsys.readouterr()
    again = tiny()
    assert again.fit().timing == {}
    assert "taken from the finished run" in capsys.readouterr().out
    assert equal(again.weights(), whole.weights())
    tiny(batch_size=4).fit()
    assert "resumed" not in capsys.readouterr().out


def test_a_changed_param_starts_afresh_and_success_removes_what_is_done(tiny, project, capsys):
    with pytest.raises(Stop):
        crash_at(tiny(), 10).fit()
    tiny(learning_rate=0.02).fit()
    assert "resumed" not in capsys.readouterr().out
    tiny(learning_rate=0.03).fit()
    assert len(list((project / ".scratch/train_base").iterdir())) == 2  # the last, and the interrupted one
    tiny().fit()
    assert "resumed at step 8" in capsys.readouterr().out


def test_of_a_damaged_checkpoint_the_one_before_is_taken(tiny, project, capsys):
    whole = tiny(steps=16)
    whole.fit()
    shutil.rmtree(project / ".scratch")
    with pytest.raises(Stop):
        crash_at(tiny(steps=16), 14).fit()
    path = next((project / ".scratch").rglob("checkpoint.pt"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # of a weight, which torch does not notice
    path.write_bytes(content)
    capsys.readouterr()
    again = tiny(steps=16)
    again.fit()
    said = capsys.readouterr().out
    assert "checkpoint.pt: damaged (its content is not what was saved); going on from the one before" in said
    assert "resumed at step 8" in said
    assert equal(again.weights(), whole.weights())
    assert not list((project / ".scratch").rglob("before.pt"))


def test_a_damaged_mark_of_a_finished_run_is_one_line(tiny, project):
    tiny(steps=2).fit()
    (done,) = (project / ".scratch/train_base").glob("*/done.json")
    done.write_bytes(b"")
    with pytest.raises(UserError, match=r"does not fit this run .*; remove it: rm -r "):
        tiny(steps=2).fit()


def test_changed_code_names_the_unfinished_run_and_how_to_adopt_it(tiny, project, capsys):
    with pytest.raises(Stop):
        crash_at(tiny(), 10).fit()
    (project / "dvc.yaml").write_text("stages: {train_base: {cmd: x, deps: [pipeline/common/io.py]}}")
    with pytest.raises(Stop):
        crash_at(tiny(), 3).fit()
    note = capsys.readouterr().out
    assert "the code has changed since the unfinished run" in note
    command = note.split("stop and run: ")[1].split("\n")[0]
    subprocess.run(command, shell=True, check=True)
    tiny().fit()
    assert "resumed at step 8" in capsys.readouterr().out


def test_two_runs_of_a_stage_do_not_run_together(project):
    said = rf"train_base/lock: process {os.getpid()} runs train_base now"
    with locked("train_base"), locked("train_sft"), pytest.raises(UserError, match=said):
        locked("train_base").__enter__()
    with locked("train_base"):
        pass


def test_success_leaves_the_lock_of_the_stage(tiny, project):
    with locked("train_base"):
        tiny(steps=2).fit()
        with pytest.raises(UserError), locked("train_base"):
            pass


def test_a_crash_in_the_first_save_does_not_pass_an_older_run_for_this_one(tiny, monkeypatch, capsys):
    tiny().fit()

    def die(*args):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr("torch.save", die)
        with pytest.raises(Stop):
            tiny(batch_size=4).fit()
    capsys.readouterr()
    tiny(batch_size=4).fit()
    assert "resumed" not in capsys.readouterr().out


@pytest.mark.parametrize("damage", [b"", b"xx", b"PK\x03\x04"])
def test_a_damaged_checkpoint_is_named(tiny, project, damage):
    with pytest.raises(Stop):
        crash_at(tiny(), 10).fit()
    for path in (project / ".scratch").rglob("*.pt"):
        path.write_bytes(damage)
    with pytest.raises(UserError, match=r"checkpoint\.pt: does not fit this run .*; remove it: rm -r"):
        tiny().fit()


def test_another_models_checkpoint_is_named(tiny, project):
    with pytest.raises(Stop):
        crash_at(tiny(), 10).fit()
    path = next((project / ".scratch").rglob("checkpoint.pt"))
    state = torch.load(path, weights_only=True)
    state["model"].pop("model.norm.weight")
    torch.save(state, path)
    (path.parent / "sums.json").write_text(json.dumps({sha256(path): None}))
    (path.parent / "before.pt").unlink()
    with pytest.raises(UserError, match=r"does not fit this run .*; remove it: rm -r"):
        tiny().fit()


def test_how_often_progress_is_shown_changes_no_figure(tiny, project):
    losses = set()
    for every in (1, 5, 12):
        losses.add(tiny().fit(log_every=every).train_loss)
        shutil.rmtree(project / ".scratch")
    assert len(losses) == 1


def test_batch_size_changes_a_run_less_than_another_seed(tiny):
    for precision in ("fp32", "bf16"):
        sizes = [
            tiny(batch_size=size, precision=precision, steps=30).fit().last["val_loss"] for size in (4, 8, 16)
        ]
        seeds = [tiny(seed=seed, precision=precision, steps=30).fit().last["val_loss"] for seed in (1, 2, 3)]
        assert max(sizes) - min(sizes) < max(seeds) - min(seeds)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops(tiny, number, capsys):
    run = tiny()
    read = run.task.micro_batches
    run.task.micro_batches = lambda at: (os.kill(os.getpid(), number) if at == 5 else None) or read(at)
    with pytest.raises(UserError, match="stopped at step 6 of 12, saved"):
        run.fit()
    whole = tiny()
    whole.fit()
    assert "resumed at step 6" in capsys.readouterr().out


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(tiny, project):
    run = tiny()
    loss = run.task.loss
    steps = []
    run.task.loss = lambda model, batch: (
        loss(model, batch) * (float("nan") if len(steps) > 16 else 1) if not steps.append(1) else None
    )
    with pytest.raises(
        UserError, match=r"loss is not finite at step 9 \(nan.*the checkpoint before it is kept"
    ):
        run.fit()
    state = torch.load(next((project / ".scratch").rglob("checkpoint.pt")), weights_only=True)
    assert state["step"] == 8
    assert all(torch.isfinite(w).all() for w in state["model"].values())


def no_memory():
    """The processor's own error for want of memory."""
    torch.empty(1 << 50)


def no_gpu_memory():
    """What CUDA raises."""
    raise torch.OutOfMemoryError


@pytest.mark.parametrize("fail", [no_memory, no_gpu_memory])
@pytest.mark.parametrize("where", ["micro_batches", "validate"])
def test_out_of_memory_names_the_batch_size_to_try(tiny, fail, where):
    for size, advice in ((8, "set it to 4"), (1, "choose a smaller model")):
        run = tiny(batch_size=size)
        setattr(run.task, where, lambda *args: fail())
        with pytest.raises(UserError, match=rf"train\.batch_size: {size}: out of memory; {advice}"):
            run.fit()


def test_other_errors_are_not_called_memory(tiny):
    with pytest.raises(RuntimeError, match="shapes"):
        crash_at(tiny(), 0, RuntimeError("shapes differ")).fit()


def gradients(run):
    run.model.zero_grad()
    for batch in run.task.micro_batches(0):
        run.task.loss(run.model, batch).backward()
    return torch.cat([weight.grad.flatten() for weight in run.model.parameters()])


def test_batch_size_does_not_change_a_gradient(tiny):
    ours = [gradients(tiny(batch_size=size)) for size in (4, 8, 16)]
    for other in ours[1:]:
        assert (ours[0] - other).norm() < 1e-5 * ours[0].norm()


def test_batch_size_does_not_change_fifty_losses(tiny):
    def losses(size):
        run = tiny(batch_size=size, steps=50, optimizer="adamw")
        run.model.double()
        optimizer = torch.optim.AdamW(run.model.parameters(), 1e-2)
        found = []
        for step in range(50):
            optimizer.zero_grad()
            parts = [run.task.loss(run.model, batch) for batch in run.task.micro_batches(step)]
            for part in parts:
                part.backward()
            optimizer.step()
            found.append(sum(part.item() for part in parts))
        return torch.tensor(found, dtype=torch.float64)

    ours = [losses(size) for size in (4, 8, 16)]
    assert all((ours[0] - other).abs().max() < 1e-6 for other in ours[1:])
    assert ours[0][-1] < ours[0][0] - 1


def test_progress_in_a_pipe_is_plain_lines(tiny, capsys):
    tiny().fit()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "training on cpu, fp32"
    assert any(
        line.startswith("step 10/12  loss ") and "tokens/s" in line and "left" in line for line in lines
    )
    assert any(line.startswith("step 12/12  val_loss ") for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_curves_are_what_dvc_plots(tiny, project):
    tiny().fit()
    drawn = curves(project)
    assert set(drawn) >= {"train_loss.tsv", "val_loss.tsv", "learning_rate.tsv"}
    assert [line.split("\t")[0] for line in drawn["val_loss.tsv"].splitlines()] == ["step", "6", "12"]
    assert json.loads((project / "reports/train_base/live/metrics.json").read_text())["step"] == 12


def test_scratch_can_be_moved(tiny, project, monkeypatch, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("scratch")
    monkeypatch.setenv("TEZGAH_SCRATCH", str(elsewhere))
    tiny(steps=2).fit()
    assert list(elsewhere.rglob("checkpoint.pt"))
    assert not (project / ".scratch").exists()


def test_an_unknown_device_is_refused():
    from pipeline.device.select import pick_device

    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(UserError, match=r"runtime\.device: 'cuda'"):
        pick_device("cuda")


def test_loading_leaves_torch_out_of_light_rooms(root):
    modules = "pipeline.cli.main, pipeline.cli.check, pipeline.common.metrics"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "False"
