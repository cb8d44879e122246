import numpy as np

from pipeline.overlap.decontaminate import EvalNgrams
from pipeline.overlap.minhash import folded_words
from pipeline.overlap.text_batch import TextBatch


def contaminated(eval_texts, texts):
    ngrams = EvalNgrams.from_texts(eval_texts)
    words = folded_words(TextBatch(texts))
    ngram, offsets = ngrams.match(words, np.ones(len(texts), bool))
    document = np.repeat(np.arange(len(texts)), np.diff(offsets))
    return ngrams.contaminated_documents(document, ngram, np.arange(len(texts))).tolist()


def test_contaminated_documents_contain_evaluation_texts():
    words = [f"sözcük{number}" for number in range(200)]
    eval_texts = [" ".join(words[:60]), " ".join(words[100:109]), "kısa bir soru"]
    texts = [
        "Önce. " + " ".join(words[:40]).upper() + " Sonra.",  # half of it, in capitals
        " ".join(words[:13]) + " ama başka",  # one run of 48: less than a tenth
        "Burada " + ", ".join(words[100:109]) + " yazıyor",  # a short one whole
        " ".join(words[100:107]),
        "kısa bir soru",  # too short to give anything away
        "",
    ]
    assert contaminated(eval_texts, texts) == [True, False, True, False, False, False]


def test_contaminated_documents_of_a_text_within_another():
    words = [f"sözcük{number}" for number in range(800)]
    question, book = " ".join(words[400:420]), " ".join(words)
    for eval_texts in ([question, book], [book, question], [book, book, question]):
        assert contaminated(eval_texts, [question, "başka"]) == [True, False]


def test_contaminated_documents_ignores_common_ngrams():
    phrase = " ".join(f"söz{number}" for number in range(20))
    assert contaminated([phrase], [phrase] * 10) == [True] * 10
    assert contaminated([phrase], [phrase] * 11) == [False] * 11
    assert contaminated([phrase], [phrase] * 12 + ["başka"] * 150_000) == [True] * 12 + [False] * 150_000
    long = " ".join(f"söz{number}" for number in range(60))
    assert contaminated([long], [long] * 11) == [True] * 11  # no phrase is so long
