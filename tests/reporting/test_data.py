"""What is read from a run's files."""

import pytest

from pipeline.reporting.data import (
    flatten,
    read_curve,
    read_pieces,
    read_removed,
    read_samples,
)


def test_run_has_what_its_files_hold(run):
    assert (
        run.value("evaluate", "bits_per_byte.val.base")
        == run.metrics["evaluate"]["bits_per_byte"]["val"]["base"]
    )
    assert run.value("evaluate", "bits_per_byte.val") is None
    assert run.value("evaluate", "bits_per_byte.val.base.more") is None
    assert run.branch("evaluate", "nothing.here") == {}
    assert "train_base/live/plots/metrics/train_loss.tsv" in run.curves
    assert run.params["train"]["steps"]
    assert "runtime" not in run.params
    assert run.tokens[0][1].strip().startswith("K")
    assert run.scores


def test_samples_are_split_into_prompt_text_and_verdict():
    markdown = (
        "# Samples\n\n## Step 300\n\n> **Van \\*Gölü**'nde \\<b\\>.\n>\n> İkinci.\n\n"
        "## `models/sft` answers (greedy)\n\n> **Kaç?**\n>\n> \\*üç\\*\n>\n> *expected: dört*\n\n"
        "> **Ne?**\n>\n> bir\n>\n> *right*\n\nnot quoted\n"
    )
    first, second, third = read_samples(markdown)
    assert first == ("Step 300", "Van *Gölü", "'nde <b>.\nİkinci.", "")
    assert second == ("`models/sft` answers (greedy)", "Kaç?", "*üç*", "expected: dört")
    assert third.verdict == "right"


def test_examples_of_removed_documents_are_found_by_rule():
    markdown = (
        "# What was removed\n\n## language: 2 documents, 30 bytes\n\n**a.txt:1**\n\n> one\n"
        "> ## two\n\n**b.txt:9**\n\n> three\n\n"
        "## Paragraphs that most documents had\n\n- 7 documents: menu\n"
    )
    assert read_removed(markdown) == {"language": [("a.txt:1", "one\n## two"), ("b.txt:9", "three")]}
    assert read_removed("# What was removed\n\nNo document.\n") == {}


def test_pieces_are_read_with_their_counts():
    assert read_pieces("## The longest pieces\n\n`▁a` 1,200, `,` 3\n\n## none\n\nnone\n") == [
        ("The longest pieces", [("▁a", 1200), (",", 3)]),
        ("none", []),
    ]


@pytest.mark.parametrize("content", ["", "step\tx\n", "step\tx\n1\ta\n", "a\tb\tc\n1\t2\t3\n"])
def test_curve_that_is_none_is_empty(content, tmp_path):
    (tmp_path / "x.tsv").write_text(content)
    assert read_curve(tmp_path / "x.tsv") == []


def test_params_are_flat():
    assert flatten({"a": {"b": 1, "c": {}}, "d": [1]}) == {"a.b": 1, "a.c": {}, "d": [1]}
