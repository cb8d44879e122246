"""Compiling layers once it is worthwhile."""

import pytest
import torch

from pipeline.training import compile as compiling


@pytest.mark.slow
@pytest.mark.parametrize("recompute", [False, True])
def test_compile_layers_keeps_names_and_gradients(tiny, recompute):
    run = tiny()
    run.model.set_activation_checkpointing(recompute)
    names = list(run.model.state_dict())
    gradients = []
    for compiled in (False, True):
        if compiled:
            run.model.compile_layers(backend="eager")
        run.model.zero_grad()
        run.task.loss(run.model, run.task.micro_batches(0)[0]).backward()
        gradients.append({name: weight.grad.clone() for name, weight in run.model.named_parameters()})
    assert list(run.model.state_dict()) == names
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


@pytest.mark.parametrize(
    ("seconds", "compiler", "message"),
    [
        (1.0, True, "compiled: about 17 min are left"),
        (0.01, True, "not compiled: the 10 s that are left"),
        (1.0, False, "not compiled: no Triton here"),
    ],
)
def test_compile_when_worthwhile_decides_once_by_the_time_left(monkeypatch, seconds, compiler, message):
    compiled = []
    clock = iter(range(1000))
    monkeypatch.setattr(compiling.time, "perf_counter", lambda: next(clock) * seconds * compiling.TIMED_STEPS)
    monkeypatch.setattr(compiling, "has_compiler", lambda: compiler)
    decision = compiling.CompileWhenWorthwhile(lambda: compiled.append("layers"))
    messages = [decision.decide(1000) for _ in range(100)]
    decided = messages[compiling.WARMUP_STEPS + compiling.TIMED_STEPS - 1]
    assert [line for line in messages if line] == [decided]
    assert decided.startswith(message)
    assert compiled == (["layers"] if message.startswith("compiled") else [])


def test_train_model_compiles_nothing_on_a_cpu(tiny, capsys):
    tiny(steps=25).train()
    assert "compiled" not in capsys.readouterr().out


def test_has_compiler_needs_triton_and_a_c_compiler(monkeypatch):
    monkeypatch.setattr(compiling.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setenv("CC", "/usr/bin/cc")
    assert compiling.has_compiler()
    monkeypatch.delenv("CC")
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    assert not compiling.has_compiler()
