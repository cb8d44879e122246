import pytest

from pipeline.eval_sets.readers import Question
from pipeline.evaluation import questions
from pipeline.evaluation.questions import chosen_questions, greedy_answers, is_right, measure

PLATE = Question("İzmir'in plakası kaç?", ("35", "otuz beş"), "plate", "seen")
CITY = Question("Başkent neresi?", ("Ankara",), "city", "seen")
LAKE = Question("Van Gölü nerede?", ("Van'da",), "city", "new")


def test_any_of_the_answers_is_right_up_to_turkish_case():
    assert is_right("Otuz beş.", PLATE)
    assert is_right("ANKARA", CITY)
    assert not is_right("Izmır", Question("?", ("İzmir",), "all", "all"))


def test_shares_by_family_and_kind(monkeypatch):
    monkeypatch.setattr(questions, "greedy_answers", lambda *_: ["35", "Bursa", "Van'da"])
    figures = measure(None, None, [PLATE, CITY, LAKE], 8)
    assert (figures["exact_match"], figures["n"]) == (pytest.approx(2 / 3), 3)
    assert figures["families"] == {
        "city": {"exact_match": 0.5, "n": 2},
        "plate": {"exact_match": 1.0, "n": 1},
    }
    assert figures["kinds"]["seen"] == {"exact_match": 0.5, "n": 2}


def test_the_choice_of_questions_depends_on_the_seed_and_not_on_their_order():
    many = [Question(f"Soru {i}?", ("x",), "all", "all") for i in range(50)]
    chosen = chosen_questions(many, 10, seed=1)
    assert len(chosen) == 10
    assert chosen_questions(many[::-1], 10, seed=1) == chosen
    assert chosen_questions(many, 10, seed=2) != chosen
    assert len(chosen_questions(many, 100, seed=1)) == 50


def test_answers_are_short_enough_even_where_the_question_is_longer_than_the_context(make_decoder, tokenizer):
    answers = greedy_answers(make_decoder(context=32), tokenizer, ["Kim?", "Çok uzun bir soru " * 9], 6)
    assert len(answers) == 2
    assert all(len(tokenizer.encode(answer)) <= 6 * 3 for answer in answers)
