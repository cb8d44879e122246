"""Samples to read: continuations by the base model, answers by the chat model."""

from collections.abc import Sequence

from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.measure import Models
from pipeline.evaluation.questions import answer_questions, is_correct
from pipeline.inference.continuations import continue_prompts, escape_markdown, format_samples, quote_markdown
from pipeline.inference.sampling import Sampling

MAX_ANSWERS = 8  # in samples.md

# Asked where there is no file of questions.
DEFAULT_QUESTIONS = [
    Question("Merhaba, nasılsın?", (), "all", "all"),
    Question("Türkiye'nin başkenti neresidir?", ("Ankara",), "all", "all"),
    Question("Atatürk kimdir?", (), "all", "all"),
    Question("Bana kısa bir hikâye anlatır mısın?", (), "all", "all"),
]


def select_across_families(questions: Sequence[Question], max_questions: int = MAX_ANSWERS) -> list[Question]:
    """Select the first question of each family in turn, then the second, up to `max_questions`."""
    counts: dict[str, int] = {}
    rounds = []
    for question in questions:
        counts[question.family] = counts.get(question.family, 0) + 1
        rounds.append(counts[question.family])
    order = sorted(range(len(questions)), key=lambda i: (rounds[i], questions[i].family))
    return [questions[i] for i in order[:max_questions]]


def render_samples(models: Models, eval_params: EvalParams, questions: Sequence[Question], seed: int) -> str:
    """Return the text of samples.md: the same for the same models, params and seed."""
    adjust = models.mixture.mix_next if models.mixture else None
    details = f"temperature {eval_params.temperature:g}, top_p {eval_params.top_p:g}, seed {seed}"
    name = "`models/base` with its counts" if adjust else "`models/base`"
    parts = [f"# Samples\n\n## {name} goes on ({details})"]
    sampling = Sampling(temperature=eval_params.temperature, top_p=eval_params.top_p)
    texts = continue_prompts(
        models.base,
        models.tokenizer,
        eval_params.prompts,
        eval_params.sample_tokens,
        sampling,
        seed,
        adjust,
    )
    parts.append(format_samples(eval_params.prompts, texts))
    parts.append("## `models/sft` answers (greedy)")
    selected = select_across_families(questions) or DEFAULT_QUESTIONS
    answers = answer_questions(models.sft, models.chat_tokenizer, selected, eval_params.max_new_tokens)
    for question, answer in zip(selected, answers, strict=True):
        text = escape_markdown(answer) or "(nothing)"
        parts.append(quote_markdown(f"**{escape_markdown(question.question)}**\n{text}"))
        if question.answers:
            expected = escape_markdown(question.answers[0])
            verdict = "right" if is_correct(answer, question) else f"expected: {expected}"
            parts[-1] += f"\n>\n> *{verdict}*"
    return "\n\n".join(parts) + "\n"
