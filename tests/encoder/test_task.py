import pytest
import torch

from pipeline.common import params
from pipeline.common.errors import UserError
from pipeline.encoder.evaluate import held_out_pool
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.task import PairTask, new_encoder


@pytest.fixture
def settings(root):
    small = {
        "width": 32,
        "heads": 2,
        "layers": 1,
        "ffn": 32,
        "batch_size": 16,
        "pool_size": 32,
        "span_tokens": 24,
    }
    return params.parse(params.read(root / "params.yaml")["encoder"] | small, "encoder", EncoderParams)


@pytest.fixture
def task(texts, tokenizer, settings):
    return PairTask(
        texts[:200], held_out_pool(texts[200:], settings, tokenizer, 3, "val"), settings, tokenizer, 3
    )


def test_training_lowers_the_loss_on_held_out_pairs(task, settings, tokenizer):
    encoder = new_encoder(settings, tokenizer.vocab_size, 3)
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


def test_grouping_by_length_changes_no_vector(task, settings, tokenizer, monkeypatch):
    encoder = new_encoder(settings, tokenizer.vocab_size, 3).double()
    (grouped,) = task.micro_batches(5)
    monkeypatch.setattr("pipeline.encoder.task.LENGTH_GROUPS", 1)
    (whole,) = task.micro_batches(5)
    assert len(grouped.groups) == 4
    assert len(whole.groups) == 1
    losses = [task.loss(encoder, batch).item() for batch in (grouped, whole)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-9)


def test_too_few_documents_for_a_batch_are_refused(texts, tokenizer, settings):
    pool = held_out_pool(texts[:40], settings, tokenizer, 3, "val")
    with pytest.raises(UserError, match=r"encoder.batch_size: 16: only 15 documents"):
        PairTask(texts[:15], pool, settings, tokenizer, 3)
