"""What the models write, for reading: continuations by the base model, answers by the chat model."""

import re
from collections.abc import Sequence

from pipeline.evaluation.params import EvalParams
from pipeline.evaluation.questions import greedy_answers, is_right
from pipeline.evaluation.read import Question
from pipeline.inference.generate import crop, generate
from pipeline.inference.sample import Sampling
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.tokenizer import BOS, EOS, Tokenizer

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
    for prompt, words in zip(settings.prompts, continuations(base, tokenizer, settings, seed), strict=True):
        parts.append(quoted(f"**{escaped(prompt.strip())}**{escaped(words)}"))
    parts.append("## `models/sft` answers (greedy)")
    shown = one_of_each_family(questions) or QUESTIONS
    answers = greedy_answers(sft, tokenizer, [each.question for each in shown], settings.max_new_tokens)
    for question, answer in zip(shown, answers, strict=True):
        parts.append(quoted(f"**{escaped(question.question)}**\n{escaped(answer) or '(nothing)'}"))
        if question.answers:
            verdict = "right" if is_right(answer, question) else f"expected: {escaped(question.answers[0])}"
            parts[-1] += f"\n>\n> *{verdict}*"
    return "\n\n".join(parts) + "\n"


def continuations(base: Decoder, tokenizer: Tokenizer, settings: EvalParams, seed: int) -> list[str]:
    """What the base model writes after each prompt; `…` where it had not come to an end."""
    room = min(settings.sample_tokens, base.context // 2)
    prompts = [crop([BOS, *tokenizer.encode(prompt)], base.context, room) for prompt in settings.prompts]
    written = generate(
        base,
        prompts,
        max_new_tokens=settings.sample_tokens,
        how=Sampling(temperature=settings.temperature, top_p=settings.top_p),
        seed=seed,
        stop_ids={EOS},
    )
    texts = []
    for prompt, ids in zip(prompts, written, strict=True):
        cut = len(ids) == min(settings.sample_tokens, base.context - len(prompt))
        # It may be cut inside a character, whose bytes are tokens.
        texts.append(tokenizer.decode(ids).rstrip("\ufffd").rstrip() + (" …" if cut else ""))
    return texts


def escaped(text: str) -> str:
    """Letters that Markdown would read as markup, shown as themselves."""
    return re.sub(r"([\\`*_<>#\[\]])", r"\\\1", text)


def quoted(text: str) -> str:
    """A Markdown quotation; every line of the text is a paragraph of it."""
    return "\n>\n".join(f"> {line}" for line in text.splitlines() if line.strip())
