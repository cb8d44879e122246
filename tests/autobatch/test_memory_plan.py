"""The memory plan of a step, against counts by hand, a real step and GPUs."""

import pytest
import torch

from pipeline.autobatch.memory_plan import ON_CPU, Memory, StorageCounter, largest_batch, plan_memory
from pipeline.cli import preset as presets
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.training.loss import summed_loss
from tests.helpers.factories import tiny_model_params, train_params


def small_model(arch="llama"):
    return tiny_model_params(arch=arch, width=64, head_dim=32, ffn=96, context=32)


def small_train(**changes):
    """Steps of four forward passes with AdamW."""
    return train_params(**{"optimizer": "adamw", "batch_size": 2, "tokens_per_step": 256} | changes)


def test_plan_memory_of_weights_gradients_and_moments_by_hand():
    model = small_model()
    parameters = parameter_count(Decoder(model, 100))
    adamw = plan_memory(model, 100, small_train(), 2, "fp32")
    rotary = 2 * 32 * 32  # cosines and sines of every place
    assert adamw.weights == 4 * (parameters + rotary)
    assert adamw.gradients == 4 * parameters  # there from the second of four passes on
    assert adamw.optimizer == pytest.approx(8 * parameters, rel=1e-3)  # and a count of steps
    hidden = 2 * (4 * 64 * 64 + 3 * 64 * 96)  # of two layers
    muon = plan_memory(model, 100, small_train(optimizer="muon"), 2, "fp32")
    rows = 2 * (5 * 64 + 2 * 96)  # whose squares are remembered
    assert muon.optimizer == pytest.approx(8 * parameters - 4 * hidden + 4 * rows, rel=1e-3)


@pytest.mark.parametrize(
    "changes", [{}, {"checkpointing": True}, {"loss_chunks": 4}, {"document_mask": True}]
)
def test_plan_memory_is_the_peak_of_a_real_step(changes):
    params = small_train(**changes)
    model = Decoder(small_model(), 100)
    model.set_activation_checkpointing(params.checkpointing)
    tokens = torch.zeros(8, 33, dtype=torch.long)
    ids, targets = tokens[:, :-1], tokens[:, 1:]
    with StorageCounter(model.parameters()) as counter:
        documents = ids if params.document_mask else None
        hidden = model.hidden_states(ids, document_BxT=documents)
        summed_loss(model, hidden, targets, params.loss_chunks).backward()
    planned = plan_memory(small_model(), 100, params, 8, "fp32", on_cpu=True)  # all of a step at once
    assert planned.gradients + planned.activations + planned.transient == counter.peak_bytes


# PyTorch's peak on an H100, in GiB, three steps of one pass in bf16 (experiments/memory-plan.md).
ON_H100 = {("baby-10m", 8): 0.65, ("modern-42m", 2): 1.56, ("tanai-42m", 2): 1.45, ("llama-134m", 1): 2.94}
CONTEXT_ON_H100 = {"baby-10m": 192}  # where the preset's own has changed since


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "batch_size"), ON_H100)
def test_plan_memory_is_within_a_tenth_of_a_gpus_peak(project, preset, batch_size):
    params = presets.check_params_text(presets.apply_presets([preset])[0])
    model = params.model.model_copy(update={"context": CONTEXT_ON_H100.get(preset, params.model.context)})
    pretraining = model, params.tokenizer.vocab_size, params.train
    planned = plan_memory(*pretraining, batch_size, "bf16", passes=1).total / 2**30
    assert planned == pytest.approx(ON_H100[preset, batch_size], rel=0.1)


@pytest.mark.parametrize("arch", ["qwen3", "llama", "tanai"])
def test_plan_memory_is_less_with_each_param_that_saves_memory(arch):
    model = small_model(arch)

    def total(batch_size, **changes):
        return plan_memory(model, 1000, small_train(**changes), batch_size, "bf16", passes=2).total

    assert total(8) > total(4) > total(2)
    assert total(8) > total(8, loss_chunks=4) > total(8, loss_chunks=4, checkpointing=True)


def test_largest_batch_fits_and_divides_the_step():
    model = small_model()
    args = model, 100, small_train(tokens_per_step=12 * 32), "bf16"
    three, four = (plan_memory(model, 100, args[2], size, "bf16").with_overhead() for size in (3, 4))
    between = (four - three) // 2
    assert largest_batch(*args, four + between) == 4
    assert largest_batch(*args, four - between) == 3
    assert largest_batch(*args, 2**40) == 12
    assert largest_batch(*args, 2**40, sequences=6) == 6  # of one of two processes
    assert largest_batch(*args, 2**29) is None
    assert not Memory(2**30, 0, 0, 0, 0).fits(2**31)
    assert Memory(0, 0, 0, 0, 2**30).fits(2**31, ON_CPU)
    assert not Memory(2**30, 0, 0, 0, 0).fits(2**31, ON_CPU)  # what lasts counts 1.7 times
