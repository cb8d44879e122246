import pytest

from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import Question
from pipeline.evaluation import samples as module
from pipeline.evaluation.samples import QUESTIONS, one_of_each_family, samples

SETTINGS = EvalParams(
    tasks={},
    max_bytes=1,
    ngram_tokens=10**6,
    max_questions=1,
    max_new_tokens=4,
    sample_tokens=6,
    temperature=0.7,
    top_p=0.95,
    prompts=["Ankara", "Bir *gün* "],
)
QUESTION = Question("Başkent neresi?", ("Ankara",), "city", "seen")


@pytest.fixture
def models(make_decoder):
    return make_decoder(context=64, seed=1), make_decoder(context=64, seed=2)


def test_the_same_seed_gives_the_same_text_another_seed_another(models, tokenizer):
    first = samples(*models, tokenizer, SETTINGS, [], 1)
    assert first == samples(*models, tokenizer, SETTINGS, [], 1)
    assert first != samples(*models, tokenizer, SETTINGS, [], 2)


def test_prompts_and_questions_are_bold_and_markup_is_text(models, tokenizer, monkeypatch):
    written = [[8 + ord("x")] * 6, tokenizer.encode("<b>\n#")]
    monkeypatch.setattr("pipeline.inference.continuations.generate", lambda *_, **__: written)
    monkeypatch.setattr(module, "greedy_answers", lambda *_: ["Bursa"])
    text = samples(*models, tokenizer, SETTINGS, [QUESTION], 1)
    assert "> **Ankara**xxxxxx …" in text
    assert "> **Bir \\*gün\\***\\<b\\>\n>\n> \\#" in text
    assert "> **Başkent neresi?**\n>\n> Bursa\n>\n> *expected: Ankara*" in text


def test_without_a_file_of_questions_fixed_ones_are_asked(models, tokenizer):
    text = samples(*models, tokenizer, SETTINGS, [], 1)
    assert all(f"**{question.question}**" in text for question in QUESTIONS)


def test_every_family_is_shown_before_any_is_shown_twice():
    many = [Question(f"{family}{i}", ("x",), family, "k") for family in "ab" for i in range(5)]
    assert [question.question for question in one_of_each_family(many, 3)] == ["a0", "b0", "a1"]
