"""Samples of the trained models next to baselines: the same models untrained, and a 5-gram model."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.measure import Models
from pipeline.evaluation.questions import answer_questions
from pipeline.evaluation.samples import DEFAULT_QUESTIONS, select_across_families
from pipeline.inference.engine import crop_prompt
from pipeline.inference.generate import generate
from pipeline.inference.sampling import GREEDY, Sampling, make_generator, sample_token
from pipeline.model.decoder import Decoder, initialize
from pipeline.ngrams.model import NGramModel
from pipeline.tokenizer.special import BOS, EOS
from pipeline.tokenizer.tokenizer import Tokenizer

NUM_QUESTIONS = 3
STORY_PROMPT = "Bir gün"

# From a prompt, the number of new tokens at most, and the sampling: the continuation.
Continuer = Callable[[str, int, Sampling], str]


def make_baseline_samples(
    models: Models,
    ngram_model: NGramModel,
    eval_params: EvalParams,
    questions: Sequence[Question],
    seed: int,
) -> dict[str, Any]:
    """Answer three questions that training never saw, and tell a story.

    Returns `{questions: [{…}], story: {…}}`, each with the texts of `trained`, `untrained` and `ngram`.
    """
    base, tokenizer = models.base, models.tokenizer
    untrained = Decoder(base.params, base.vocab_size).to(next(base.parameters()).device).eval()
    initialize(untrained, seed)
    selected = select_across_families(questions, NUM_QUESTIONS) or DEFAULT_QUESTIONS[:NUM_QUESTIONS]
    max_new_tokens = eval_params.max_new_tokens
    answers = answer_questions(models.sft, models.chat_tokenizer, selected, max_new_tokens)
    continue_trained = make_decoder_continuer(base, tokenizer, seed)
    continue_untrained = make_decoder_continuer(untrained, tokenizer, seed)
    continue_ngram = make_ngram_continuer(ngram_model, tokenizer, seed)
    sampling = Sampling(temperature=eval_params.temperature, top_p=eval_params.top_p)
    return {
        "questions": [
            {
                "question": question.question,
                "expected": question.answers[0] if question.answers else "",
                "trained": answer,
                "untrained": first_line(continue_untrained(question.question, max_new_tokens, GREEDY)),
                "ngram": first_line(continue_ngram(question.question + "\n", max_new_tokens, GREEDY)),
            }
            for question, answer in zip(selected, answers, strict=True)
        ],
        "story": {
            "begins": STORY_PROMPT,
            "trained": continue_trained(STORY_PROMPT, eval_params.sample_tokens, sampling),
            "untrained": continue_untrained(STORY_PROMPT, eval_params.sample_tokens, sampling),
            "ngram": continue_ngram(STORY_PROMPT, eval_params.sample_tokens, sampling),
        },
    }


def make_decoder_continuer(model: Decoder, tokenizer: Tokenizer, seed: int) -> Continuer:
    """Return a function that continues a prompt with a decoder."""

    def continue_prompt(prompt: str, max_new_tokens: int, sampling: Sampling) -> str:
        room = min(max_new_tokens, model.context // 2)
        ids = crop_prompt([BOS, *tokenizer.encode(prompt)], model.context, room)
        (new_ids,) = generate(
            model, [ids], max_new_tokens=max_new_tokens, sampling=sampling, seed=seed, stop_ids={EOS}
        )
        return tokenizer.decode(new_ids).rstrip("\ufffd")

    return continue_prompt


def make_ngram_continuer(model: NGramModel, tokenizer: Tokenizer, seed: int) -> Continuer:
    """Return a function that continues a prompt with an n-gram model."""

    def continue_prompt(prompt: str, max_new_tokens: int, sampling: Sampling) -> str:
        ids = [BOS, *tokenizer.encode(prompt)]
        start, generator = len(ids), make_generator(seed, 0)
        while len(ids) < start + max_new_tokens:
            token = sample_token(np.log(model.predict_next(ids).p), generator, sampling)
            if token == EOS:
                break
            ids.append(token)
        return tokenizer.decode(ids[start:]).rstrip("\ufffd")

    return continue_prompt


def first_line(text: str) -> str:
    """Return the first line of an answer."""
    return text.strip().split("\n")[0]
