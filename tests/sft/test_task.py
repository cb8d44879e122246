import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.common.fingerprint import Fingerprint
from pipeline.model.decoder import Decoder, initialize
from pipeline.sft import task as task_module
from pipeline.sft.answers import exact_match
from pipeline.sft.dataset import Dataset, build_dataset
from pipeline.sft.loss_mask import make_row
from pipeline.sft.task import SftTask, answer_loss, make_batches
from pipeline.tokenizer.special import END_OF_TURN, IGNORE_INDEX, PAD
from pipeline.training import distributed
from pipeline.training.run import train_model
from tests.helpers.factories import runtime_params, tiny_model_params


@pytest.fixture(scope="module")
def rows(tokenizer):
    """37 conversations of different lengths."""

    def qa(i):
        return [{"role": "user", "content": f"soru {i}"}, {"role": "assistant", "content": "a" * (i % 9 + 1)}]

    return [make_row(tokenizer, qa(i), 64)[0] for i in range(37)]


@pytest.fixture
def model(tokenizer):
    """A decoder in fp64 with random weights in every matrix."""
    model_params = tiny_model_params(arch="llama", width=16, layers=1, head_dim=8, ffn=24, context=64)
    torch.manual_seed(0)
    return Decoder(model_params, tokenizer.vocab_size).double()


def strip_padding(ids):
    """A row's ids without its padding."""
    return tuple(i for i in ids.tolist() if i != 3)


def read_ids(task, step):
    return [strip_padding(ids) for batch in task.micro_batches(step) for ids in batch.ids_BxT]


@settings(max_examples=40)
@given(st.integers(1, 18), st.integers(0, 9), st.integers(0, 5))
def test_sft_task_reads_every_conversation_once_an_epoch(rows, make_sft_params, per_step, seed, epoch):
    task = SftTask(
        Dataset(rows, rows[:2], {}), make_sft_params(conversations_per_step=per_step, batch_size=1), seed
    )
    first, last = epoch * len(rows), (epoch + 1) * len(rows)
    assert sorted(tuple(task.row(i).ids) for i in range(first, last)) == sorted(tuple(r.ids) for r in rows)
    step = first // per_step
    expected = [tuple(task.row(i).ids[:-1]) for i in range(step * per_step, (step + 1) * per_step)]
    assert sorted(read_ids(task, step)) == sorted(expected)


def test_sft_task_processes_share_the_conversations_of_a_step(rows, make_sft_params, monkeypatch):
    task = SftTask(Dataset(rows, rows[:2], {}), make_sft_params(conversations_per_step=12, batch_size=3), 1)
    alone = sorted(read_ids(task, 2))
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        shares.append(read_ids(task, 2))
    assert [len(share) for share in shares] == [6, 6]
    assert sorted(shares[0] + shares[1]) == alone


def test_sft_task_micro_batches_depend_on_seed_and_step_alone(rows, make_sft_params):
    one, other = (SftTask(Dataset(rows, rows[:2], {}), make_sft_params(), 1) for _ in range(2))
    ahead = read_ids(one, 11)
    for step in range(11):
        read_ids(other, step)
    assert read_ids(other, 11) == ahead
    assert read_ids(SftTask(Dataset(rows, rows[:2], {}), make_sft_params(), 2), 11) != ahead
    assert read_ids(one, 0) != read_ids(one, 5)


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_sft_task_batch_size_changes_neither_loss_nor_gradient(rows, make_sft_params, model, batch_size):
    def loss_and_gradient(size):
        model.zero_grad()
        task = SftTask(Dataset(rows, rows[:5], {}), make_sft_params(batch_size=size), 0)
        shares = [task.loss(model, batch) for batch in task.micro_batches(3)]
        total = torch.stack(shares).sum()
        total.backward()
        return total, model.lm_head.weight.grad.clone(), task.validate(model)["val_loss"]

    for ours, expected in zip(loss_and_gradient(batch_size), loss_and_gradient(8), strict=True):
        assert torch.allclose(torch.as_tensor(ours), torch.as_tensor(expected), atol=1e-6)


