"""The agreement with lm-evaluation-harness: what both are given, and how their scores are compared."""

import json
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from benchmarks.harness_agreement import (
    build_choices,
    compare_scores,
    fits,
    read_harness,
    score_choices,
    score_pairs,
    write_harness_task,
    write_harness_tokenizer,
)
from pipeline.common.params import read_yaml
from pipeline.eval_sets.readers import Choice, Pair, read_choices
from pipeline.eval_sets.tasks import EvalTask
from pipeline.evaluation.bits_per_byte import split_windows
from pipeline.tokenizer.special import BOS


def by_length(sequences):
    """A bit for each token but the first."""
    return np.array([len(ids) - 1.0 for ids in sequences])


def test_score_pairs_has_the_whole_sentence_in_nats_and_no_identical_pair(tokenizer):
    scored = score_pairs([Pair("ab", "abcd", "t"), Pair("aa", "aa ", "t")], tokenizer, by_length)
    assert scored.choices == [Choice("", ("ab", "abcd"), 0)]
    assert scored.delimiter == ""
    assert np.concatenate(scored.nats) == pytest.approx(-np.log(2) * np.array([2, 4]))
    assert scored.accuracy == 1


def test_score_choices_has_the_option_with_its_space_and_not_the_prompt(tokenizer):
    scored = score_choices([Choice("Kim", ("o", "onlar"), 1)], tokenizer, by_length)
    assert scored.delimiter == " "
    assert np.concatenate(scored.nats) == pytest.approx(-np.log(2) * np.array([2, 6]))
    assert scored.accuracy == 0


def test_fits_takes_what_one_window_predicts(tokenizer, make_decoder):
    model = make_decoder(context=4)
    assert fits(["abcd", "a"], tokenizer, model)
    assert not fits(["abcde", "a"], tokenizer, model)
    windows = [split_windows(1 + len(tokenizer.encode(text)), model.context) for text in ("abcd", "abcde")]
    assert [len(own) for own in windows] == [1, 2]


def test_build_choices_takes_other_answers_of_the_paragraph_and_moves_the_right_one():
    rows = [{"context": "c", "question": f"S{i}? ", "answers": [answer]} for i, answer in enumerate("abcda")]
    few = [{"context": "d", "question": "S?", "answers": [answer]} for answer in "abc"]
    choices = build_choices([*rows, *few])
    assert [choice.prompt for choice in choices] == ["S0?", "S1?", "S2?", "S3?", "S4?"]
    assert [choice.answer for choice in choices] == [0, 1, 2, 3, 0]
    assert [choice.options[choice.answer] for choice in choices] == list("abcda")
    assert all(sorted(choice.options) == list("abcd") for choice in choices)


def test_write_harness_task_names_columns_of_rows_that_are_a_choice_task(tmp_path):
    choices = [Choice("", ("Geldim.", 'Geldin: "o".'), 0), Choice("Şu {{x}}", ("a", "b", "ç"), 2)]
    write_harness_task(tmp_path, "pairs_binding", choices, "")
    config = read_yaml(tmp_path / "pairs_binding.yaml")
    data = Path(config["dataset_kwargs"]["data_files"][config["test_split"]])
    rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    columns = [config[key] for key in ("doc_to_text", "doc_to_choice", "doc_to_target")]
    assert [[row[column] for column in columns] for row in rows] == [
        ["", ["Geldim.", 'Geldin: "o".'], 0],
        ["Şu {{x}}", ["a", "b", "ç"], 2],
    ]
    assert (config["task"], config["output_type"], config["target_delimiter"]) == (
        "pairs_binding",
        "multiple_choice",
        "",
    )
    assert config["num_fewshot"] == 0


def test_choices_are_read_back_as_they_were_written(tmp_path):
    choices = [Choice("Kaç dağ?", ("iki", "üç"), 1)]
    write_harness_task(tmp_path, "c", choices, " ")
    assert read_choices("c", EvalTask(kind="choice", path="c.jsonl"), tmp_path) == choices


def test_write_harness_tokenizer_reads_special_tokens_as_our_tokenizer_does(any_tokenizer, tmp_path):
    write_harness_tokenizer(tmp_path / "t", any_tokenizer.folder)
    text = "</s> ev <|end|>"
    theirs = AutoTokenizer.from_pretrained(tmp_path / "t")(text)["input_ids"]
    assert theirs == [BOS, *any_tokenizer.encode(text)]


def test_read_harness_orders_items_and_reads_numbers_written_as_text(tmp_path):
    samples = [
        {"doc_id": 1, "filtered_resps": [["-3.5", "False"], ["-4.0", "False"]], "acc": 1.0},
        {"doc_id": 0, "filtered_resps": [[-1.0, False], [-0.5, True]], "acc": 0.0},
    ]
    path = tmp_path / "model" / "samples_t_2026-11-29T00-00-00.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    nats, accuracy = read_harness(tmp_path, "t")
    assert [row.tolist() for row in nats] == [[-1.0, -0.5], [-3.5, -4.0]]
    assert accuracy == 0.5


def test_compare_scores_tells_other_choices_and_which_of_them_no_rounding_explains():
    ours = [np.array([-1.0, -2.0]), np.array([-5.0, -5.0004]), np.array([-9.0, -8.0, -7.0])]
    theirs = [np.array([-1.0, -2.0]), np.array([-5.0004, -5.0]), np.array([-9.0, -6.5, -7.0])]
    figures = compare_scores(ours, theirs)
    assert figures["items"] == 3
    assert figures["largest"] == pytest.approx(1.5)
    assert figures["mean"] == pytest.approx((0.0004 * 2 + 1.5) / 7)
    assert (figures["different_choices"], figures["beyond"]) == (2, 1)
