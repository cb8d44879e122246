"""A network and the counts of its training text, mixed: p = g · network + (1 - g) · counts.

The gate g lies between 0 and 1 and differs from token to token: a sigmoid of a linear map of the network's
last hidden state and of what the counts know of the context. Both parts add up to 1 over the vocabulary, up
to rounding, so the mixture does.

N tokens    D width of the network    F figures of a context    V vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from pipeline.common.errors import UserError, one_line
from pipeline.common.io import write_atomic
from pipeline.common.library_messages import recognize
from pipeline.ngrams.folder import open_ngram_folder
from pipeline.ngrams.model import NGramModel, Prediction

NGRAM_FOLDER = "ngram"  # in a model's folder
GATE_FILE = "gate.safetensors"
PENALTY = 5.0  # on the squares of the gate's weights, against the sum over tokens: few tokens fit few weights
FIT_STEPS = 100


@dataclass(frozen=True)
class Mixture:
    """Counts, and the gate that decides between them and the network."""

    counts: NGramModel
    gate: Tensor  # [D + F], the weights of the linear map

    def mix(self, logs_N: Tensor, hidden_NxD: Tensor, prediction: Prediction) -> Tensor:
        """Return log p [N] of tokens, from those of the network and what the counts predict of each."""
        figures_NxF = describe_contexts(prediction, len(self.counts.levels))
        counted_N = torch.from_numpy(np.log(prediction.p)).to(logs_N)
        return mix_logs(self.gate, logs_N, counted_N, gate_inputs(hidden_NxD, figures_NxF))

    def mix_next(self, logits_BxV: Tensor, hidden_BxD: Tensor, ids: Sequence[Sequence[int]]) -> Tensor:
        """Return logits [B, V] of the next token after each row of `ids`, which begins with `<s>`.

        Their softmax is the mixture. They are on the scale of the network's, as a penalty of what was said
        depends on their signs.
        """
        predictions = [self.counts.predict_next(row) for row in ids]
        figures_BxF = describe_contexts(Prediction.join(predictions), len(self.counts.levels))
        inputs_BxI = gate_inputs(hidden_BxD, figures_BxF)
        counted_BxV = torch.from_numpy(np.stack([prediction.p for prediction in predictions])).to(inputs_BxI)
        scale_Bx1 = logits_BxV.float().logsumexp(dim=1, keepdim=True)
        logs_BxV = logits_BxV.float() - scale_Bx1
        return mix_logs(self.gate, logs_BxV, counted_BxV.log(), inputs_BxI[:, None]) + scale_Bx1


def describe_contexts(prediction: Prediction, order: int) -> Tensor:
    """Return the figures [N, F] of contexts by which the gate knows the counts.

    F = `order` + 2: the length of the context (a 1 among `order` places), log g(h), and 1.
    """
    lengths_NxO = np.eye(order)[prediction.length]
    return torch.from_numpy(
        np.column_stack([lengths_NxO, np.log(prediction.backoff), np.ones(len(lengths_NxO))])
    )


def gate_inputs(hidden_NxD: Tensor, figures_NxF: Tensor) -> Tensor:
    """Return what the gate reads of N tokens, fp32 [N, D + F]."""
    return torch.cat([hidden_NxD.float(), figures_NxF.to(hidden_NxD.device, torch.float32)], dim=1)


def mix_logs(gate: Tensor, network: Tensor, counts: Tensor, inputs: Tensor) -> Tensor:
    """Return log p of the mixture, from log p of its parts and what the gate reads, [..., D + F]."""
    logits = inputs @ gate.to(inputs)
    return torch.logaddexp(F.logsigmoid(logits) + network, F.logsigmoid(-logits) + counts)


def fit_gate(network_N: Tensor, counts_N: Tensor, inputs_NxI: Tensor) -> Tensor:
    """Return the weights of the gate with which the mixture predicts N tokens best.

    `network_N` and `counts_N` are log p of the tokens. They should be of text that was not counted: of its
    own text the counts know too much.
    """
    network_N, counts_N, inputs_NxI = (values.double().cpu() for values in (network_N, counts_N, inputs_NxI))
    gate = torch.zeros(inputs_NxI.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([gate], max_iter=FIT_STEPS, line_search_fn="strong_wolfe")

    def measure_loss() -> Tensor:
        optimizer.zero_grad()
        nats = -mix_logs(gate, network_N, counts_N, inputs_NxI).sum()
        loss = (nats + PENALTY * gate.square().sum()) / len(network_N)
        loss.backward()
        return loss

    optimizer.step(measure_loss)
    return gate.detach().float()


def save_gate(folder: Path, gate: Tensor) -> None:
    """Write the gate beside its counts."""
    write_atomic(folder / GATE_FILE, save({"weight": gate}))


def find_mixture(model_folder: Path, width: int, check: bool = False) -> Mixture | None:
    """Return the mixture of a model's folder, whose network has `width`; None where it has no counts.

    With `check` all of its files are read and compared with their checksums. Raises UserError where a file
    is missing, damaged, or of another tokenizer or network.
    """
    folder = model_folder / NGRAM_FOLDER
    if not folder.exists():
        return None
    counts = open_ngram_folder(folder, model_folder / "tokenizer.model", check)
    path = folder / GATE_FILE
    try:
        gate = load_file(path)["weight"]
    except (OSError, SafetensorError, KeyError) as error:
        raise UserError(
            "{path}: damaged: {error}; run `dvc repro --force train_base`",
            path=path,
            error=recognize(one_line(error)),
        ) from None
    expected = width + len(counts.levels) + 2
    if gate.shape != (expected,):
        raise UserError(
            "{path}: of another network: {shape} weights in place of {expected}; run `dvc repro train_base`",
            path=path,
            shape=tuple(gate.shape),
            expected=expected,
        )
    return Mixture(counts, gate)
