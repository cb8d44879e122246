"""Bits per UTF-8 byte that a model needs to predict text: comparable across tokenizers.

A document is the tokens `<s> … </s>`. It is read from its own `<s>` in windows that overlap by
half; every token but `<s>` is scored once, with at least half a window of tokens before it where
the document has them. All bits, those of the end token included, are divided by the bytes of the
text.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from pipeline.common.metrics import metric_key
from pipeline.eval_sets.readers import Document
from pipeline.evaluation.items import Items, Measured, hash_items
from pipeline.model.decoder import Decoder
from pipeline.ngrams.mixture import Mixture
from pipeline.statistics.intervals import estimate_mean
from pipeline.tokenizer.special import BOS, EOS
from pipeline.tokenizer.tokenizer import Tokenizer

MAX_TOKENS = 8192  # in a forward pass
MAX_LOGITS = 2**25  # in a forward pass: 128 MiB in fp32

# From sequences of ids, each begun by a token that is given (`<s>`), the bits [sequences] that the rest of
# each costs, and the bits [tokens] of each of its tokens (float64). Decoders and n-gram models have both.
Scorer = Callable[[Sequence[Sequence[int]]], np.ndarray]
TokenScorer = Callable[[Sequence[Sequence[int]]], Sequence[np.ndarray]]
MODEL, NGRAM = "base", "kneser_ney_5"  # of which `mixture` is what mixing would bring
COUNTS = "counts"  # those of the model's folder
WITH_COUNTS = "with_counts"  # the model mixed with them


@dataclass(frozen=True)
class Window:
    """The model reads tokens `start … stop - 1` and predicts `first … stop`."""

    sequence: int
    start: int
    stop: int
    first: int


def split_windows(length: int, context: int, sequence: int = 0) -> list[Window]:
    """Split a sequence of `length` tokens into windows of at most `context` tokens, half a window apart.

    Together they predict every token but the first once. Those after the first window predict only
    the tokens past the middle, so that each has at least half a window before it.
    """
    step = max(1, context // 2)
    result = []
    start, first = 0, 1
    while first < length:
        stop = min(start + context, length - 1)
        result.append(Window(sequence, start, stop, first))
        first = stop + 1
        start += step
    return result


def batch_windows(windows: list[Window], max_tokens: int) -> list[list[Window]]:
    """Group windows of similar length into batches of at most `max_tokens` with padding; longest first."""
    windows = sorted(windows, key=lambda window: window.start - window.stop)
    result: list[list[Window]] = []
    for window in windows:
        if not result or (len(result[-1]) + 1) * (result[-1][0].stop - result[-1][0].start) > max_tokens:
            result.append([])
        result[-1].append(window)
    return result


def sequence_bits(
    model: Decoder,
    sequences: Sequence[Sequence[int]],
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    mixture: Mixture | None = None,
) -> np.ndarray:
    """Return the bits [sequences] of each sequence after its first token (see `token_bits`)."""
    return add_up(token_bits(model, sequences, autocast, mixture))


def add_up(bits: Sequence[np.ndarray]) -> np.ndarray:
    """Return the sum [sequences] of each sequence's bits."""
    return np.array([values.sum() for values in bits], dtype=np.float64)


