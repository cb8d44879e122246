import numpy as np
import pytest

from pipeline.eval_sets.readers import Choice, Document
from pipeline.evaluation.bits_per_byte import sequence_bits
from pipeline.evaluation.continuations import measure_choices, measure_second_halves


def by_length(sequences):
    """A bit for each token but the first."""
    return np.array([len(ids) - 1.0 for ids in sequences])


def test_measure_second_halves_scores_the_tokens_after_the_first_half(tokenizer):
    documents = [Document("1", "s", "abcdef"), Document("2", "s", "abc")]
    figures, items = measure_second_halves(documents, tokenizer, {"base": by_length})
    assert (figures["base"], figures["n"]) == ((3 + 2) / 2, 2)
    assert items.scores["base"].tolist() == [3, 2]


def test_measure_second_halves_depends_on_the_first_half(make_decoder, tokenizer):
    def bits(text):
        document = Document("1", "s", text)
        scorers = {"base": lambda sequences: sequence_bits(model, sequences)}
        return measure_second_halves([document], tokenizer, scorers).figures["base"]

    model = make_decoder(context=16)
    assert bits("abcdxyzw") != pytest.approx(bits("efghxyzw"))
    assert bits("abcdxyzw") > 0


def test_measure_choices_counts_the_likeliest_option_and_ties_as_wrong(tokenizer):
    choices = [
        Choice("Kim", ("o", "onlar"), 0),  # the shorter one is likelier
        Choice("Ne", ("bu", "şunlar", "o"), 1),
        Choice("Kaç", ("a", "b"), 0),  # a tie
    ]
    scorers = {"base": by_length, "kneser_ney_5": lambda s: -by_length(s)}
    figures, items = measure_choices(choices, tokenizer, scorers)
    assert figures["accuracy"] == pytest.approx(1 / 3)
    assert figures["kneser_ney_5"] == pytest.approx(1 / 3)
    # The space before an option makes a short one dearer by the byte.
    assert figures["per_byte"] == pytest.approx(1 / 3)
    assert figures["chance"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 3)
    assert figures["low"] < figures["accuracy"] < figures["high"]
    assert figures["n"] == 3
    assert items.right["base"].tolist() == [True, False, False]
