"""Bits per UTF-8 byte that a model needs to predict text: comparable across tokenizers.

A document is the tokens `<s> … </s>`. It is read from its own `<s>` in windows that overlap by
half; every token but `<s>` is scored once, with at least half a window of tokens before it where
the document has them. All bits, those of the end token included, are divided by the bytes of the
text.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from pipeline.common.metrics import metric_key
from pipeline.eval_sets.readers import Document
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.special import BOS, EOS
from pipeline.tokenizer.tokenizer import Tokenizer

MAX_TOKENS = 8192  # in a forward pass
MAX_LOGITS = 2**25  # in a forward pass: 128 MiB in fp32

# From sequences of ids, each begun by a token that is given (`<s>`), the bits [sequences] that the rest of
# each costs (float64). Decoders and n-gram models have one each.
Scorer = Callable[[Sequence[Sequence[int]]], np.ndarray]


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


@torch.inference_mode()
def sequence_bits(
    model: Decoder,
    sequences: Sequence[Sequence[int]],
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> np.ndarray:
    """Return the bits [sequences] that `model` needs for each sequence after its first token (float64).

    Matrix products run inside `autocast()`, the softmax in fp32 and the sums in fp64.
    """
    device = next(model.parameters()).device
    arrays = [np.asarray(sequence, dtype=np.int64) for sequence in sequences]
    windows = [window for i, ids in enumerate(arrays) for window in split_windows(len(ids), model.context, i)]
    bits = np.zeros(len(arrays))
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
            logits_NxV = model.lm_head(hidden_BxTxD[torch.from_numpy(rows), torch.from_numpy(columns)])
        targets_N = torch.from_numpy(targets_BxT[rows, columns]).to(device)
        nats_N = F.cross_entropy(logits_NxV.float(), targets_N, reduction="none").cpu().numpy()
        owners = np.array([window.sequence for window in batch])
        bits += np.bincount(owners[rows], weights=nats_N.astype(np.float64), minlength=len(bits))
    return bits / np.log(2)


def measure_bits_per_byte(
    documents: Sequence[Document], tokenizer: Tokenizer, scorers: dict[str, Scorer]
) -> dict[str, Any]:
    """Measure the bits per byte of every scorer on the same documents (at least one), in all and by source.

    Sources are listed only where there are several.
    """
    sequences = [[BOS, *tokenizer.encode(document.text), EOS] for document in documents]
    bits = {name: scorer(sequences) for name, scorer in scorers.items()}
    bytes_D = np.array([len(document.text.encode()) for document in documents])
    tokens_D = np.array([len(sequence) - 1 for sequence in sequences])

    def summarize(mask: np.ndarray) -> dict[str, Any]:
        size = int(bytes_D[mask].sum())
        counts = {"documents": int(mask.sum()), "tokens": int(tokens_D[mask].sum()), "bytes": size}
        return {name: float(bits[name][mask].sum()) / size for name in scorers} | counts

    result = summarize(np.full(len(documents), True))
    sources = np.array([document.source for document in documents])
    names = sorted(set(sources.tolist()))
    if len(names) > 1:
        result["sources"] = {metric_key(name): summarize(sources == name) for name in names}
    return result
