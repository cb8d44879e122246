import pytest

from pipeline.inference.first_words import (
    FirstWords,
    is_accepted,
    measure_first_words,
    read_first_words,
)


@pytest.mark.parametrize(
    ("answer", "accepted", "expected"),
    [
        ("Merhaba! Sana nasıl yardım edebilirim?", ["merhaba sana nasıl yardım edebilirim"], True),
        ("Adın Deniz.", ["…Deniz…"], True),
        ("Merhaba Hakan, memnun oldum.", ["…Deniz…"], False),
        ("Hayır, yok.", ["hayır…"], True),
        ("Hayırlı olsun", ["hayır"], False),
        ("Van'da", ["Van"], True),
        ("65", ["altmış beş", "65"], True),
        ("", ["…Deniz…"], False),
        ("ab", ["ab…ab"], False),
        ("ab x ab", ["ab…ab"], True),
    ],
)
def test_is_accepted_compares_keys_and_lets_an_ellipsis_stand_for_any_words(answer, accepted, expected):
    assert is_accepted(answer, accepted) is expected


def test_measure_first_words_counts_by_kind_and_false_refusals(monkeypatch):
    answers = ["Merhaba!", "Bunu bilmiyorum.", "Bunu bilmiyorum."]
    monkeypatch.setattr(
        "pipeline.inference.first_words.answer_greedily", lambda model, tokenizer, rows, limit: answers
    )
    message = [{"role": "user", "content": "x"}]
    rows = [
        FirstWords("opener", message, ["Merhaba…"]),
        FirstWords("opener", message, ["Merhaba…"]),
        FirstWords("outside", message, ["…bilmiyorum…"]),
    ]
    assert measure_first_words(None, None, rows, 8) == {
        "false_refusals": {"share": 0.5, "n": 2},
        "opener": {"share": 0.5, "n": 2},
        "outside": {"share": 1.0, "n": 1},
    }


def test_read_first_words_reads_what_the_corpus_wrote(tmp_path):
    path = tmp_path / "first_words_dev.jsonl"
    path.write_text(
        '{"kind": "name", "messages": [{"role": "user", "content": "ben Umut"}], "answers": ["…Umut…"]}\n'
    )
    assert read_first_words(path) == [
        FirstWords("name", [{"role": "user", "content": "ben Umut"}], ["…Umut…"])
    ]
    path.write_text("")
    assert read_first_words(path) == []
