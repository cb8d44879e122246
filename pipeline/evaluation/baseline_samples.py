"""What training has brought, for reading: the models' words beside those of the same models untrained, and of
a 5-gram that has counted the same text."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.ngrams import NGramModel
from pipeline.evaluation.questions import greedy_answers
from pipeline.evaluation.samples import QUESTIONS, one_of_each_family
from pipeline.inference.generate import crop, generate
from pipeline.inference.sampling import GREEDY, Sampling, choose, generators
from pipeline.model.decoder import Decoder, initialise
from pipeline.tokenizer.tokenizer import BOS, EOS, Tokenizer

ASKED = 3
STORY = "Bir gün"  # how a story begins

Continue = Callable[[str, int, Sampling], str]  # a beginning, most tokens, how to draw: what follows


def beside(
    base: Decoder,
    sft: Decoder,
    counted: NGramModel,
    tokenizer: Tokenizer,
    settings: EvalParams,
    questions: Sequence[Question],
    seed: int,
) -> dict[str, Any]:
    """Three questions that training never saw, and a story: `{questions: [{…}], story: {…}}`, each with the
    words of `trained`, `untrained` and `ngram`."""
    untrained = Decoder(base.config, base.vocab_size).to(next(base.parameters()).device).eval()
    initialise(untrained, seed)
    asked = one_of_each_family(questions, ASKED) or QUESTIONS[:ASKED]
    most = settings.max_new_tokens
    answers = greedy_answers(sft, tokenizer, [each.question for each in asked], most)
    by_model, by_count = of_model(untrained, tokenizer, seed), of_ngrams(counted, tokenizer, seed)
    lively = Sampling(temperature=settings.temperature, top_p=settings.top_p)
    return {
        "questions": [
            {
                "question": each.question,
                "expected": each.answers[0] if each.answers else "",
                "trained": answer,
                "untrained": one_line(by_model(each.question, most, GREEDY)),
                "ngram": one_line(by_count(each.question + "\n", most, GREEDY)),
            }
            for each, answer in zip(asked, answers, strict=True)
        ],
        "story": {
            "begins": STORY,
            "trained": of_model(base, tokenizer, seed)(STORY, settings.sample_tokens, lively),
            "untrained": by_model(STORY, settings.sample_tokens, lively),
            "ngram": by_count(STORY, settings.sample_tokens, lively),
        },
    }


def of_model(model: Decoder, tokenizer: Tokenizer, seed: int) -> Continue:
    """How a decoder goes on."""

    def go_on(beginning: str, most: int, how: Sampling) -> str:
        ids = crop([BOS, *tokenizer.encode(beginning)], model.context, min(most, model.context // 2))
        (new,) = generate(model, [ids], max_new_tokens=most, how=how, seed=seed, stop_ids={EOS})
        return tokenizer.decode(new).rstrip("\ufffd")

    return go_on


def of_ngrams(model: NGramModel, tokenizer: Tokenizer, seed: int) -> Continue:
    """How counts go on."""

    def go_on(beginning: str, most: int, how: Sampling) -> str:
        ids = [BOS, *tokenizer.encode(beginning)]
        start, draws = len(ids), generators(seed, [0])
        while len(ids) < start + most:
            scores = torch.from_numpy(np.log(model.following(ids)))
            (token,) = choose(scores[None], draws, how)
            if token == EOS:
                break
            ids.append(token)
        return tokenizer.decode(ids[start:]).rstrip("\ufffd")

    return go_on


def one_line(text: str) -> str:
    """The first line of an answer."""
    return text.strip().split("\n")[0]