def test_sft_task_loss_is_the_mean_over_trained_tokens(rows, make_sft_params, model):
    task = SftTask(Dataset(rows, rows[:5], {}), make_sft_params(), 0)
    batches = task.micro_batches(0)
    losses = []
    for batch in batches:
        logits = model(batch.ids_BxT).flatten(0, 1)
        targets = batch.targets_BxT.flatten()
        losses += torch.nn.functional.cross_entropy(logits, targets, reduction="none")[
            targets != IGNORE_INDEX
        ]
    share = sum(task.loss(model, batch) for batch in batches)
    assert share.item() == pytest.approx(torch.stack(losses).mean().item(), rel=1e-6)


def test_answer_loss_in_chunks_is_that_of_all_tokens_at_once(rows, model, monkeypatch):
    (batch,) = make_batches(rows, 64)
    gradients = []
    for chunk_bytes in (1 << 28, 4 * model.vocab_size * 10):  # 10 tokens
        monkeypatch.setattr(task_module, "CHUNK_BYTES", chunk_bytes)
        model.zero_grad()
        loss = answer_loss(model, batch)
        loss.backward()
        gradients.append([loss.detach(), *(weight.grad.clone() for weight in model.parameters())])
    for whole, chunked in zip(*gradients, strict=True):
        assert (whole - chunked).abs().max() < 1e-9


@pytest.mark.parametrize(
    "shape", [{"arch": "llama", "kv_heads": 1}, {"arch": "qwen3"}, {"arch": "tanai", "rope_theta": 1.0}]
)
def test_answer_loss_without_padding_is_that_of_padded_rows(tokenizer, rows, monkeypatch, shape):
    torch.manual_seed(0)
    model = Decoder(tiny_model_params(context=64, **shape), tokenizer.vocab_size).double()
    (batch,) = make_batches(rows[::5], 64)
    padding = (batch.ids_BxT == PAD).double().mean()
    read = []
    model.model.layers[0].register_forward_hook(lambda _, given, __: read.append(given[0].shape[:2]))
    results = []
    for below in (0.0, 1.1):
        monkeypatch.setattr(task_module, "PACKED_BELOW", below)
        model.zero_grad()
        loss = answer_loss(model, batch)
        loss.backward()
        results.append([loss.detach(), *(weight.grad.clone() for weight in model.parameters())])
    padded, packed = read
    assert packed == (1, round(padded.numel() * (1 - padding.item())))
    assert padding > 0.05
    for with_padding, without in zip(*results, strict=True):
        assert (with_padding - without).abs().max() < 1e-9


def test_sft_task_steps_follow_from_epochs(rows, make_sft_params):
    assert SftTask(Dataset(rows, rows[:2], {}), make_sft_params(epochs=2.0), 0).steps == round(2 * 37 / 8)
    assert SftTask(Dataset(rows, rows[:2], {}), make_sft_params(epochs=0.01), 0).steps == 1


def test_exact_match_compares_the_answer_to_the_last_question(tokenizer, rows, model, monkeypatch):
    prompted = []

    def answer(model, prompts, *, max_new_tokens, stop_ids, forbidden_ids):
        prompted.extend(prompts)
        assert END_OF_TURN in stop_ids
        correct = {
            tuple(tokenizer.encode_prompt(row.messages[:-1])): row.messages[-1]["content"]
            for row in rows[::2]
        }
        return [tokenizer.encode(correct.get(tuple(prompt), "yanlış").upper() + ".") for prompt in prompts]

    monkeypatch.setattr("pipeline.inference.answers.generate", answer)
    result = exact_match(model, tokenizer, rows, max_new_tokens=8)
    assert result == {"exact_match": pytest.approx(19 / 37), "exact_match_n": 37}
    assert sorted(prompted) == sorted(tokenizer.encode_prompt(row.messages[:-1]) for row in rows)


