import re

from rich.console import Console

from pipeline.common.i18n import translate_table
from pipeline.evaluation.summary import summary_table

SCORES = {"recall_at_1": 0.5, "mrr": 0.6}
FAMILIES = {
    name: {"exact_match": share, "n": 7}
    for name, share in {"plate": 0.9, "sum": 0.25, "region": 0.8, "next_day": 0.5}.items()
}
PAIRS = {
    "mean": 0.61, "low": 0.58, "high": 0.64, "per_token": 0.6, "kneser_ney_5": 0.55,
    "word_frequency": 0.62, "shorter": 0.3,
}  # fmt: skip
READ = {"contaminated": 0.031, "contamination_n": 30}
SYSTEMS = ("dense", "hybrid", "words", "prefixes", "prefixes_grams")
TOLD = {"told": {"right": 0.333, "n": 200}, "false_refusals": 0.044, "best_sentence": 0.225}
METRICS = {
    "bits_per_byte": {
        "val": {
            "base": 1.25,
            "low": 1.2,
            "high": 1.3,
            "unigram": 3.0,
            "bigram": 2.0,
            "kneser_ney_5": 1.5,
            "mixture": 1.1,
        }
    },
    "minimal_pairs": {"turblimp": PAIRS | {"subsets": {"eleven": PAIRS | {"mean": 0.59}}}, "empty": {"n": 0}},
    "questions": {
        "miniworld": {"exact_match": 0.4, "n": 300, "families": FAMILIES},
        "readings": {"exact_match": 0.5, "n": 300, "families": {}, **TOLD},
    },
    "grounded": {
        "readings": {
            name: {"share": value, "low": value - 0.05, "high": value + 0.05}
            for name, value in {
                "right_quote": 0.251,
                "right_place": 0.912,
                "false_refusals": 0.122,
                "refused_without": 0.633,
                "words_in_common": 0.234,
            }.items()
        }
    },
    "first_words": {"opener": {"share": 0.9, "n": 40}},
    "retrieval": {"xquad": dict.fromkeys(SYSTEMS, SCORES) | {"documents": 240} | READ},
}
OF_FILES = {  # kinds that only files have
    "choice": {
        "xcopa_tr": {"accuracy": 0.52, "low": 0.48, "high": 0.56, "kneser_ney_5": 0.51, "chance": 0.5}
    },
    "second_halves": {"flores_tr": {"base": 91.23, "bigram": 130.0, "kneser_ney_5": 101.5}},
    "similarity": {"stsb_tr": {"encoder": 0.45, "common_words": 0.41, "n": 1379}},
}


def test_summary_table_names_each_measure_and_its_baseline():
    console = Console(width=200)
    with console.capture() as printed:
        console.print(summary_table(METRICS))
    least = "sum 0.250, next_day 0.500, region 0.800"
    for piece in (
        "1.250",
        "5-gram 1.500",
        "0.610",
        "n 300",
        "answers that the passage tells",
        "0.333",
        "best sentence holds it 0.225",
        "0.044",
        "most words in common 0.234",
        "0.201–0.301",
        "0.633",
        least,
        "0.900",
        "words 0.500, 5 letters 0.500, both with 4-grams 0.500, of 240, 0.031 in the training text",
        "0.580–0.640",
        "0.590",
        "word frequency 0.620",
    ):
        assert piece in printed.get()
    for piece in ("mixed with the 5-gram 1.100", "turblimp eleven"):
        assert piece in printed.get()


def test_summary_table_names_kinds_that_only_files_have():
    console = Console(width=200)
    with console.capture() as printed:
        console.print(summary_table(METRICS | OF_FILES))
    for piece in (
        "0.520",
        "at chance, 5-gram 0.510, chance 0.500",
        "91.2",
        "5-gram 101.5",
        "0.450",
        "common words 0.410, n 1379",
    ):
        assert piece in printed.get()


def test_summary_table_in_turkish_has_no_english_word(monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    measures, *_, intervals, baselines = (
        [*column.cells] for column in translate_table(summary_table(METRICS | OF_FILES)).columns
    )
    words = set(re.findall(r"[a-z]{3,}", " ".join([*measures, *baselines])))
    assert not words & {"words", "letters", "both", "with", "mixed", "shorter", "the", "frequency", "chance"}
    assert "sözcükler 0,500, 5 harf 0,500" in " ".join(baselines)
    assert "ilk iletiler, doğru cevap" in measures
    assert "0,580–0,640" in intervals
