"""Windows of the token stream: each once an epoch, in an order that follows from seed and epoch alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.shards.sampler import WindowSampler


class Stream:
    """An open split whose token at position i is i."""

    folder = "data/shards/train"

    def __init__(self, tokens):
        self.tokens = tokens

    def read(self, start, stop):
        assert 0 <= start <= stop <= self.tokens
        return np.arange(start, stop)


sizes = st.tuples(st.integers(1, 9), st.integers(2, 300)).filter(lambda s: s[1] >= 2 * s[0])


@given(sizes, st.integers(0, 5), st.integers(0, 3))
def test_window_sampler_reads_every_window_once_an_epoch_and_nearly_every_target(size, seed, epoch):
    context, tokens = size
    windows = WindowSampler(Stream(tokens), context, seed)
    read = windows.read(epoch * windows.rows_per_epoch, windows.rows_per_epoch)
    targets = read[:, 1:].ravel().tolist()
    assert len(set(targets)) == len(targets)
    assert (tokens - 1) - len(targets) < 2 * context
    assert (np.diff(read, axis=1) == 1).all()  # consecutive tokens


@given(sizes, st.integers(0, 5), st.integers(0, 500), st.integers(1, 12), st.data())
def test_window_sampler_read_depends_on_window_numbers_alone(size, seed, first, count, data):
    context, tokens = size
    whole = WindowSampler(Stream(tokens), context, seed).read(first, count)
    again = WindowSampler(Stream(tokens), context, seed)
    split = data.draw(st.integers(0, count))
    end, beginning = again.read(first + split, count - split), again.read(first, split)
    assert np.array_equal(np.concatenate([beginning, end]), whole)


def test_window_sampler_epochs_differ_in_order_and_offset():
    windows = WindowSampler(Stream(10_000), 16, seed=3)
    epochs = [windows.read(e * windows.rows_per_epoch, windows.rows_per_epoch)[:, 0] for e in range(4)]
    assert len({int(e.min()) % 16 for e in epochs}) > 1
    assert not np.array_equal(epochs[0], epochs[1])
    other = WindowSampler(Stream(10_000), 16, seed=4).read(0, windows.rows_per_epoch)[:, 0]
    assert not np.array_equal(epochs[0], other)


def test_require_rows_names_too_few_tokens():
    with pytest.raises(
        UserError,
        match=r"^data/shards/train: 100 tokens make 5 windows of 16, but 8 are needed; add text, or lower ",
    ):
        WindowSampler(Stream(100), 16, seed=0).require_rows(8, "add text, or lower train.tokens_per_step")
