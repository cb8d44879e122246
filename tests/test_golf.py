"""The golf of small models: its entries are valid, and its verdict needs more than luck."""

import pytest

from benchmarks.golf import __main__ as golf
from benchmarks.pretrain_quality import recipe
from pipeline.common.errors import UserError


@pytest.mark.parametrize("name", golf.list_entries())
def test_entries_fit_the_rules(name, root):
    entry = golf.read_entry(name)
    params = recipe(entry["preset"], [f"{key}={value}" for key, value in entry["change"].items()])
    weights = params.model.count_weights(params.tokenizer.vocab_size)
    assert golf.BYTES_PER_WEIGHT * weights < golf.MAX_WEIGHT_BYTES
    assert entry["seconds"] in (24, 240)
    assert params.model.arch in ("qwen3", "llama")
    assert (
        params.train.tokens_per_step % (params.train.batch_size * params.model.context * entry["processes"])
        == 0
    )


def test_read_entry_names_the_known_ones():
    with pytest.raises(UserError, match=r"yok.yaml: no such entry; there are .*240s"):
        golf.read_entry("yok")


def test_describe_rank_needs_a_difference_that_is_no_luck():
    assert "p = 0.0" in (better := golf.describe_rank([1.20, 1.21, 1.20], [1.25, 1.26, 1.26]))
    assert better.endswith("takes its place")
    assert golf.describe_rank([1.20, 1.25, 1.22], [1.25, 1.23, 1.24]).endswith("does not take its place")
    assert golf.describe_rank([1.25, 1.26, 1.26], [1.20, 1.21, 1.20]).endswith("does not take its place")