@torch.inference_mode()
def token_bits(
    model: Decoder,
    sequences: Sequence[Sequence[int]],
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    mixture: Mixture | None = None,
) -> list[np.ndarray]:
    """Return the bits [tokens] that `model` needs for each token of each sequence but the first (float64).

    Matrix products run inside `autocast()`, the softmax in fp32. With a `mixture`, of the model and counts.
    """
    device = next(model.parameters()).device
    arrays = [np.asarray(sequence, dtype=np.int64) for sequence in sequences]
    windows = [window for i, ids in enumerate(arrays) for window in split_windows(len(ids), model.context, i)]
    bits = [np.zeros(max(0, len(ids) - 1)) for ids in arrays]
    starts_S = np.cumsum([0, *map(len, arrays)])
    prediction = mixture.counts.predict(np.concatenate(arrays)) if mixture and arrays else None
    for batch in batch_windows(windows, min(MAX_TOKENS, MAX_LOGITS // model.vocab_size)):
        T = batch[0].stop - batch[0].start
        # Padding stands at the end, where no token before it can see it, and is never a target.
        ids_BxT = np.zeros((len(batch), T), dtype=np.int64)
        targets_BxT = np.full((len(batch), T), -1, dtype=np.int64)
        for row, window in enumerate(batch):
            ids = arrays[window.sequence]
            ids_BxT[row, : window.stop - window.start] = ids[window.start : window.stop]
            targets = slice(window.first - 1 - window.start, window.stop - window.start)
            targets_BxT[row, targets] = ids[window.first : window.stop + 1]
        rows, columns = np.nonzero(targets_BxT >= 0)
        with autocast():
            hidden_BxTxD = model.hidden_states(torch.from_numpy(ids_BxT).to(device))
            # Only targets need logits: half of the tokens, in long documents.
            hidden_NxD = hidden_BxTxD[torch.from_numpy(rows), torch.from_numpy(columns)]
            logits_NxV = model.lm_head(hidden_NxD)
        targets_N = torch.from_numpy(targets_BxT[rows, columns]).to(device)
        logs_N = -F.cross_entropy(logits_NxV.float(), targets_N, reduction="none")
        if mixture is not None and prediction is not None:
            predicted = [np.arange(w.first, w.stop + 1) + starts_S[w.sequence] for w in batch]
            logs_N = mixture.mix(logs_N, hidden_NxD, prediction.select(np.concatenate(predicted)))
        bits_N = logs_N.cpu().numpy().astype(np.float64) / -np.log(2)
        starts = np.searchsorted(rows, np.arange(len(batch) + 1))
        for row, window in enumerate(batch):
            bits[window.sequence][window.first - 1 : window.stop] = bits_N[starts[row] : starts[row + 1]]
    return bits


def measure_bits_per_byte(
    documents: Sequence[Document],
    scored: Mapping[str, Sequence[np.ndarray]],
    mixture_weight: float | None = None,
) -> Measured:
    """Measure bits per byte on documents (at least one), in all and by source.

    `scored` are the bits of `score_documents`.

    Sources are listed only where there are several. `low` and `high` are the interval of the model's. With a
    `mixture_weight` the figures have `mixture` too (see `mix_bits`).
    """
    tokens = dict(scored)
    if mixture_weight is not None:
        tokens["mixture"] = mix_bits(tokens[MODEL], tokens[NGRAM], mixture_weight)
    bits = {name: add_up(values) for name, values in tokens.items()}
    tokens_D = np.array([len(values) for values in tokens[MODEL]])
    bytes_D = np.array([len(document.text.encode()) for document in documents])
    items = Items(
        keys=hash_items((document.text,) for document in documents),
        clusters=hash_items((document.id,) for document in documents),
        weights=bytes_D,
        scores={name: values / bytes_D for name, values in bits.items()},
    )

    def summarize(mask: np.ndarray) -> dict[str, Any]:
        estimates = {
            name: estimate_mean(scores[mask], items.clusters[mask], weights=bytes_D[mask])
            for name, scores in items.scores.items()
        }
        low, high = estimates[MODEL].interval()
        return {
            **{name: estimate.value for name, estimate in estimates.items()},
            **({"low": low, "high": high} if estimates[MODEL].freedom else {}),
            "documents": int(mask.sum()),
            "tokens": int(tokens_D[mask].sum()),
            "bytes": int(bytes_D[mask].sum()),
        }

    figures = summarize(np.full(len(documents), True))
    sources = np.array([document.source for document in documents])
    names = sorted(set(sources.tolist()))
    if len(names) > 1:
        figures["sources"] = {metric_key(name): summarize(sources == name) for name in names}
    return Measured(figures, items)


def score_documents(
    documents: Sequence[Document], tokenizer: Tokenizer, scorers: dict[str, TokenScorer]
) -> dict[str, Sequence[np.ndarray]]:
    """Return the bits [documents] [tokens] of every scorer, those of the end token last."""
    sequences = [[BOS, *tokenizer.encode(document.text), EOS] for document in documents]
    return {name: scorer(sequences) for name, scorer in scorers.items()}


def mix_bits(model: Sequence[np.ndarray], ngram: Sequence[np.ndarray], weight: float) -> Sequence[np.ndarray]:
    """Return the bits of each token when the model's probability counts `weight`, the n-gram's the rest.

    What a model of that size leaves to counting is how far this lies below the model alone.
    """
    return [
        -np.logaddexp2(np.log2(weight) - ours, np.log2(1 - weight) - theirs)
        for ours, theirs in zip(model, ngram, strict=True)
    ]


def find_mixture_weight(model: Sequence[np.ndarray], ngram: Sequence[np.ndarray]) -> float:
    """Return the weight of the model with which the mixture needs the fewest bits, of all between 0 and 1.

    The bits are convex in the weight, so halving the interval by the sign of the slope finds it.
    """
    ours, theirs = np.exp2(-np.concatenate(model)), np.exp2(-np.concatenate(ngram))
    low, high = 0.001, 0.999
    for _ in range(30):
        weight = (low + high) / 2
        slope = ((ours - theirs) / (weight * ours + (1 - weight) * theirs)).sum()
        low, high = (weight, high) if slope > 0 else (low, weight)
    return (low + high) / 2
