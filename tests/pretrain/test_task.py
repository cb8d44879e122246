import pytest
import torch

from pipeline.pretrain.task import Pretraining, logit_scale, targets
from pipeline.tokenizer.tokenizer import BOS, EOS, PAD
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


def test_rows_of_whole_documents_are_read_as_if_each_were_alone(tiny):
    """A cut document's rest has no <s> and may stand behind another document."""
    whole, rest, last = [BOS, 9, 10, 11, EOS], [20, 21, 22, 23, EOS], [BOS, 30, EOS]
    row = torch.tensor([[*whole, *rest, *last, PAD, PAD, PAD, PAD]])
    run = tiny(document_mask=True)
    torch.manual_seed(0)
    for weight in run.model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    # After </s> comes <s>, which is learnt; the first token of a rest is not.
    alone = [torch.tensor([ids]) for ids in (whole, [*rest, BOS], last)]
    apart = sum(summed_loss(run.model, ids[:, :-1], ids[:, 1:]).item() for ids in alone)
    assert run.task.loss(run.model, row).item() * run.settings.tokens_per_step == pytest.approx(
        apart, rel=1e-5
    )


def test_in_windows_of_the_stream_every_next_token_is_learnt():
    window = torch.tensor([[9, EOS, BOS, 10, 11, EOS, BOS, EOS, BOS]])
    assert torch.equal(targets(window), window[:, 1:])


def test_the_logit_scale_grows_with_the_scores_but_not_with_what_all_have_in_common(tiny):
    run = tiny()
    ids = torch.randint(8, 64, (1, 16))
    with torch.no_grad():
        before = logit_scale(run.model, ids)
        run.model.model.norm.weight *= 3
        assert logit_scale(run.model, ids) == pytest.approx(3 * before, rel=1e-5)
        run.model.lm_head.weight = torch.nn.Parameter(run.model.lm_head.weight[:1].repeat(64, 1))
        assert logit_scale(run.model, ids) == pytest.approx(0, abs=1e-4)


def test_what_a_row_leaves_empty_is_not_learnt(tiny):
    run = tiny()
    row = torch.randint(8, 64, (1, 17))
    padded = torch.cat([row[:, :9], torch.full((1, 8), PAD)], dim=1)
    with torch.no_grad():
        whole, part = run.task.loss(run.model, padded), run.task.loss(run.model, row[:, :9])
    assert torch.allclose(whole, part)


def test_for_a_gpu_the_next_step_is_read_ahead_and_is_the_same(tiny):
    run = tiny()
    ahead = Pretraining(run.task.train, run.task.val, run.settings, torch.device("meta"))
    for step in (0, 1, 2, 7, 3):  # in order, and after a jump
        expected = run.task.micro_batches(step)
        assert all(map(torch.equal, ahead.micro_batches(step), expected))
        assert list(ahead.ahead) == [step + 1]
