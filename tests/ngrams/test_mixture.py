import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline.common.errors import UserError
from pipeline.evaluation.bits_per_byte import token_bits
from pipeline.inference.generate import generate
from pipeline.inference.sampling import Sampling
from pipeline.model.decoder import Decoder
from pipeline.ngrams.counting import count_ngrams, train_ngram_model
from pipeline.ngrams.folder import write_ngram_folder
from pipeline.ngrams.mixture import Mixture, find_mixture, fit_gate, mix_logs
from pipeline.ngrams.storage import Storage
from tests.helpers.factories import tiny_model_params

VOCAB, ORDER = 64, 3
STREAM = np.random.default_rng(0).integers(8, VOCAB, 500).astype(np.uint16)
STREAM[::25] = 1


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = Decoder(tiny_model_params(), VOCAB).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return model


@pytest.fixture
def mixture(model):
    gate = torch.randn(model.params.width + ORDER + 2, generator=torch.Generator().manual_seed(1)) * 0.1
    return Mixture(train_ngram_model(STREAM, VOCAB, ORDER), gate)


def test_the_mixture_of_the_next_token_adds_up_to_1_and_is_what_the_text_is_scored_with(model, mixture):
    ids = [1, *STREAM[1:9].tolist()]
    bits = token_bits(model, [ids], mixture=mixture)[0]
    for length in range(1, len(ids)):
        hidden = model.hidden_states(torch.tensor([ids[:length]]))[:, -1]
        logs = mixture.mix_next(model.lm_head(hidden), hidden, [ids[:length]])
        logs = logs.log_softmax(dim=1)
        assert -logs[0, ids[length]].item() / np.log(2) == pytest.approx(bits[length - 1], rel=1e-4)


def test_the_parts_of_the_mixture_add_up_to_1(model, mixture):
    p = mixture.counts.predict_next([1, 9, 10])
    assert p.p.sum() == pytest.approx(1, abs=1e-6)
    hidden = model.hidden_states(torch.tensor([[1, 9, 10]]))[:, -1]
    logits = model.lm_head(hidden)
    mixed = mixture.mix_next(logits, hidden, [[1, 9, 10]])
    # On the scale of the network's logits, so that a penalty of what was said means the same.
    assert (mixed - logits.logsumexp(dim=1)).exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_a_gate_at_its_ends_leaves_the_network_or_the_counts(model, mixture):
    ids = [1, *STREAM[1:9].tolist()]
    last = torch.zeros(len(mixture.gate))
    last[-1] = 50.0
    network = token_bits(model, [ids], mixture=Mixture(mixture.counts, last))[0]
    counts = token_bits(model, [ids], mixture=Mixture(mixture.counts, -last))[0]
    np.testing.assert_allclose(network, token_bits(model, [ids])[0], rtol=1e-4)
    np.testing.assert_allclose(counts, mixture.counts.token_bits([ids])[0], rtol=1e-4)


def test_fit_gate_finds_who_is_right_where():
    first = torch.arange(400) % 2 == 0
    network = torch.where(first, -0.1, -5.0)
    counts = torch.where(first, -5.0, -0.1)
    inputs = torch.stack([first.float(), torch.ones(400)], dim=1)
    gate = fit_gate(network, counts, inputs)
    mixed = mix_logs(gate, network, counts, inputs)
    assert -mixed.mean() < 0.4
    fixed = fit_gate(network, counts, inputs[:, 1:])
    assert -mix_logs(fixed, network, counts, inputs[:, 1:]).mean() > 0.5


def test_generation_with_counts_does_not_depend_on_the_batch(model, mixture):
    prompts = [[1, *STREAM[1:4].tolist()], [1, 9], [1]]
    options = {"max_new_tokens": 6, "sampling": Sampling(temperature=1.0), "adjust": mixture.mix_next}
    together = generate(model, prompts, **options)
    assert together == generate(model, prompts, batch_size=1, **options)
    assert together != generate(model, prompts, max_new_tokens=6, sampling=Sampling(temperature=1.0))


def test_find_mixture_refuses_a_gate_of_another_network(tmp_path, model):
    assert find_mixture(tmp_path, model.params.width) is None
    (tmp_path / "tokenizer.model").write_bytes(b"pieces")
    folder = tmp_path / "ngram"
    write_ngram_folder(folder, count_ngrams(STREAM, VOCAB, ORDER, Storage()), tmp_path / "tokenizer.model")
    with pytest.raises(UserError, match=r"gate.safetensors: damaged: .*No such file"):
        find_mixture(tmp_path, model.params.width)
    save_file({"weight": torch.zeros(9)}, folder / "gate.safetensors")
    with pytest.raises(UserError, match="of another network"):
        find_mixture(tmp_path, model.params.width)
    save_file({"weight": torch.zeros(model.params.width + ORDER + 2)}, folder / "gate.safetensors")
    assert find_mixture(tmp_path, model.params.width).counts.vocab_size == VOCAB
