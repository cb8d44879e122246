from rich.console import Console

from pipeline.evaluation.summary import summary_table


def test_summary_table_names_each_measure_and_its_baseline():
    scores = {"recall_at_1": 0.5, "mrr": 0.6}
    families = {
        name: {"exact_match": share, "n": 7}
        for name, share in {"plate": 0.9, "sum": 0.25, "region": 0.8, "next_day": 0.5}.items()
    }
    metrics = {
        "bits_per_byte": {"val": {"base": 1.25, "unigram": 3.0, "bigram": 2.0, "kneser_ney_5": 1.5}},
        "minimal_pairs": {"turblimp": {"mean": 0.61, "kneser_ney_5": 0.55}, "empty": {"n": 0}},
        "questions": {"miniworld": {"exact_match": 0.4, "n": 300, "families": families}},
        "first_words": {"opener": {"share": 0.9, "n": 40}},
        "retrieval": {"xquad": {"encoder": scores, "bm25": scores, "documents": 240}},
    }
    console = Console(width=120)
    with console.capture() as printed:
        console.print(summary_table(metrics))
    for piece in (
        "1.250",
        "5-gram 1.500",
        "0.610",
        "n 300",
        "sum 0.25, next_day 0.50, region 0.80",
        "0.900",
        "BM25 0.500, of 240",
    ):
        assert piece in printed.get()
