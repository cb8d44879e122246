import pytest
import torch

from pipeline.tokenizer.tokenizer import BOS
from pipeline.training.loss import summed_loss


def test_with_a_document_mask_each_document_is_read_as_if_alone(tiny):
    row = torch.randint(8, 58, (1, 17), generator=torch.Generator().manual_seed(0))
    row[0, 8] = BOS
    masked, unmasked = tiny(document_mask=True), tiny(document_mask=False)
    # With output projections of zero, as they begin, no token reads another.
    for run in (masked, unmasked):
        torch.manual_seed(0)
        for weight in run.model.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    apart = sum(
        summed_loss(masked.model, row[:, a:b], row[:, a + 1 : b + 1]).item() for a, b in ((0, 8), (8, 16))
    )
    scale = masked.settings.tokens_per_step
    found = [run.task.loss(run.model, row).item() * scale for run in (masked, unmasked)]
    assert found[0] == pytest.approx(apart, rel=1e-5)
    assert found[1] != pytest.approx(apart, rel=1e-3)
