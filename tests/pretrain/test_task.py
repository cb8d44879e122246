"""Pretraining as a task: targets, document masks, prefetching and the logit scale."""

import pytest
import torch

from pipeline.pretrain.task import Pretraining, logit_scale, next_token_targets
from pipeline.tokenizer.special import BOS, EOS, PAD
from pipeline.training.loss import summed_loss


def test_loss_with_a_document_mask_is_that_of_each_document_alone(tiny):
    row = torch.randint(8, 58, (1, 17), generator=torch.Generator().manual_seed(0))
    row[0, 8] = BOS
    masked, unmasked = tiny(document_mask=True), tiny(document_mask=False)
    # Output projections start at zero, with which no token attends to another.
    for run in (masked, unmasked):
        torch.manual_seed(0)
        for weight in run.model.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    apart = sum(
        summed_loss(masked.model, masked.model.hidden_states(row[:, a:b]), row[:, a + 1 : b + 1]).item()
        for a, b in ((0, 8), (8, 16))
    )
    scale = masked.params.tokens_per_step
    losses = [run.task.loss(run.model, row).item() * scale for run in (masked, unmasked)]
    assert losses[0] == pytest.approx(apart, rel=1e-5)
    assert losses[1] != pytest.approx(apart, rel=1e-3)


def test_loss_of_a_best_fit_row_is_that_of_each_document_alone(tiny):
    """A cut document's rest has no <s> and may stand behind another document."""
    whole, rest, last = [BOS, 9, 10, 11, EOS], [20, 21, 22, 23, EOS], [BOS, 30, EOS]
    row = torch.tensor([[*whole, *rest, *last, PAD, PAD, PAD, PAD]])
    run = tiny(document_mask=True)
    torch.manual_seed(0)
    for weight in run.model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    # After </s> comes <s>, which is learned; the first token of a rest is not.
    alone = [torch.tensor([ids]) for ids in (whole, [*rest, BOS], last)]
    apart = sum(
        summed_loss(run.model, run.model.hidden_states(ids[:, :-1]), ids[:, 1:]).item() for ids in alone
    )
    assert run.task.loss(run.model, row).item() * run.params.tokens_per_step == pytest.approx(apart, rel=1e-5)


def test_next_token_targets_of_a_stream_window_are_all_learned():
    window = torch.tensor([[9, EOS, BOS, 10, 11, EOS, BOS, EOS, BOS]])
    assert torch.equal(next_token_targets(window), window[:, 1:])


def test_logit_scale_grows_with_the_logits_but_not_with_a_common_offset(tiny):
    run = tiny()
    ids = torch.randint(8, 64, (1, 16))
    with torch.no_grad():
        before = logit_scale(run.model, ids)
        run.model.model.norm.weight *= 3
        assert logit_scale(run.model, ids) == pytest.approx(3 * before, rel=1e-5)
        run.model.lm_head.weight = torch.nn.Parameter(run.model.lm_head.weight[:1].repeat(64, 1))
        assert logit_scale(run.model, ids) == pytest.approx(0, abs=1e-4)


def test_loss_ignores_padding(tiny):
    run = tiny()
    row = torch.randint(8, 64, (1, 17))
    padded = torch.cat([row[:, :9], torch.full((1, 8), PAD)], dim=1)
    with torch.no_grad():
        with_padding, without = run.task.loss(run.model, padded), run.task.loss(run.model, row[:, :9])
    assert torch.allclose(with_padding, without)


def test_micro_batches_are_prefetched_for_a_gpu_and_are_the_same(tiny):
    run = tiny()
    prefetching = Pretraining(run.task.train, run.task.val, run.params, torch.device("meta"))
    for step in (0, 1, 2, 7, 3):  # in order, and after a jump
        expected = run.task.micro_batches(step)
        assert all(map(torch.equal, prefetching.micro_batches(step), expected))
        assert list(prefetching.prefetched) == [step + 1]
