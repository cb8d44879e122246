import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.fingerprint import Fingerprint
from pipeline.common.runtime import RuntimeParams
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialise
from pipeline.sft.answers import exact_match
from pipeline.sft.dataset import prepare
from pipeline.sft.pack import pack
from pipeline.sft.task import SftTask
from pipeline.tokenizer.chat_template import END, prompt_ids
from pipeline.training import distributed
from pipeline.training.loop import fit
from pipeline.training.loss import IGNORED


@pytest.fixture(scope="module")
def rows(tokenizer):
    """37 conversations of different lengths."""

    def qa(i):
        return [{"role": "user", "content": f"soru {i}"}, {"role": "assistant", "content": "a" * (i % 9 + 1)}]

    return [pack(tokenizer, qa(i), 64)[0] for i in range(37)]


@pytest.fixture
def model(tokenizer):
    """A decoder in fp64 with random weights in every matrix."""
    config = ModelParams(
        arch="llama", width=16, layers=1, heads=2, kv_heads=2, head_dim=8, ffn=24, context=64,
        rope_theta=10000.0, norm_eps=1e-6, tie_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    return Decoder(config, tokenizer.vocab_size).double()


def key(ids):
    """A row's ids without its padding."""
    return tuple(i for i in ids.tolist() if i != 3)


def read(task, step):
    return [key(ids) for batch in task.micro_batches(step) for ids in batch.ids_BxT]


@settings(max_examples=40)
@given(st.integers(1, 18), st.integers(0, 9), st.integers(0, 5))
def test_every_epoch_reads_every_conversation_once(rows, sft, per_step, seed, epoch):
    task = SftTask(rows, rows[:2], sft(conversations_per_step=per_step, batch_size=1), seed)
    first, last = epoch * len(rows), (epoch + 1) * len(rows)
    assert sorted(tuple(task.row(place).ids) for place in range(first, last)) == sorted(
        tuple(r.ids) for r in rows
    )
    step = first // per_step
    expected = [tuple(task.row(place).ids[:-1]) for place in range(step * per_step, (step + 1) * per_step)]
    assert sorted(read(task, step)) == sorted(expected)


def test_processes_share_every_conversation_of_a_step(rows, sft, monkeypatch):
    task = SftTask(rows, rows[:2], sft(conversations_per_step=12, batch_size=3), 1)
    alone = sorted(read(task, 2))
    monkeypatch.setattr(distributed, "size", lambda: 2)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        shares.append(read(task, 2))
    assert [len(share) for share in shares] == [6, 6]
    assert sorted(shares[0] + shares[1]) == alone


def test_a_step_depends_on_seed_and_step_alone(rows, sft):
    one, other = (SftTask(rows, rows[:2], sft(), 1) for _ in range(2))
    ahead = read(one, 11)
    for step in range(11):
        read(other, step)
    assert read(other, 11) == ahead
    assert read(SftTask(rows, rows[:2], sft(), 2), 11) != ahead
    assert read(one, 0) != read(one, 5)


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_batch_size_changes_neither_loss_nor_gradient(rows, sft, model, batch_size):
    def loss_and_gradient(size):
        model.zero_grad()
        task = SftTask(rows, rows[:5], sft(batch_size=size), 0)
        shares = [task.loss(model, batch) for batch in task.micro_batches(3)]
        total = torch.stack(shares).sum()
        total.backward()
        return total, model.lm_head.weight.grad.clone(), task.validate(model)["val_loss"]

    for ours, expected in zip(loss_and_gradient(batch_size), loss_and_gradient(8), strict=True):
        assert torch.allclose(torch.as_tensor(ours), torch.as_tensor(expected), atol=1e-6)


def test_the_loss_is_the_mean_over_trained_tokens(rows, sft, model):
    task = SftTask(rows, rows[:5], sft(), 0)
    batches = task.micro_batches(0)
    losses = []
    for batch in batches:
        logits = model(batch.ids_BxT).flatten(0, 1)
        targets = batch.targets_BxT.flatten()
        losses += torch.nn.functional.cross_entropy(logits, targets, reduction="none")[targets != IGNORED]
    share = sum(task.loss(model, batch) for batch in batches)
    assert share.item() == pytest.approx(torch.stack(losses).mean().item(), rel=1e-6)


def test_steps_follow_from_epochs(rows, sft):
    assert SftTask(rows, rows[:2], sft(epochs=2.0), 0).steps == round(2 * 37 / 8)
    assert SftTask(rows, rows[:2], sft(epochs=0.01), 0).steps == 1


def test_exact_match_compares_the_answer_to_the_last_question(tokenizer, rows, model, monkeypatch):
    asked = []

    def answers(model, prompts, *, max_new_tokens, stop_ids):
        asked.extend(prompts)
        assert END in stop_ids
        right = {
            tuple(prompt_ids(tokenizer, row.messages[:-1])): row.messages[-1]["content"] for row in rows[::2]
        }
        return [tokenizer.encode(right.get(tuple(prompt), "yanlış").upper() + ".") for prompt in prompts]

    monkeypatch.setattr("pipeline.sft.answers.generate", answers)
    result = exact_match(model, tokenizer, rows, max_new_tokens=8)
    assert result == {"exact_match": pytest.approx(19 / 37), "exact_match_n": 37}
    assert sorted(asked) == sorted(prompt_ids(tokenizer, row.messages[:-1]) for row in rows)


def test_the_loop_teaches_the_answers(tokenizer, sft, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # DVCLive would make a DVC project of the git checkout it stands in

    def qa(i):
        answer = "çift" if i % 2 == 0 else "tek"
        return [{"role": "user", "content": f"{i}"}, {"role": "assistant", "content": answer}]

    data = prepare([qa(i) for i in range(200)], tokenizer, sft())
    params = sft(epochs=3.0, learning_rate=0.02)
    config = ModelParams(
        arch="qwen3", width=16, layers=1, heads=2, kv_heads=2, head_dim=8, ffn=32, context=64,
        rope_theta=10000.0, norm_eps=1e-6, tie_embeddings=False,
    )  # fmt: skip
    model = Decoder(config, tokenizer.vocab_size)
    initialise(model, seed=0)
    task = SftTask(data.train, data.val, params, seed=0)
    before = task.validate(model)["val_loss"]
    runtime = RuntimeParams(
        device="cpu", processes=1, workers=1, log_every=50, save_every=50, prompts=[], prompt_tokens=1
    )
    mark = Fingerprint("train_sft", "shaping", "code", {})
    history = fit(model, task, params, steps=task.steps, runtime=runtime, mark=mark, reports=tmp_path)
    assert history.last["val_loss"] < 0.3 * before
    assert exact_match(model, tokenizer, data.val, 8)["exact_match"] > 0.3
