"""What a step is said to hold in memory."""

import pytest
import torch

from pipeline.autobatch.memory_plan import ON_CPU, Live, Memory, largest_batch, plan
from pipeline.cli import preset as presets
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.training.loss import summed_loss
from pipeline.training.params import TrainParams

SHAPE = {
    "arch": "llama", "width": 64, "layers": 2, "heads": 2, "kv_heads": 2, "head_dim": 32, "ffn": 96,
    "context": 32, "rope_theta": 1e4, "norm_eps": 1e-6, "tie_embeddings": True,
}  # fmt: skip
TRAIN = TrainParams(
    init_from=None, steps=10, batch_size=2, checkpointing=False, loss_chunks=1, tokens_per_step=256,
    packing="stream", document_mask=False, eval_tokens=64,
    optimizer="adamw",
    learning_rate=0.01, matrix_learning_rate=0.02, momentum=0.95, beta1=0.9, beta2=0.95, weight_decay=0.0,
    schedule="linear", warmup_steps=1, decay_fraction=0.5, final_fraction=0.0, clip=1.0, precision="fp32",
    eval_every=5, sharding="none",
)  # fmt: skip


def with_(**changes):
    return TRAIN.model_copy(update=changes)


def test_fixed_parts_are_counted_by_hand():
    model = ModelParams(**SHAPE)
    parameters = parameter_count(Decoder(model, 100))
    adamw = plan(model, 100, TRAIN, 2, "fp32")
    turns = 2 * 32 * 32  # cosines and sines of every place
    assert adamw.weights == 4 * (parameters + turns)
    assert adamw.gradients == 4 * parameters  # there from the second of four passes on
    assert adamw.optimiser == pytest.approx(8 * parameters, rel=1e-3)  # and a count of steps
    hidden = 2 * (4 * 64 * 64 + 3 * 64 * 96)  # of two layers
    muon = plan(model, 100, with_(optimizer="muon"), 2, "fp32")
    rows = 2 * (5 * 64 + 2 * 96)  # whose squares are remembered
    assert muon.optimiser == pytest.approx(8 * parameters - 4 * hidden + 4 * rows, rel=1e-3)


@pytest.mark.parametrize("knobs", [{}, {"checkpointing": True}, {"loss_chunks": 4}, {"document_mask": True}])
def test_the_plan_is_what_a_real_step_holds(knobs):
    settings = with_(**knobs)
    model = Decoder(ModelParams(**SHAPE), 100)
    model.recompute(settings.checkpointing)
    tokens = torch.zeros(8, 33, dtype=torch.long)
    ids, targets = tokens[:, :-1], tokens[:, 1:]
    with Live(model.parameters()) as live:
        documents = ids if settings.document_mask else None
        summed_loss(model, ids, targets, documents, settings.loss_chunks).backward()
    planned = plan(ModelParams(**SHAPE), 100, settings, 8, "fp32", on_cpu=True)  # all of a step at once
    assert planned.gradients + planned.activations + planned.passing == live.most


# PyTorch's peak on an H100, in GiB, three steps of one pass in bf16 (EXPERIMENTS.md, 2026-11-26).
ON_H100 = {("baby-10m", 8): 0.65, ("modern-42m", 2): 1.56, ("tanai-42m", 2): 1.45, ("llama-134m", 1): 2.94}


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "batch_size"), ON_H100)
def test_the_plan_is_within_a_tenth_of_a_gpus_peak(project, preset, batch_size):
    params = presets.checked(presets.apply([preset])[0])
    pretraining = params.model, params.tokenizer.vocab_size, params.train
    planned = plan(*pretraining, batch_size, "bf16", passes=1).total / 2**30
    assert planned == pytest.approx(ON_H100[preset, batch_size], rel=0.1)


@pytest.mark.parametrize("arch", ["qwen3", "llama", "tanai"])
def test_each_knob_takes_less_memory(arch):
    model = ModelParams(**SHAPE | {"arch": arch})

    def total(batch_size, **knobs):
        return plan(model, 1000, with_(**knobs), batch_size, "bf16", passes=2).total

    assert total(8) > total(4) > total(2)
    assert total(8) > total(8, loss_chunks=4) > total(8, loss_chunks=4, checkpointing=True)


def test_the_largest_batch_fits_and_divides_the_step():
    model = ModelParams(**SHAPE)
    args = model, 100, with_(tokens_per_step=12 * 32), "bf16"
    three, four = (plan(model, 100, args[2], size, "bf16").taken() for size in (3, 4))
    between = (four - three) // 2
    assert largest_batch(*args, four + between) == 4
    assert largest_batch(*args, four - between) == 3
    assert largest_batch(*args, 2**40) == 12
    assert largest_batch(*args, 2**40, sequences=6) == 6  # of one of two processes
    assert largest_batch(*args, 2**29) is None
    assert not Memory(2**30, 0, 0, 0, 0).fits(2**31)
    assert Memory(0, 0, 0, 0, 2**30).fits(2**31, ON_CPU)
    assert not Memory(2**30, 0, 0, 0, 0).fits(2**31, ON_CPU)  # what lasts counts 1.7 times
