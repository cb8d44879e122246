"""The evaluation of all models and baselines on all tasks."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple

import torch

from pipeline.common.paths import BASE_MODEL, ENCODER_MODEL, SFT_MODEL, TOKENIZER
from pipeline.encoder.hf_io import load_encoder
from pipeline.encoder.model import Encoder
from pipeline.evaluation.bits_per_byte import Scorer, measure_bits_per_byte, sequence_bits
from pipeline.evaluation.continuations import measure_choices, measure_second_halves
from pipeline.evaluation.minimal_pairs import measure_minimal_pairs
from pipeline.evaluation.ngrams import NGramModel
from pipeline.evaluation.questions import measure_questions
from pipeline.evaluation.retrieval import measure_retrieval
from pipeline.evaluation.similarity import measure_similarity
from pipeline.evaluation.tasks import MAX_TOKEN_DIFFERENCE, Tasks
from pipeline.inference.first_words import measure_first_words
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import load_decoder
from pipeline.tokenizer.tokenizer import Tokenizer


class Models(NamedTuple):
    """The models of a run, on one device."""

    tokenizer: Tokenizer
    base: Decoder
    sft: Decoder
    encoder: Encoder


def load_models(device: torch.device) -> Models:
    """Load the models that the stages before have written. Raises UserError where one is missing."""
    return Models(
        Tokenizer.load(TOKENIZER),
        load_decoder(BASE_MODEL, device),
        load_decoder(SFT_MODEL, device),
        load_encoder(ENCODER_MODEL, device),
    )


def measure_tasks(
    tasks: Tasks,
    models: Models,
    ngram_models: dict[str, NGramModel],
    max_new_tokens: int,
    autocast: Callable[[], AbstractContextManager[Any]],
) -> dict[str, Any]:
    """Measure the models and their baselines; return the figures by kind of task and by task.

    The base model scores texts inside `autocast()`. Answers have up to `max_new_tokens`. The figures of a
    task file have its `version` beside them. Prints its progress.
    """
    tokenizer = models.tokenizer
    base_scorer = partial(sequence_bits, models.base, autocast=autocast)
    ngram_scorers: dict[str, Scorer] = {name: model.sequence_bits for name, model in ngram_models.items()}
    print("bits per byte …", flush=True)
    bits_per_byte = {
        name: measure_bits_per_byte(documents, tokenizer, {"base": base_scorer, **ngram_scorers})
        for name, documents in tasks.texts.items()
    }
    print("minimal pairs …", flush=True)
    baselines = {"kneser_ney_5": ngram_scorers["kneser_ney_5"]}
    minimal_pairs = {
        name: measure_minimal_pairs(
            pairs, tokenizer, base_scorer, baselines, MAX_TOKEN_DIFFERENCE.get(name, math.inf)
        )
        for name, pairs in tasks.pairs.items()
    }
    print("questions and retrieval …", flush=True)
    question_answering = {
        name: measure_questions(models.sft, tokenizer, questions, max_new_tokens)
        for name, questions in tasks.questions.items()
    }
    first_words = measure_first_words(models.sft, tokenizer, tasks.first_words, max_new_tokens)
    retrieval = {
        name: measure_retrieval(task, models.encoder, tokenizer) for name, task in tasks.retrieval.items()
    }
    of_files: dict[str, dict[str, Any]] = {
        "choice": {
            name: measure_choices(choices, tokenizer, base_scorer, baselines)
            for name, choices in tasks.choices.items()
        },
        "second_halves": {
            name: measure_second_halves(documents, tokenizer, {"base": base_scorer, **ngram_scorers})
            for name, documents in tasks.second_halves.items()
        },
        "similarity": {
            name: measure_similarity(pairs, models.encoder, tokenizer)
            for name, pairs in tasks.similarity.items()
        },
    }
    metrics: dict[str, dict[str, Any]] = {
        "bits_per_byte": bits_per_byte,
        "minimal_pairs": minimal_pairs,
        "questions": question_answering,
        "first_words": first_words,
        "retrieval": retrieval,
        **{kind: figures for kind, figures in of_files.items() if figures},
    }
    for name, file in tasks.files.items():
        metrics["bits_per_byte" if file.kind == "text" else file.kind][name]["version"] = file.version
    return metrics
