"""Gradient norms and update ratios, computed by hand."""

import pytest
import torch
from torch import nn

from pipeline.training.diagnostics import GradientStats, group_parameters


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(4, 2)
        self.layers = nn.ModuleList(nn.Linear(2, 2, bias=False) for _ in range(2))
        self.norm = nn.LayerNorm(2, bias=False)


def test_group_parameters_puts_each_weight_into_one_part():
    groups = group_parameters(Small())
    assert list(groups) == ["embeddings", "layer_01", "layer_02", "output"]
    assert sum(map(len, groups.values())) == 4


def test_gradient_stats_are_norms_and_update_ratios():
    model = Small()
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(2.0)
            weight.grad = torch.full_like(weight, 0.5)
    stats = GradientStats(model)
    stats.before_step()
    with torch.no_grad():
        model.layers[0].weight += 0.02
        model.norm.weight.zero_()
    stats.after_step()
    metrics = stats.metrics
    assert metrics["gradient_norm/embeddings"] == pytest.approx(0.5 * 8**0.5)
    assert metrics["gradient_norm/layer_02"] == pytest.approx(1.0)
    assert metrics["update/layer_01"] == pytest.approx(0.01)
    assert metrics["update/layer_02"] == metrics["update/embeddings"] == 0
    assert metrics["update/output"] == 1
