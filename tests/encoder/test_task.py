import numpy as np
import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.common.runtime import RuntimeParams
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.pairs import KINDS, inverse_document_frequencies, read_sentences, sample_held_out
from pipeline.encoder.params import check_batches
from pipeline.encoder.task import PairTask, build_encoder
from pipeline.encoder.teacher import Teacher
from pipeline.encoder.vocabulary import encode_texts
from pipeline.tokenizer.special import UNK
from tests.helpers.factories import encoder_params, section_values

TABLE = {"layers": 0, "width": 32}
NETWORK = {"layers": 1, "width": 32, "heads": 2, "ffn": 32, "context": 40}


@pytest.fixture(scope="module")
def sentences(texts, prefixes):
    return read_sentences(join_texts(texts[:150], texts[150:300]), prefixes)


@pytest.fixture(scope="module")
def token_weights(sentences, prefixes):
    return inverse_document_frequencies(sentences, prefixes.get_vocab_size())


@pytest.fixture(scope="module")
def held_out(texts):
    return sample_held_out(join_texts(texts[300:340], texts[340:380]), 32, 3)[0]


def join_texts(firsts, seconds):
    """Documents of two texts and a sentence more."""
    pairs = zip(firsts, seconds, strict=True)
    return [f"{first}\n{second}\nSon cümle de burada durur." for first, second in pairs]


def make_task(sentences, held_out, prefixes, teacher=None, **changes):
    params = encoder_params(**{"batch_size": 16} | changes)
    return PairTask(sentences, held_out, params, prefixes, 3, teacher), params


@pytest.mark.parametrize(("shape", "rate"), [(TABLE, 0.05), (NETWORK, 0.003)])
def test_pair_task_training_lowers_the_loss_on_held_out_pairs(
    sentences, held_out, prefixes, token_weights, shape, rate
):
    task, params = make_task(sentences, held_out, prefixes, widths=[16], **shape)
    model = build_encoder(params, token_weights, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    losses = []
    with torch.no_grad():
        before = task.validate(model)["val_loss"]
    for step in range(30):
        (batch,) = task.micro_batches(step)
        optimizer.zero_grad()
        loss = task.loss(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    with torch.no_grad():
        assert task.validate(model)["val_loss"] < before


def test_pair_task_grouping_by_length_changes_no_loss(
    sentences, held_out, prefixes, token_weights, monkeypatch
):
    task, params = make_task(sentences, held_out, prefixes, **NETWORK)
    model = build_encoder(params, token_weights, 3).double()
    (batch,) = task.micro_batches(5)
    grouped = task.loss(model, batch).item()
    monkeypatch.setattr("pipeline.encoder.model.LENGTH_GROUPS", 1)
    assert task.loss(model, batch).item() == pytest.approx(grouped, abs=1e-9)


def test_build_encoder_token_weights_are_lengths_of_a_table(prefixes, token_weights, sentences, held_out):
    table = build_encoder(encoder_params(layers=0, width=64), token_weights, 3)
    lengths = table.embedding.weight.detach().norm(dim=1).numpy()
    assert np.corrcoef(lengths, token_weights)[0, 1] > 0.9
    again = build_encoder(encoder_params(layers=0, width=64), token_weights, 3)
    assert torch.equal(table.embedding.weight, again.embedding.weight)


def test_pair_task_imitates_a_teacher(sentences, held_out, prefixes, token_weights):
    rng = np.random.default_rng(0)
    rows = [sentences.tokens(i, i + 1) for i in range(8)]
    vectors = rng.standard_normal((8, 12)).astype(np.float32)
    teacher = Teacher(rows, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    task, params = make_task(sentences, held_out, prefixes, teacher, teacher_weight=50.0, **TABLE)
    model = build_encoder(params, token_weights, 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)

    def cosine():
        with torch.no_grad():
            own = model.embed_rows(rows)[:, :12]
        return torch.nn.functional.cosine_similarity(own, torch.from_numpy(teacher.vectors_NxE)).mean().item()

    before = cosine()
    for step in range(40):
        optimizer.zero_grad()
        task.loss(model, task.micro_batches(step)[0]).backward()
        optimizer.step()
    assert cosine() > before + 0.3


def test_pair_task_refuses_too_few_sentences(texts, held_out, prefixes):
    few = read_sentences(["Bir cümle var burada. Bir cümle daha var."] * 5, prefixes)
    with pytest.raises(UserError, match=r"encoder.pairs.surroundings: 1.0: a step takes 16 .* for 10;"):
        make_task(few, held_out, prefixes, pairs=dict.fromkeys(KINDS, 0.0) | {"surroundings": 1.0})


def test_unknown_letters_of_a_table_count_nothing_after_training_too(prefixes, token_weights):
    table = build_encoder(encoder_params(layers=0, width=64), token_weights, 3)
    optimizer = torch.optim.AdamW(table.parameters(), lr=0.1)
    rows = encode_texts(prefixes, ["हिन्दी okula", "हिन्दी", "Ankara"])
    assert UNK in rows[0]
    for _ in range(3):
        optimizer.zero_grad()
        vectors = table.embed_rows(rows)
        (vectors[0] @ vectors[2] + vectors[1].sum()).backward()
        assert torch.isfinite(table.embedding.weight.grad).all()
        optimizer.step()
    one, other, nothing = TextEncoder(table, prefixes).embed(["Москва", "京都 okula", "हिन्दी"])
    assert not one.any()
    assert not nothing.any()
    assert np.linalg.norm(other) == pytest.approx(1)


def test_check_batches_names_the_nearest_batch_for_processes():
    params = encoder_params(batch_size=512)
    check_batches(params, RuntimeParams(**section_values("runtime", processes=2)))
    with pytest.raises(UserError, match=r"encoder.batch_size: 512: .* 3 processes; nearest: 510 or 513"):
        check_batches(params, RuntimeParams(**section_values("runtime", processes=3)))
