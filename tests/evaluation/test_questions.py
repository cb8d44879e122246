import pytest

from pipeline.eval_sets.readers import Question
from pipeline.evaluation import questions
from pipeline.evaluation.questions import answer_questions, is_correct, measure_questions, select_questions

PLATE = Question("İzmir'in plakası kaç?", ("35", "otuz beş"), "plate", "seen")
CITY = Question("Başkent neresi?", ("Ankara",), "city", "seen")
LAKE = Question("Van Gölü nerede?", ("Van'da",), "city", "new")


def test_is_correct_accepts_any_answer_and_turkish_case():
    assert is_correct("Otuz beş.", PLATE)
    assert is_correct("ANKARA", CITY)
    assert not is_correct("Izmır", Question("?", ("İzmir",), "all", "all"))


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
