import pytest

from pipeline.eval_sets.readers import Question
from pipeline.evaluation import samples as module
from pipeline.evaluation.measure import Models
from pipeline.evaluation.samples import DEFAULT_QUESTIONS, render_samples, select_across_families
from tests.helpers.factories import eval_params

SETTINGS = eval_params(max_new_tokens=4, sample_tokens=6, prompts=["Ankara", "Bir *gün* "])
QUESTION = Question("Başkent neresi?", ("Ankara",), "city", "seen")


@pytest.fixture
def models(make_decoder, tokenizer):
    base, sft = make_decoder(context=64, seed=1), make_decoder(context=64, seed=2)
    return Models(tokenizer, base, sft, tokenizer, encoder=None, mixture=None)


def test_render_samples_depends_on_the_seed(models):
    first = render_samples(models, SETTINGS, [], 1)
    assert first == render_samples(models, SETTINGS, [], 1)
    assert first != render_samples(models, SETTINGS, [], 2)


def test_render_samples_escapes_markup(models, monkeypatch):
    written = [[8 + ord("x")] * 6, models.tokenizer.encode("<b>\n#")]
    monkeypatch.setattr("pipeline.inference.continuations.generate", lambda *_, **__: written)
    monkeypatch.setattr(module, "answer_questions", lambda *_: ["Bursa"])
    text = render_samples(models, SETTINGS, [QUESTION], 1)
    assert "> **Ankara**xxxxxx …" in text
    assert "> **Bir \\*gün\\***\\<b\\>\n>\n> \\#" in text
    assert "> **Başkent neresi?**\n>\n> Bursa\n>\n> *expected: Ankara*" in text


def test_render_samples_reads_every_version_of_a_prompt_alike(models):
    def continuation(prompt):
        settings = eval_params(max_new_tokens=4, sample_tokens=6, prompts=[prompt])
        return render_samples(models, settings, [], 1).split("**")[2]

    plain = continuation("Bir gün")
    assert all(
        continuation(version) == plain for version in ("Bir gu\u0308n", "Bir\u00a0gün ", "\ufeffBir\tgün\t")
    )


def test_render_samples_without_questions_uses_the_default_ones(models):
    text = render_samples(models, SETTINGS, [], 1)
    assert all(f"**{question.question}**" in text for question in DEFAULT_QUESTIONS)


def test_select_across_families_takes_every_family_first():
    many = [Question(f"{family}{i}", ("x",), family, "k") for family in "ab" for i in range(5)]
    assert [question.question for question in select_across_families(many, 3)] == ["a0", "b0", "a1"]
