"""The golf of small models: its entries are valid, and its verdict needs more than luck."""

import pytest

from benchmarks.golf import __main__ as golf
from pipeline.common.errors import UserError


@pytest.mark.parametrize("name", golf.list_entries())
def test_entries_keep_the_rules_and_fill_a_step_of_all_processes(name, root):
    entry = golf.read_entry(name)
    params = golf.entry_params(entry)
    pass_tokens = params.train.batch_size * params.model.context * entry["processes"]
    assert params.train.tokens_per_step % pass_tokens == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seconds: 480", r"seconds: 480: not a class of \(24, 240\)"),
        ("  model.arch: tanai", r"model.arch: tanai: must be one of"),
        ("  model.width: 1024", r"bytes of weights, more than 16,000,000"),
    ],
)
def test_read_entry_refuses_what_breaks_the_rules(root, tmp_path, monkeypatch, change, message):
    lines = (golf.ENTRIES / "240s.yaml").read_text().splitlines()
    key = change.split(":")[0]
    kept = [line for line in lines if not line.startswith(key + ":")]
    place = len(kept) if change.startswith(" ") else 0
    (tmp_path / "mine.yaml").write_text("\n".join([*kept[:place], change, *kept[place:]]))
    monkeypatch.setattr(golf, "ENTRIES", tmp_path)
    with pytest.raises(UserError, match=message):
        golf.read_entry("mine")


def test_read_entry_names_the_known_ones():
    with pytest.raises(UserError, match=r"yok.yaml: no such entry; there are .*240s"):
        golf.read_entry("yok")


def test_describe_rank_needs_a_difference_that_is_no_luck():
    assert "p = 0.0" in (better := golf.describe_rank([1.20, 1.21, 1.20], [1.25, 1.26, 1.26]))
    assert better.endswith("takes its place")
    assert golf.describe_rank([1.20, 1.25, 1.22], [1.25, 1.23, 1.24]).endswith("does not take its place")
    assert golf.describe_rank([1.25, 1.26, 1.26], [1.20, 1.21, 1.20]).endswith("does not take its place")
