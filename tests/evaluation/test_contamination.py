import numpy as np

from pipeline.evaluation.contamination import decode_documents, measure_contamination
from pipeline.tokenizer.special import BOS, EOS

LONG = " ".join(f"söz{i}" for i in range(20))
SHORT = "bu sekiz sözlük kısa bir cümle olarak durur"


def test_items_of_which_half_the_ngrams_were_read_count_as_contaminated():
    half = " ".join(LONG.split()[:17])  # five of its eight n-grams
    little = " ".join(LONG.split()[:14])  # two of them
    tasks = {"a": [(LONG,), ("yok " * 15,)], "b": [("çok kısa",)], "c": [("çok kısa", SHORT)]}
    assert measure_contamination(tasks, ["boş", half]) == {
        "a": {"contaminated": 0.5, "contamination_n": 2},
        "c": {"contaminated": 0.0, "contamination_n": 1},
    }
    assert measure_contamination(tasks, [little])["a"]["contaminated"] == 0
    read = measure_contamination(tasks, [f"Önce {SHORT.upper()}! Sonra."])
    assert read["c"] == {"contaminated": 1.0, "contamination_n": 1}


def test_measure_contamination_reads_more_documents_than_a_batch(monkeypatch):
    monkeypatch.setattr("pipeline.evaluation.contamination.BATCH_DOCUMENTS", 2)
    documents = iter(["bir", "iki", "üç", "dört", LONG])
    assert measure_contamination({"a": [(LONG,)]}, documents)["a"]["contaminated"] == 1


def test_decode_documents_of_a_stream(tokenizer):
    stream = np.array([i for text in ("Bir", "", "iki üç") for i in (BOS, *tokenizer.encode(text), EOS)])
    assert list(decode_documents(stream, tokenizer)) == ["Bir", "", "iki üç"]