def test_sft_task_loop_learns_the_answers(tokenizer, make_sft_params, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # DVCLive would make a DVC project of the git checkout it stands in

    def qa(i):
        answer = "çift" if i % 2 == 0 else "tek"
        return [{"role": "user", "content": f"{i}"}, {"role": "assistant", "content": answer}]

    data = build_dataset({"mine": [qa(i) for i in range(200)]}, tokenizer, make_sft_params(), 42)
    params = make_sft_params(epochs=3.0, learning_rate=0.02)
    model_params = tiny_model_params(width=16, layers=1, head_dim=8, ffn=32, context=64, tie_embeddings=False)
    model = Decoder(model_params, tokenizer.vocab_size)
    initialize(model, seed=0)
    task = SftTask(data, params, seed=0)
    before = task.validate(model)["val_loss"]
    runtime = runtime_params(log_every=50, save_every=50)
    fingerprint = Fingerprint("train_sft", "shaping", "code", {})
    history = train_model(model, task, params, task.steps, runtime, fingerprint, reports=tmp_path)
    assert history.last_validation["val_loss"] < 0.3 * before
    assert exact_match(model, tokenizer, data.val, 8)["exact_match"] > 0.3


def test_sft_task_mixes_sources_by_their_weights(tokenizer, make_sft_params):
    def answers(letter, count, length):
        return [
            [{"role": "user", "content": f"{letter}{i}"}, {"role": "assistant", "content": letter * length}]
            for i in range(count)
        ]

    def first_letter(row):
        return row.messages[0]["content"][0]

    local = {"kind": "local", "path": "data/raw/sft/a.jsonl"}
    for on_source_end, epochs in (("stop", 1.0), ("repeat", 1.0), ("stop", 2.5)):
        params = make_sft_params(
            sources={"few": local | {"weight": 3.0}, "many": local},
            on_source_end=on_source_end,
            epochs=epochs,
            careless_fraction=0.0,
        )
        sources = {"few": answers("a", 150, 20), "many": answers("b", 400, 7)}
        data = build_dataset(sources, tokenizer, params, 42)
        task = SftTask(data, params, 0)
        read = [task.row(i) for i in range(task.steps * params.conversations_per_step)]
        tokens = dict.fromkeys("ab", 0)
        for at, row in enumerate(read, start=1):
            tokens[first_letter(row)] += row.target_count
            if at > 100:  # in every stretch, not only at the end
                assert tokens["a"] / sum(tokens.values()) == pytest.approx(0.75, abs=0.02)
        seen = {
            letter: len({id(row) for row in read if row.messages[0]["content"][0] == letter})
            for letter in "ab"
        }
        sizes = {name: len(rows) for name, rows in data.sources.items()}
        whole = "few" if on_source_end == "stop" else "many"
        assert seen["a" if whole == "few" else "b"] >= 0.95 * sizes[whole]  # it is read to its end
        repeated = len([row for row in read if first_letter(row) == "a"]) / sizes["few"]
        assert repeated == pytest.approx(epochs if on_source_end == "stop" else 2.6, rel=0.3)


def test_sft_task_refuses_a_weight_of_nothing(tokenizer, make_sft_params):
    local = {"kind": "local", "path": "data/raw/sft/a.jsonl", "weight": 1.0}
    params = make_sft_params(sources={"mine": local, "empty": local})
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    conversations = [[turns[0] | {"content": f"soru {i}"}, turns[1]] for i in range(100)]
    data = build_dataset({"mine": conversations, "empty": []}, tokenizer, params, 42)
    with pytest.raises(UserError, match=r"sft\.sources\.empty\.weight: it has no conversation"):
        SftTask(data, params, 0)


@pytest.mark.parametrize(
    ("on_source_end", "weights", "message"),
    [
        (
            "stop",
            (9.0, 1.0),
            r"sft\.on_source_end: stop: few ends the run after \d conversations, fewer than",
        ),
        (
            "repeat",
            (1.0, 0.001),
            r"sft\.sources\.few\.weight: 1.0: its conversations would be read \d+ times",
        ),
    ],
)
def test_sft_task_refuses_weights_that_nobody_means(
    tokenizer, make_sft_params, on_source_end, weights, message
):
    local = {"kind": "local", "path": "data/raw/sft/a.jsonl"}
    sources = {"few": local | {"weight": weights[0]}, "many": local | {"weight": weights[1]}}
    params = make_sft_params(sources=sources, on_source_end=on_source_end, epochs=1.0, val_fraction=1e-9)
    answer = {"role": "assistant", "content": "b"}
    few = [[{"role": "user", "content": f"x {i}"}, answer] for i in range(3)]
    many = [[{"role": "user", "content": f"y {i}"}, answer] for i in range(300)]
    data = build_dataset({"few": few, "many": many}, tokenizer, params, 42)
    with pytest.raises(UserError, match=message):
        SftTask(data, params, 0)
