"""The evaluation of all models and baselines on all tasks."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message
from pipeline.common.paths import BASE_MODEL, ENCODER_MODEL, SFT_MODEL, TOKENIZER
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.hf_io import load_encoder
from pipeline.evaluation.bits_per_byte import (
    COUNTS,
    MODEL,
    NGRAM,
    WITH_COUNTS,
    Scorer,
    TokenScorer,
    find_mixture_weight,
    measure_bits_per_byte,
    score_documents,
    sequence_bits,
    token_bits,
)
from pipeline.evaluation.contamination import decode_documents, measure_contamination
from pipeline.evaluation.continuations import measure_choices, measure_second_halves
from pipeline.evaluation.first_words import measure_first_words
from pipeline.evaluation.grounded import measure_grounded
from pipeline.evaluation.items import Items, Measured
from pipeline.evaluation.minimal_pairs import measure_minimal_pairs
from pipeline.evaluation.questions import measure_questions
from pipeline.evaluation.retrieval import measure_retrieval
from pipeline.evaluation.similarity import measure_similarity
from pipeline.evaluation.tasks import MAX_TOKEN_DIFFERENCE, Tasks
from pipeline.evaluation.word_frequency import WordFrequency
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import load_decoder, load_to_answer
from pipeline.ngrams.mixture import Mixture, find_mixture
from pipeline.ngrams.model import NGramModel
from pipeline.pretrained.tokenizer import has_own_tokenizer, load_chat_tokenizer
from pipeline.tokenizer.chat_template import ChatTokenizer
from pipeline.tokenizer.tokenizer import Tokenizer

KINDS_WITHOUT = ("grounded", "choice", "second_halves", "similarity")  # not told where a run has none


class Models(NamedTuple):
    """The models of a run, on one device."""

    tokenizer: Tokenizer
    base: Decoder
    sft: Decoder
    chat_tokenizer: ChatTokenizer  # of `sft`, which may be a model from elsewhere
    encoder: TextEncoder
    mixture: Mixture | None  # of the base model with the counts in its folder


class Training(NamedTuple):
    """The training text as tokens [T], and what was counted in it, with which the models are compared."""

    stream: np.ndarray
    ngrams: dict[str, NGramModel]
    words: WordFrequency


def load_models(device: torch.device) -> Models:
    """Load the models that the stages before have written.

    Raises UserError where one is missing, or was trained with another tokenizer.
    """
    check_tokenizer_of_model(BASE_MODEL, "train_base")
    if has_own_tokenizer(SFT_MODEL):
        check_tokenizer_of_model(SFT_MODEL, "train_sft")
    base = load_decoder(BASE_MODEL, device)
    return Models(
        Tokenizer.load(TOKENIZER),
        base,
        load_to_answer(SFT_MODEL, device),
        load_chat_tokenizer(SFT_MODEL),
        load_encoder(ENCODER_MODEL, device),
        find_mixture(BASE_MODEL, base.params.width, check=True),
    )


def check_tokenizer_of_model(folder: Path, stage: str) -> None:
    """Raise UserError unless the model in `folder` was trained with the tokenizer in models/tokenizer."""
    own, current = folder / "tokenizer.model", TOKENIZER / "tokenizer.model"
    if own.is_file() and current.is_file() and own.read_bytes() != current.read_bytes():
        raise UserError(
            "{folder} was trained with another tokenizer; run `dvc repro {stage}`", folder=folder, stage=stage
        )


def measure_tasks(
    tasks: Tasks,
    models: Models,
    training: Training,
    max_new_tokens: int,
    seed: int,
    autocast: Callable[[], AbstractContextManager[Any]],
) -> tuple[dict[str, Any], dict[str, Items]]:
    """Measure the models and their baselines; return the figures and the items.

    The figures are by kind of task and by task, the items by both with a dot between. The base model scores
    texts inside `autocast()`. Answers have up to `max_new_tokens`. `seed` is that of random baselines. The
    figures of a task file have its `version` beside them. Prints its progress.
    """
    tokenizer = models.tokenizer
    token_scorers: dict[str, TokenScorer] = {
        MODEL: partial(token_bits, models.base, autocast=autocast),
        **{name: ngram.token_bits for name, ngram in training.ngrams.items()},
    }
    scorers: dict[str, Scorer] = {
        MODEL: partial(sequence_bits, models.base, autocast=autocast),
        **{name: ngram.sequence_bits for name, ngram in training.ngrams.items()},
    }
    if models.mixture:
        token_scorers[COUNTS] = models.mixture.counts.token_bits
        token_scorers[WITH_COUNTS] = partial(
            token_bits, models.base, autocast=autocast, mixture=models.mixture
        )
        scorers[WITH_COUNTS] = partial(sequence_bits, models.base, autocast=autocast, mixture=models.mixture)
    scorers_of_sentences = {name: scorers[name] for name in (MODEL, NGRAM, WITH_COUNTS) if name in scorers}
    measured: dict[str, dict[str, Measured]] = {}

    print_message("bits per byte …")
    scored = {
        name: score_documents(documents, tokenizer, token_scorers) for name, documents in tasks.texts.items()
    }
    weight = find_mixture_weight(scored["val"][MODEL], scored["val"][NGRAM])
    measured["bits_per_byte"] = {
        name: measure_bits_per_byte(documents, scored[name], weight)
        for name, documents in tasks.texts.items()
    }
    print_message("minimal pairs …")
    measured["minimal_pairs"] = {
        name: measure_minimal_pairs(
            pairs,
            tokenizer,
            scorers_of_sentences,
            training.words,
            MAX_TOKEN_DIFFERENCE.get(name, math.inf),
            tasks.files[name].subsets if name in tasks.files else None,
        )
        for name, pairs in tasks.pairs.items()
    }
    print_message("questions and retrieval …")
    measured["questions"] = {
        name: measure_questions(models.sft, models.chat_tokenizer, questions, max_new_tokens)
        for name, questions in tasks.questions.items()
    }
    grounded = {name: measure_grounded(rows, ENCODER_MODEL) for name, rows in tasks.questions.items()}
    measured["grounded"] = {name: result for name, result in grounded.items() if result}
    measured["first_words"] = measure_first_words(
        models.sft, models.chat_tokenizer, tasks.first_words, max_new_tokens
    )
    measured["retrieval"] = {
        name: measure_retrieval(task, models.encoder, seed) for name, task in tasks.retrieval.items()
    }
    measured["choice"] = {
        name: measure_choices(choices, tokenizer, scorers_of_sentences)
        for name, choices in tasks.choices.items()
    }
    measured["second_halves"] = {
        name: measure_second_halves(documents, tokenizer, scorers)
        for name, documents in tasks.second_halves.items()
    }
    measured["similarity"] = {
        name: measure_similarity(pairs, models.encoder) for name, pairs in tasks.similarity.items()
    }
    figures: dict[str, Any] = {
        kind: {name: result.figures for name, result in results.items()}
        for kind, results in measured.items()
        if results or kind not in KINDS_WITHOUT
    }
    figures["mixture_weight"] = weight
    print_message("contamination …")
    documents = decode_documents(training.stream, tokenizer)
    for task, shares in measure_contamination(list_texts(tasks), documents).items():
        kind, name = task.split(".")
        figures[kind][name] |= shares
    for name, file in tasks.files.items():
        kind, _ = name_of_items(name, tasks).split(".")
        figures[kind][name]["version"] = file.version
    items = {
        f"{kind}.{name}": result.items
        for kind, results in measured.items()
        for name, result in results.items()
    }
    return figures, items


def list_texts(tasks: Tasks) -> dict[str, list[tuple[str, ...]]]:
    """Return the texts of the items of every task, by the name that the items have."""
    rows_by_kind: dict[str, dict[str, Any]] = {
        "bits_per_byte": tasks.texts,
        "minimal_pairs": tasks.pairs,
        "questions": tasks.questions,
        "choice": tasks.choices,
        "second_halves": tasks.second_halves,
        "similarity": tasks.similarity,
    }
    texts = {
        f"{kind}.{name}": [row.texts() for row in rows]
        for kind, by_name in rows_by_kind.items()
        for name, rows in by_name.items()
    }
    for name, task in tasks.retrieval.items():
        texts[f"retrieval.{name}"] = [(text,) for text in task.texts()]
    return texts


def list_versions(tasks: Tasks) -> dict[str, int]:
    """Return the version of each task file by the name that its items have."""
    versions = {name_of_items(name, tasks): file.version for name, file in tasks.files.items()}
    of_passages = {name: file for name, file in tasks.files.items() if name in tasks.questions}
    return versions | {f"grounded.{name}": file.version for name, file in of_passages.items()}


def list_subsets(tasks: Tasks) -> dict[str, dict[str, list[str]]]:
    """Return the subsets of each task file that has some, by the name that its items have."""
    return {name_of_items(name, tasks): file.subsets for name, file in tasks.files.items() if file.subsets}


def name_of_items(name: str, tasks: Tasks) -> str:
    """Return what the items of a task file are called."""
    kind = tasks.files[name].kind
    return f"{'bits_per_byte' if kind == 'text' else kind}.{name}"
