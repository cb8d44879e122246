"""A network and the counts of its training text, mixed: p = g · network + (1 - g) · counts.

The gate g is between 0 and 1 for each token: a linear map of the network's last hidden state and of what the
counts know of the context, through a sigmoid. Both parts add up to 1 over the vocabulary, so the mixture
does.

N tokens    D width of the network    F figures of the counts    V vocabulary
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from pipeline.common.io import write_atomic
from pipeline.ngrams.model import NGramModel, Prediction

GATE_FILE = "gate.safetensors"
PENALTY = 1e-4  # on the squared weights of the gate


@dataclass(frozen=True)
class Gate:
    """The weights of the linear map; its last one is the constant."""

    weight: Tensor  # [D + F]

    def log_shares(self, hidden_NxD: Tensor, figures_NxF: Tensor) -> tuple[Tensor, Tensor]:
        """Return log g and log(1 - g) of N tokens."""
        logits_N = torch.cat([hidden_NxD.float(), figures_NxF], dim=1) @ self.weight
        return F.logsigmoid(logits_N), F.logsigmoid(-logits_N)


def describe_contexts(prediction: Prediction, order: int) -> Tensor:
    """Return the figures [N, F] by which the gate knows the counts: F = `order` + 2.

    They are the length of the context (one of `order`), log g(h) and 1.
    """
    lengths_NxO = np.eye(order)[prediction.length]
    rest = [np.log(prediction.backoff), np.ones(len(prediction.length))]
    return torch.from_numpy(np.column_stack([lengths_NxO, *rest])).float()
