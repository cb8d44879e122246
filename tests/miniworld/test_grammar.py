import re
from collections import Counter

import pytest

from pipeline.miniworld.grammar import compose_minimal_pairs, segment_words
from pipeline.miniworld.texts import compose_documents
from pipeline.turkish.analyse import Analyser
from pipeline.turkish.inflect import name, noun


@pytest.fixture(scope="module")
def pairs() -> list[dict[str, str]]:
    return compose_minimal_pairs(seed=42, count_per_type=60)


@pytest.fixture(scope="module")
def cut() -> dict[str, str]:
    return dict(segment_words(seed=42))


def test_compose_minimal_pairs_differ_in_one_word_and_by_two_bytes_at_most(
    pairs: list[dict[str, str]],
) -> None:
    assert set(Counter(row["type"] for row in pairs).values()) == {60}
    for row in pairs:
        good, bad = row["good"], row["bad"]
        assert abs(len(good.encode()) - len(bad.encode())) <= 2
        words = list(zip(good.split(), bad.split(), strict=True))
        assert sum(a != b for a, b in words) == 1, row
    assert len({row["good"] for row in pairs}) == len(pairs)
    assert not {row["good"] for row in pairs} & {row["bad"] for row in pairs}
    assert pairs == compose_minimal_pairs(42, 60)


def test_compose_minimal_pairs_covers_form_and_grammar(pairs: list[dict[str, str]]) -> None:
    assert {row["type"] for row in pairs} == {
        "vowel_harmony", "consonant_assimilation", "consonant_softening", "buffer_letter", "pronominal_n",
        "case_government", "subject_verb_agreement", "possessive_agreement", "question_particle",
        "time_and_tense", "negative_polarity",
    }  # fmt: skip


def test_compose_minimal_pairs_good_sentences_are_in_no_document(pairs: list[dict[str, str]]) -> None:
    text = "\n".join(document.text for document in compose_documents(42, 3_000))
    assert sum(row["good"] in text for row in pairs) <= len(pairs) // 100


def test_compose_minimal_pairs_good_word_is_turkish_and_bad_one_is_not() -> None:
    rows = [
        row for row in compose_minimal_pairs(7, 40) if row["type"] in ("consonant_softening", "buffer_letter")
    ]
    analyser = Analyser([noun(word) for word in ("şapka", "atkı", "kutu", "çanta", "ayna", "radyo", "kitap")])
    checked = 0
    for row in rows:
        both = zip(row["good"].split(), row["bad"].split(), strict=True)
        good, bad = next((a, b) for a, b in both if a != b)
        if analyser.analyses(good):
            checked += 1
            assert not analyser.analyses(bad)
    assert checked > 10


@pytest.mark.parametrize(
    ("form", "segments"),
    [
        ("çantasını", "çanta|sı|nı"),
        ("dedesine", "dede|si|ne"),
        ("gözlüğü", "gözlüğ|ü"),
        ("şemsiyeyi", "şemsiye|yi"),
    ],
)
def test_segment_words_follows_the_convention(cut: dict[str, str], form: str, segments: str) -> None:
    assert cut[form] == segments


@pytest.mark.slow
def test_segment_words_takes_words_of_the_texts_with_one_segmentation(cut: dict[str, str]) -> None:
    text = "\n".join(document.text for document in compose_documents(42, 3_000))
    assert len(cut) > 1_000
    for form, segments in cut.items():
        assert segments.replace("|", "") == form
        assert all(segments.split("|"))
        assert re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text), form
    assert "evleri" not in cut  # of evler|i and ev|leri
    assert cut[name("Ankara").loc] == "Ankara|'da"
