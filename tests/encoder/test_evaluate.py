import numpy as np
import pytest

from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.encoder import evaluate
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.pairs import HeldOut, sample_held_out
from pipeline.encoder.systems import system_metrics, system_scores
from tests.helpers.factories import encoder_params

SYSTEMS = {"words", "prefixes", "grams", "prefixes_grams", "dense", "hybrid", "random_idf"}


@pytest.fixture
def params():
    return encoder_params(pool_size=20)


@pytest.fixture(scope="module")
def documents(texts):
    return [f"{one}\n{other}" for one, other in zip(texts[:100], texts[100:200], strict=True)]


def test_build_pools_choose_and_report_on_different_documents(documents, params, capsys):
    pools = evaluate.build_pools(documents, params, 1, "val")
    sizes = [len(pool.queries) for pool in (*pools.choice, pools.sentences, pools.halves)]
    assert sizes == [20, 20, 20, 20]
    chosen = " ".join(pools.choice[1].passages)
    assert not any(passage in chosen for passage in pools.sentences.passages)
    assert capsys.readouterr().err == ""


def test_build_pools_warn_of_a_small_val_split(documents, params, capsys):
    pools = evaluate.build_pools(documents[:14], params, 1, "data/corpus/val")
    assert len(pools.sentences.queries) < 20
    assert capsys.readouterr().err.count("\n") == 1


def test_build_pools_refuse_a_pool_of_one(params):
    texts = ["Bir cümle var burada. Bir cümle daha var.", "İki cümle var burada. İki cümle daha var.", "kısa"]
    with pytest.raises(UserError, match=r"corpus/val: half of the documents .* raise corpus.val_fraction"):
        evaluate.build_pools(texts, params, 1, "data/corpus/val")


def test_measure_trained_has_all_systems_on_both_tasks(documents, encoder, params):
    pools = evaluate.build_pools(documents, params.model_copy(update={"widths": [8]}), 1, "val")
    metrics = evaluate.measure_trained(encoder, pools, params.model_copy(update={"widths": [8]}), 1)
    assert set(metrics) == {"sentences", "halves"}
    for task in metrics.values():
        assert set(task) == SYSTEMS | {"dense_8"}
        for name, values in task.items():
            assert values["low"] <= values["recall_at_1"] <= values["high"]
            assert ("margin" in values) == (name in ("dense", "dense_8", "random_idf"))


def test_hybrid_adds_the_weighted_cosine_to_the_best_word_search(encoder, documents):
    pool, _ = sample_held_out(documents, 10, 1)
    scores = system_scores(encoder, pool.queries, pool.passages, 1)
    expected = scores["prefixes_grams"] + encoder.hybrid_weight * scores["dense"]
    assert np.allclose(scores["hybrid"], expected, atol=1e-4)


class FixedVectors(TextEncoder):
    """An encoder with vectors given by hand."""

    def __init__(self, vectors):
        self.vectors, self.hybrid_weight = vectors, 0.0

    def embed(self, texts):
        return np.array([self.vectors[text] for text in texts], np.float32)


def test_choose_hybrid_weights_is_zero_where_vectors_add_nothing_and_more_where_they_help():
    queries = [f"soru {i}" for i in range(40)]
    passages = [f"yanıt {i % 2}" + " dolgu" * (i // 2) for i in range(40)]
    pool = HeldOut(queries, passages, list(range(40)))
    directions = np.eye(40, dtype=np.float32)
    helpful = {text: directions[i] for side in (queries, passages) for i, text in enumerate(side)}
    useless = dict.fromkeys(helpful, directions[0])
    assert evaluate.choose_hybrid_weights(FixedVectors(useless), [pool]) == (0, 0)
    assert min(evaluate.choose_hybrid_weights(FixedVectors(helpful), [pool])) > 0


def test_cut_metrics_at_full_and_smaller_widths(documents, table):
    pool, _ = sample_held_out(documents, 30, 1)
    cut = evaluate.cut_metrics(table, pool, [2, 48])
    whole = evaluate.dense_metrics(table, pool)
    assert {**cut["dense_48"], "margin": 0} == {**whole, "margin": 0}
    assert cut["dense_48"]["margin"] == pytest.approx(whole["margin"], abs=1e-6)
    assert cut["dense_2"]["recall_at_1"] < 1


def test_system_metrics_intervals_are_wider_by_document():
    scores = {"dense": np.eye(8) - np.diag([0, 0, 0, 0, 2, 2, 2, 2])}
    apart = system_metrics(scores, np.arange(8), np.arange(8))["dense"]
    together = system_metrics(scores, np.arange(8), np.array([0, 0, 0, 0, 1, 1, 1, 1]))["dense"]
    assert together["high"] - together["low"] > apart["high"] - apart["low"]


def test_missed_thresholds_name_metric_and_param(params):
    metrics = {"recall_at_1": 0.7, "recall_at_10": 1.0, "mrr": 0.9, "margin": -0.2}
    missed = evaluate.missed_thresholds(metrics, params)
    assert len(missed) == 2
    assert "recall_at_1 0.7000" in missed[0]
    assert "encoder.min_recall_at_1 0.7" in missed[0]
    assert "encoder.min_margin" in missed[1]
    assert evaluate.missed_thresholds(dict.fromkeys(metrics, 1.0), params) == []


def test_print_recalls_names_tasks_and_systems_in_the_language_of_the_terminal(capsys, monkeypatch):
    systems = ("words", "prefixes", "grams", "prefixes_grams", "dense", "hybrid", "random_idf", "dense_64")
    retrieval = {"halves": {name: {"recall_at_1": 0.25} for name in systems}}
    evaluate.print_recalls(retrieval)
    assert capsys.readouterr().out.startswith("recall at 1, halves: words 0.250, prefixes 0.250, ")
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    evaluate.print_recalls(retrieval)
    printed = capsys.readouterr().out
    assert printed.startswith("ilk sırada bulunan, yarılar: sözcükler 0,250, önekler 0,250, ")
    assert printed.endswith(", vektör 0,250, karma 0,250, rastgele 0,250, vektör_64 0,250\n")


def test_gate_raises_in_the_language_of_the_terminal(params, monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    missed = evaluate.missed_thresholds({"recall_at_1": 0.5, "mrr": 1.0, "margin": 1.0}, params)
    with pytest.raises(UserError) as error:
        evaluate.enforce_gate(missed, params.model_copy(update={"gate": "strict"}))
    assert translate(error.value.message).startswith("kodlayıcı: val üzerinde recall_at_1 0,5000, ")
