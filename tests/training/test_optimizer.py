"""The optimizers of a model and their states."""

import pytest
import torch

from pipeline.training.optimizer import Optimizers


def test_group_by_heads_splits_attention_into_heads(tiny) -> None:
    run = tiny(optimizer="muon")
    muon = Optimizers(run.model, run.params).all[0]
    counts = {
        (group["block_rows"], group["block_columns"]): len(group["params"]) for group in muon.param_groups
    }
    assert counts == {(16, 0): 6, (0, 16): 2, (0, 0): 6}  # two layers: q, k, v; o; gate, up, down


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_optimizers_allocate_changes_no_weight(tiny, optimizer):
    run = tiny(optimizer=optimizer, weight_decay=0.1)
    before = run.weights()
    optimizers = Optimizers(run.model, run.params)
    optimizers.allocate()
    assert all(state["state"] for state in optimizers.state_dict())
    assert all(torch.equal(weight, before[name]) for name, weight in run.weights().items())


def test_optimizers_load_state_dict_keeps_fused_kernels(tiny):
    run = tiny()
    ours, theirs = (Optimizers(run.model, run.params) for _ in range(2))
    states = theirs.state_dict()
    states[-1]["param_groups"][0]["fused"] = None  # as where torch has no such kernel
    ours.load_state_dict(states)
    assert ours.all[-1].param_groups[0]["fused"]


def test_optimizers_step_updates_no_weight_where_one_gradient_overflowed(tiny):
    run = tiny(optimizer="muon")
    optimizers = Optimizers(run.model, run.params)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(torch.zeros(()))  # allocates the scale
    for weight in run.model.parameters():
        weight.grad = torch.ones_like(weight)
    run.model.lm_head.weight.grad[0, 0] = float("inf")  # AdamW's; Muon's gradients are finite
    before = run.weights()
    optimizers.unscale(scaler)
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    optimizers.step(scaler, norm)
    assert all(torch.equal(weight, before[name]) for name, weight in run.weights().items())
    assert scaler.get_scale() == 2.0
    for weight in run.model.parameters():
        weight.grad = torch.ones_like(weight)
    optimizers.unscale(scaler)
    optimizers.step(scaler, torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0))
    assert not any(torch.equal(weight, before[name]) for name, weight in run.weights().items())
