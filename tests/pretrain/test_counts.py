from itertools import pairwise

import numpy as np
import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.evaluation.bits_per_byte import token_bits
from pipeline.model.decoder import Decoder, initialize
from pipeline.model.hf_io import save_decoder
from pipeline.ngrams.counting import train_ngram_model
from pipeline.ngrams.mixture import find_mixture
from pipeline.pretrain import counts as pretrain_counts
from pipeline.pretrain.counts import open_sampler, read_fit_data, save_counts, select_documents
from pipeline.pretrain.task import Pretraining
from pipeline.shards.sampler import WindowSampler
from tests.helpers.factories import tiny_model_params, train_params

CONTEXT, VOCAB = 16, 64


class Documents:
    """Shards of documents whose tokens follow one another by rule, with some noise."""

    vocab_size = VOCAB
    folder = "data/shards/train"

    def __init__(self, count, seed):
        rng = np.random.default_rng(seed)
        texts = [np.cumsum(rng.integers(1, 3, rng.integers(5, 60))) % 50 + 8 for _ in range(count)]
        self.ids = np.concatenate([[1, *text, 2] for text in texts]).astype(np.uint16)
        self.tokens = len(self.ids)

    def read(self, start, stop):
        return self.ids[start:stop]

    def document_starts(self):
        return np.flatnonzero(self.ids == 1)


@pytest.fixture
def train():
    return Documents(200, 0)


@pytest.fixture
def tokenizer_folder(tmp_path):
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    for name in ("tokenizer.model", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture
def model():
    model = Decoder(tiny_model_params(context=CONTEXT), VOCAB)
    initialize(model, 0)
    return model.eval()


def make_task(train, sampler, **changes):
    default = {"batch_size": 4, "tokens_per_step": 8 * CONTEXT, "eval_tokens": 20 * CONTEXT}
    params = train_params(**default | changes)
    windows, val = WindowSampler(train, CONTEXT, 0), WindowSampler(Documents(20, 1), CONTEXT, 0)
    return Pretraining(windows, val, params, torch.device("cpu"), sampler)


def learn_a_little(model, train):
    task, optimizer = make_task(train, None), torch.optim.AdamW(model.parameters(), 0.01)
    for step in range(60):
        optimizer.zero_grad()
        sum(task.loss(model, batch) for batch in task.micro_batches(step)).backward()
        optimizer.step()


def test_nothing_is_counted_where_no_param_asks_for_it(train, tmp_path):
    with open_sampler(train, 0, tmp_path) as sampler:
        assert sampler is None
    save_counts(tmp_path, train, train, 0, tmp_path)
    assert not list(tmp_path.iterdir())


def test_drawn_targets_change_the_loss_and_not_the_rows(train, model, tmp_path):
    with open_sampler(train, 3, tmp_path) as sampler:
        drawn, plain = make_task(train, sampler, ngram_draws=3), make_task(train, None)
        batches, rows = drawn.micro_batches(5), plain.micro_batches(5)
        assert [batch.shape for batch in batches] == [(4, CONTEXT + 1, 4)] * 2
        assert all(torch.equal(batch[..., 0], row) for batch, row in zip(batches, rows, strict=True))
        assert not torch.equal(batches[0][..., 1], batches[0][..., 0])
        again = drawn.micro_batches(5)  # what a step reads is a function of the step alone
        assert all(torch.equal(batch, other) for batch, other in zip(batches, again, strict=True))
        larger = make_task(train, sampler, ngram_draws=3, batch_size=8).micro_batches(5)
        assert torch.equal(torch.cat(larger), torch.cat(batches))  # whatever the micro-batch
        losses = [task.loss(model, task.micro_batches(5)[0]).item() for task in (drawn, plain)]
        assert losses[0] != losses[1]
        nearly_none = make_task(train, sampler, ngram_draws=3, ngram_share=1e-9)
        assert nearly_none.loss(model, batches[0]).item() == pytest.approx(losses[1], rel=1e-6)
    assert not list(tmp_path.iterdir())


def test_save_writes_counts_and_a_gate_that_does_no_harm_on_other_text(
    train, model, tokenizer_folder, tmp_path, capsys
):
    folder = tmp_path / "base"
    learn_a_little(model, train)
    save_decoder(folder, model, tokenizer_folder)
    save_counts(folder, train, Documents(150, 1), 3, tmp_path / "scratch" / "run")
    network, alone, both = map(
        float, capsys.readouterr().out.split("network ")[1].replace(",", "").split()[::2]
    )
    assert both < min(alone, network)
    mixture = find_mixture(folder, model.params.width)
    test = Documents(40, 2)
    sequences = [test.read(*span).tolist() for span in pairwise(test.document_starts())]
    scored = {
        "network": token_bits(model, sequences),
        "counts": mixture.counts.token_bits(sequences),
        "both": token_bits(model, sequences, mixture=mixture),
    }
    bits = {name: np.concatenate(values).mean() for name, values in scored.items()}
    assert bits["both"] < 1.005 * bits["counts"] < bits["network"]


def test_select_documents_takes_a_share_of_every_document():
    shards = Documents(100, 0)
    chosen = select_documents(shards, shards.tokens // 4)
    assert chosen[0] == 1
    assert shards.tokens / 10 < len(chosen) < shards.tokens / 3
    assert np.flatnonzero(chosen == 1).size == 20  # every fifth: a fourth of the tokens is not reached
    assert len(select_documents(shards, 10**9)) == shards.tokens
    long = Documents(3, 0)
    assert len(select_documents(long, 9)) <= 9  # one document, cut


def test_the_gate_is_fitted_on_what_the_evaluation_scores(train, model):
    ngram_model = train_ngram_model(train.ids, VOCAB, 3)
    texts = [train.read(*span).tolist() for span in pairwise(train.document_starts()[:9])]
    network, counts, _ = read_fit_data(model, ngram_model, np.concatenate(texts))
    for logs, bits in ((network, token_bits(model, texts)), (counts, ngram_model.token_bits(texts))):
        np.testing.assert_allclose(-logs.numpy() / np.log(2), np.concatenate(bits), rtol=1e-4)


def test_a_full_disk_is_told_before_anything_is_counted(train, tmp_path, monkeypatch):
    disk = type("", (), {"free": 1000})
    monkeypatch.setattr(pretrain_counts.shutil, "disk_usage", lambda folder: disk)
    with (
        pytest.raises(
            UserError, match=r"^params.yaml: train.ngram_draws: counting .* make room, or lower it$"
        ),
        open_sampler(train, 2, tmp_path / "run"),
    ):
        pass
    with pytest.raises(UserError, match=r"^params.yaml: model.ngram.order: "):
        save_counts(tmp_path, train, train, 5, tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def test_counts_that_a_killed_run_has_left_are_removed(train, tmp_path):
    left = [tmp_path / run / "ngrams-0" for run in ("this", "other")]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "tokens.2").write_bytes(b"half")
    with open_sampler(train, 2, tmp_path / "this") as sampler:
        assert sampler is not None
        assert not left[1].exists()
    assert not left[0].exists()
