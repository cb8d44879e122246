"""What a step does to each part, by hand."""

import pytest
import torch
from torch import nn

from pipeline.training.diagnostics import Watch, parts


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(4, 2)
        self.layers = nn.ModuleList(nn.Linear(2, 2, bias=False) for _ in range(2))
        self.norm = nn.LayerNorm(2, bias=False)


def test_every_weight_is_of_one_part():
    found = parts(Small())
    assert list(found) == ["embeddings", "layer_01", "layer_02", "output"]
    assert sum(map(len, found.values())) == 4


def test_norms_of_gradients_and_shares_of_movement():
    model = Small()
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(2.0)
            weight.grad = torch.full_like(weight, 0.5)
    watch = Watch(model)
    watch.before()
    with torch.no_grad():
        model.layers[0].weight += 0.02
        model.norm.weight.zero_()
    watch.after()
    seen = watch.seen
    assert seen["gradient_norm/embeddings"] == pytest.approx(0.5 * 8**0.5)
    assert seen["gradient_norm/layer_02"] == pytest.approx(1.0)
    assert seen["update/layer_01"] == pytest.approx(0.01)
    assert seen["update/layer_02"] == seen["update/embeddings"] == 0
    assert seen["update/output"] == 1


def test_curves_of_parts_positions_and_sources_and_what_it_writes(tiny, project):
    tiny().fit(write=lambda model: f"**Bir**{sum(1 for _ in model.parameters())}")
    live = project / "reports/train_base/live"
    rows = {
        path.relative_to(live / "plots/metrics").as_posix(): path.read_text().splitlines()
        for path in (live / "plots/metrics").rglob("*.tsv")
    }
    for name in ("gradient_norm/layer_02.tsv", "update/embeddings.tsv"):
        assert [row.split("\t")[0] for row in rows[name]] == ["step", "5", "10", "12"]
    at = [rows[f"val_loss_by_position/{place}.tsv"] for place in ("0001", "0002", "0003", "0005", "0009")]
    weights = [1, 1, 2, 4, 8]
    last = [float(values[-1].split("\t")[1]) for values in at]
    mean = sum(weight * loss for weight, loss in zip(weights, last, strict=True)) / 16
    assert float(rows["val_loss.tsv"][-1].split("\t")[1]) == pytest.approx(mean, rel=1e-5)
    assert {"val_loss_by_source/poems.tsv", "val_loss_by_source/laws.tsv", "logit_scale.tsv"} < set(rows)
    assert (live / "samples.md").read_text().startswith("## Step 6\n\n**Bir**")
