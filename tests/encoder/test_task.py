import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.encoder.evaluate import build_held_out_pool
from pipeline.encoder.task import PairTask, build_encoder
from tests.helpers.factories import encoder_params


@pytest.fixture
def params():
    return encoder_params(width=32, heads=2, layers=1, ffn=32, batch_size=16, pool_size=32, span_tokens=24)


@pytest.fixture
def task(texts, tokenizer, params):
    return PairTask(
        texts[:200], build_held_out_pool(texts[200:], params, tokenizer, 3, "val"), params, tokenizer, 3
    )


def test_pair_task_training_lowers_the_loss_on_held_out_pairs(task, params, tokenizer):
    encoder = build_encoder(params, tokenizer.vocab_size, 3)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.003)
    with torch.no_grad():
        before = task.validate(encoder)["val_loss"]
    for step in range(30):
        (batch,) = task.micro_batches(step)
        optimizer.zero_grad()
        task.loss(encoder, batch).backward()
        optimizer.step()
    with torch.no_grad():
        assert task.validate(encoder)["val_loss"] < before - 0.3


def test_pair_task_grouping_by_length_changes_no_loss(task, params, tokenizer, monkeypatch):
    encoder = build_encoder(params, tokenizer.vocab_size, 3).double()
    (grouped,) = task.micro_batches(5)
    monkeypatch.setattr("pipeline.encoder.task.LENGTH_GROUPS", 1)
    (whole,) = task.micro_batches(5)
    assert len(grouped.groups) == 4
    assert len(whole.groups) == 1
    losses = [task.loss(encoder, batch).item() for batch in (grouped, whole)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-9)


def test_pair_task_refuses_too_few_documents(texts, tokenizer, params):
    pool = build_held_out_pool(texts[:40], params, tokenizer, 3, "val")
    with pytest.raises(UserError, match=r"encoder.batch_size: 16: only 15 documents"):
        PairTask(texts[:15], pool, params, tokenizer, 3)
