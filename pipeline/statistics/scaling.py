"""A scaling law: the bits per byte of a model by its size and its training text, fitted to measured runs.

    bits per byte = ((A / parameters^a)^p + (B / bytes^b)^p)^(1/p)

The first term is the limit of the parameters, the second the limit of the text. A larger p makes the change
from one to the other sharper. Hoffmann et al. (2022, arXiv 2203.15556, section 3.3) add two such terms to a
constant. Fitted to the runs of `benchmarks/scaling.py`, their form misses a held-out run by up to 4 %, this
one by 1.2 % (experiments/scaling-law.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Epochs after which the value of rereading has decayed to 1 / e (Muennighoff et al. 2023, arXiv 2305.16264).
REPEAT_DECAY_EPOCHS = 15.4
CONFIDENCE_ERRORS = 2.0  # standard errors that hold 19 of 20
# Of the runs that the law was fitted to, in millions: smallest and largest.
RUN_PARAMETERS, RUN_BYTES = (1.027, 29.894), (2.59, 160.80)


@dataclass(frozen=True)
class ScalingLaw:
    """The fitted numbers, for parameters and bytes in millions, and their uncertainty."""

    logs: Floats  # of A, a, B, b and p
    covariance: Floats  # of the logs
    deviation: float  # relative, of runs from the law

    def bits_per_byte(self, parameters: float, text: float) -> float:
        """Return the bits per byte of a model of `parameters` after `text` bytes without repetition."""
        return float(np.exp(log_bits(self.logs, parameters / 1e6, text / 1e6)))

    def relative_error(self, parameters: float, text: float) -> float:
        """Return the relative error of `bits_per_byte` that 19 of 20 runs stay within, if the law holds."""
        slope = gradient(self.logs, parameters / 1e6, text / 1e6)
        return CONFIDENCE_ERRORS * float(np.sqrt(slope @ self.covariance @ slope + self.deviation**2))

    def optimal_bytes(self, parameters: float) -> float:
        """Return the compute-optimal bytes of text, where more parameters and more text help equally.

        Operations grow as parameters times bytes. So at the optimum a times the first term to the power of p
        equals b times the second to the power of p.
        """
        A, a, B, b, p = np.exp(self.logs)
        of_size = A / (parameters / 1e6) ** a
        return 1e6 * float((B / of_size) ** (1 / b) * (b / a) ** (1 / (b * p)))


def log_bits(logs: Floats, size: Floats | float, text: Floats | float) -> Floats:
    """Return ln of the bits per byte by the law, for sizes and texts in millions."""
    A, a, B, b, p = np.exp(logs)
    of_size, of_text = np.log(A) - a * np.log(size), np.log(B) - b * np.log(text)
    return np.logaddexp(p * of_size, p * of_text) / p


def gradient(logs: Floats, size: Floats | float, text: Floats | float) -> Floats:
    """Return the derivative of `log_bits` of runs [R] by each of the logs: [R, 5]."""
    A, a, B, b, p = np.exp(logs)
    of_size, of_text = np.log(A) - a * np.log(size), np.log(B) - b * np.log(text)
    share = 1 / (1 + np.exp(p * (of_text - of_size)))  # of the first term, in the sum of both
    of_p = share * of_size + (1 - share) * of_text - log_bits(logs, size, text)
    by_log = share, -share * a * np.log(size), 1 - share, -(1 - share) * b * np.log(text), of_p
    return np.stack(by_log, axis=-1)


# The law of the runs of `benchmarks/scaling.py`, as `python -m benchmarks.scaling` prints it.
LAW = ScalingLaw(
    logs=np.array([1.030046827e-01, -1.673910140e00, 5.501226599e-01, -1.894944094e00, 1.240086206e00]),
    covariance=np.array(
        [
            [4.639944635e-04, -5.172193754e-04, 1.764443700e-04, 2.099215806e-04, 1.497735021e-03],
            [-5.172193754e-04, 2.988020153e-03, -3.031250853e-04, -1.047173015e-03, -1.544629029e-03],
            [1.764443700e-04, -3.031250853e-04, 1.004780503e-04, 1.624147353e-04, 5.912665960e-04],
            [2.099215806e-04, -1.047173015e-03, 1.624147353e-04, 5.485229690e-04, 5.012176267e-04],
            [1.497735021e-03, -1.544629029e-03, 5.912665960e-04, 5.012176267e-04, 5.243039617e-03],
        ]
    ),
    deviation=5.203667738e-03,
)


def is_within_runs(parameters: float, text: float) -> bool:
    """Return true if a run of this size lies within the range of the runs that the law was fitted to."""
    pairs = ((parameters, RUN_PARAMETERS), (text, RUN_BYTES))
    return all(low * 1e6 <= value <= high * 1e6 for value, (low, high) in pairs)


def effective_bytes(unique: float, read: Floats | float) -> Floats:
    """Return the bytes of new text that are worth as much as `read` bytes, of which `unique` are different.

    After arXiv 2305.16264, section 3.1. Its constant was fitted to models of up to 9 B parameters.
    """
    repeats = np.maximum(read / unique - 1, 0)
    decay = np.exp(-repeats / REPEAT_DECAY_EPOCHS)
    return np.minimum(read, unique) + unique * REPEAT_DECAY_EPOCHS * (1 - decay)
