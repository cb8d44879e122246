"""What a step is said to hold in memory."""

import pytest
import torch

from pipeline.model.decoder import Decoder, parameter_count
from pipeline.model.params import ModelParams
from pipeline.training.memory_plan import Memory, kept, plan
from pipeline.training.params import TrainParams

SHAPE = {
    "arch": "llama", "width": 64, "layers": 2, "heads": 2, "kv_heads": 2, "head_dim": 32, "ffn": 96,
    "context": 32, "rope_theta": 1e4, "norm_eps": 1e-6, "tie_embeddings": True,
}  # fmt: skip
TRAIN = TrainParams(
    steps=10, batch_size=2, checkpointing=False, loss_chunks=1, tokens_per_step=256, packing="stream", document_mask=False, eval_tokens=64,
    optimizer="adamw",
    learning_rate=0.01, matrix_learning_rate=0.02, momentum=0.95, beta1=0.9, beta2=0.95, weight_decay=0.0,
    schedule="linear", warmup_steps=1, decay_fraction=0.5, final_fraction=0.0, clip=1.0, precision="fp32",
    eval_every=5,
)  # fmt: skip


def test_fixed_parts_are_counted_by_hand():
    model = ModelParams(**SHAPE)
    parameters = parameter_count(Decoder(model, 100))
    adamw = plan(model, 100, TRAIN, 2, "fp32")
    turns = 2 * 32 * 32  # cosines and sines of every place
    assert adamw.gradients == 4 * parameters
    assert adamw.weights == 4 * parameters + 4 * turns
    assert adamw.optimiser == 8 * parameters
    hidden = 2 * (4 * 64 * 64 + 3 * 64 * 96)  # of two layers
    muon = plan(model, 100, TRAIN.model_copy(update={"optimizer": "muon"}), 2, "fp32")
    assert muon.optimiser == 8 * parameters - 4 * hidden
    assert adamw.logits == 2 * 32 * 100 * 12
    # In bf16 the matrices have copies of half their size: those of the layers, and none of the embeddings.
    assert plan(model, 100, TRAIN, 2, "bf16").weights == 4 * parameters + 2 * (hidden + turns)


def test_activations_are_what_autograd_keeps_of_a_real_pass():
    model = Decoder(ModelParams(**SHAPE), 100)
    real, own = {}, {tensor.data_ptr() for tensor in (*model.parameters(), *model.buffers())}

    def note(tensor):
        if tensor.untyped_storage().data_ptr() not in own:
            real[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model.hidden(torch.zeros(3, 32, dtype=torch.long))
    assert kept(model, 3, "fp32") == sum(t.untyped_storage().nbytes() for t in real.values())


@pytest.mark.parametrize("arch", ["qwen3", "llama", "tanai"])
def test_memory_grows_with_the_batch_and_no_other_part_does(arch):
    model = ModelParams(**SHAPE | {"arch": arch})
    one, four = plan(model, 100, TRAIN, 1, "bf16"), plan(model, 100, TRAIN, 4, "bf16")
    assert one.of(4) == four
    assert (one.weights, one.gradients, one.optimiser) == (four.weights, four.gradients, four.optimiser)
    assert four.activations == 4 * one.activations > 0


def test_the_largest_batch_fits_and_divides_the_step():
    model = ModelParams(**SHAPE)
    one = plan(model, 100, TRAIN, 1, "bf16")
    card = 2**30 + int(one.of(4).total * 1.09)
    assert one.largest_batch(8, card) == 4  # of 8 sequences a step
    assert one.largest_batch(8, 2**40) == 8
    assert one.largest_batch(8, 2**29) is None
    assert not Memory(2**30, 0, 0, 0, 0).fits(2**31)
