from types import SimpleNamespace

import pytest

from pipeline.eval_sets.readers import Question
from pipeline.evaluation import questions
from pipeline.evaluation.questions import (
    answer_questions,
    holds_answer,
    is_correct,
    measure_questions,
    select_questions,
)
from pipeline.text.grounded import NOT_IN_PASSAGE

PLATE = Question("İzmir'in plakası kaç?", ("35", "otuz beş"), "plate", "seen")
CITY = Question("Başkent neresi?", ("Ankara",), "city", "seen")
LAKE = Question("Van Gölü nerede?", ("Van'da",), "city", "new")


def test_is_correct_accepts_any_answer_and_turkish_case():
    assert is_correct("Otuz beş.", PLATE)
    assert is_correct("ANKARA", CITY)
    assert not is_correct("Izmır", Question("?", ("İzmir",), "all", "all"))


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("Van Gölü'nde yüzdük.", "Van Gölü", True),
        ("Kitapları getirdi.", "kitap", True),
        ("Okitap diye bir yer.", "kitap", False),
        ("24 kişi geldi.", "2", False),
        ("2'si geldi.", "2", True),
        ("2000'lerde", "2000", True),
        ("(a+b) budur", "(A+B)", True),
    ],
)
def test_holds_answer_from_the_beginning_of_a_word(text, answer, expected):
    assert holds_answer(text, Question("?", ("yok artık", answer), "", "")) == expected


def test_measure_questions_by_family_and_kind(monkeypatch):
    monkeypatch.setattr(questions, "answer_questions", lambda *_: ["35", "Bursa", "Van'da"])
    figures, items = measure_questions(None, None, [PLATE, CITY, LAKE], 8)
    assert (figures["exact_match"], figures["n"]) == (pytest.approx(2 / 3), 3)
    shares = {name: (each["exact_match"], each["n"]) for name, each in figures["families"].items()}
    assert shares == {"city": (0.5, 2), "plate": (1.0, 1)}
    assert figures["kinds"]["seen"]["exact_match"] == 0.5
    assert 0 < figures["low"] < figures["exact_match"] < figures["high"] < 1
    assert items.right["sft"].tolist() == [True, False, True]


def test_select_questions_depends_on_the_seed_and_not_on_the_order():
    many = [Question(f"Soru {i}?", ("x",), "all", "all") for i in range(50)]
    chosen = select_questions(many, 10, seed=1)
    assert len(chosen) == 10
    assert select_questions(many[::-1], 10, seed=1) == chosen
    assert select_questions(many, 10, seed=2) != chosen
    assert len(select_questions(many, 100, seed=1)) == 50


def test_answer_questions_answers_one_longer_than_the_context(make_decoder, tokenizer):
    questions = [Question(text, (), "all", "all") for text in ("Kim?", "Çok uzun bir soru " * 9)]
    answers = answer_questions(make_decoder(context=32), tokenizer, questions, 6)
    assert len(answers) == 2
    assert all(len(tokenizer.encode(answer)) <= 6 * 3 for answer in answers)


def test_measure_questions_about_passages(monkeypatch):
    passage = "Ali çarşıda simit aldı. Sonra Ayşe'ye gitti. Eve akşam döndü."
    rows = [
        Question("Ali çarşıda ne aldı?", ("Simit",), "told", "told", passage),
        Question("Ali sonra kime gitti?", ("Ayşe'ye",), "told", "told", passage),
        Question("Ali eve nereden döndü?", ("Okuldan",), "told", "told", passage),
        Question("Ali kaç yaşında?", (NOT_IN_PASSAGE,), "untold", "untold", passage),
    ]
    monkeypatch.setattr(
        questions, "answer_questions", lambda *_: ["simit", "metinde yok", "Ev", "Metinde yok."]
    )
    figures, items = measure_questions(None, None, rows, 8)
    assert (figures["exact_match"], figures["told"]["right"]) == (0.5, pytest.approx(1 / 3))
    assert figures["told"]["n"] == 3
    assert figures["false_refusals"] == pytest.approx(1 / 3)
    assert figures["best_sentence"] == pytest.approx(2 / 3)
    assert figures["kinds"]["untold"]["exact_match"] == 1.0
    assert len(set(items.clusters.tolist())) == 4


def test_answer_questions_puts_the_passage_before_the_question(monkeypatch):
    asked = []
    monkeypatch.setattr(questions, "answer_greedily", lambda *args: asked.extend(args[2]) or ["x"] * 2)
    rows = [CITY, Question("Ne yağdı?", ("Kar",), "all", "all", "Kar yağdı.")]
    answer_questions(SimpleNamespace(context=64), None, rows, 8)
    assert [messages[0]["content"] for messages in asked] == [
        "Başkent neresi?", "Metin: Kar yağdı.\n\nSoru: Ne yağdı?",
    ]  # fmt: skip
