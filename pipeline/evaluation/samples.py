"""What the models write, for reading: continuations by the base model, answers by the chat model."""

from collections.abc import Sequence

from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.questions import greedy_answers, is_right
from pipeline.inference.continuations import as_markdown, continuations, escaped, quoted
from pipeline.inference.sampling import Sampling
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.tokenizer import Tokenizer

ANSWERS = 8  # questions shown

# Asked where there is no file of questions.
QUESTIONS = [
    Question("Merhaba, nasılsın?", (), "all", "all"),
    Question("Türkiye'nin başkenti neresidir?", ("Ankara",), "all", "all"),
    Question("Atatürk kimdir?", (), "all", "all"),
    Question("Bana kısa bir hikâye anlatır mısın?", (), "all", "all"),
]


def one_of_each_family(questions: Sequence[Question], most: int = ANSWERS) -> list[Question]:
    """The first question of each family in turn, then the second, until there are `most`."""
    seen: dict[str, int] = {}
    turns = []
    for question in questions:
        seen[question.family] = seen.get(question.family, 0) + 1
        turns.append(seen[question.family])
    order = sorted(range(len(questions)), key=lambda i: (turns[i], questions[i].family))
    return [questions[i] for i in order[:most]]


def samples(
    base: Decoder,
    sft: Decoder,
    tokenizer: Tokenizer,
    settings: EvalParams,
    questions: Sequence[Question],
    seed: int,
) -> str:
    """The text of samples.md: the same for the same models, params and seed."""
    drawn = f"temperature {settings.temperature:g}, top_p {settings.top_p:g}, seed {seed}"
    parts = [f"# Samples\n\n## `models/base` goes on ({drawn})"]
    how = Sampling(temperature=settings.temperature, top_p=settings.top_p)
    texts = continuations(base, tokenizer, settings.prompts, settings.sample_tokens, how, seed)
    parts.append(as_markdown(settings.prompts, texts))
    parts.append("## `models/sft` answers (greedy)")
    shown = one_of_each_family(questions) or QUESTIONS
    answers = greedy_answers(sft, tokenizer, [each.question for each in shown], settings.max_new_tokens)
    for question, answer in zip(shown, answers, strict=True):
        parts.append(quoted(f"**{escaped(question.question)}**\n{escaped(answer) or '(nothing)'}"))
        if question.answers:
            verdict = "right" if is_right(answer, question) else f"expected: {escaped(question.answers[0])}"
            parts[-1] += f"\n>\n> *{verdict}*"
    return "\n\n".join(parts) + "\n"
