"""What a model of some size learns from some text, by a law through measured runs.

    bits per byte = ((A / parameters^a)^p + (B / bytes^b)^p)^(1/p)

The first term is where the weights alone would leave it, the second where the text alone would, and p says
how sharply one takes over from the other. Hoffmann et al. (2022, arXiv 2203.15556, section 3.3) add two such
terms to a floor; through these runs that misses one it has not seen by up to 4 %, this by 1.2 %
(EXPERIMENTS.md).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REREAD = 15.4  # epochs after which reading again is worth 1 / e (Muennighoff et al. 2023, arXiv 2305.16264)
SURE = 2.0  # standard errors, within which 19 of 20 lie
START = np.log([2.0, 0.2, 2.0, 0.2, 2.0])  # A, a, B, b and p before the fit
ROUNDS = 100  # of the fit, which takes some twenty
SMALL = 1e-6  # a change of a number by which its influence is found
DAMPING = 1e-3  # of the first round
# Millions of parameters, millions of bytes that were read, bits per byte of validation documents of the same
# kinds, speeches of parliament and statutes: `python -m benchmarks.scaling` trains these runs.
RUNS = np.array(
    [
        [1.027, 2.59, 1.6340],
        [1.027, 10.38, 1.4268],
        [1.027, 40.21, 1.2846],
        [1.027, 80.42, 1.2359],
        [3.012, 2.59, 1.5662],
        [3.012, 10.38, 1.3416],
        [3.012, 40.21, 1.1582],
        [3.012, 80.42, 1.0995],
        [3.012, 160.80, 1.0510],
        [10.228, 10.38, 1.2798],
        [10.228, 40.21, 1.0742],
        [10.228, 80.42, 1.0023],
        [13.768, 24.20, 1.1221],
        [29.894, 10.38, 1.2472],
        [29.894, 24.20, 1.1149],
    ]
)
THERE = 91.08  # millions of bytes of training text there were


@dataclass(frozen=True)
class Law:
    """The numbers, of sizes and texts in millions, and how sure they are."""

    logs: Floats  # of A, a, B, b and p
    covariance: Floats  # of the logs
    deviation: float  # of runs from the law, in parts of their figures

    def bits_per_byte(self, parameters: float, text: float) -> float:
        """What `parameters` weights reach after `text` bytes that are all new."""
        return float(np.exp(log_bits(self.logs, parameters / 1e6, text / 1e6)))

    def error(self, parameters: float, text: float) -> float:
        """By what part of `bits_per_byte` a run may miss it, 19 times of 20, if the law holds there."""
        (gradient,) = slopes(self.logs, np.array([parameters / 1e6]), np.array([text / 1e6]))
        return SURE * float(np.sqrt(gradient @ self.covariance @ gradient + self.deviation**2))

    def deserved(self, parameters: float) -> float:
        """Bytes at which more weights and more text are worth the same, for as many operations more.

        Operations grow as parameters times bytes, so that there a times the first term to the power of p is b
        times the second.
        """
        A, a, B, b, p = np.exp(self.logs)
        of_size = A / (parameters / 1e6) ** a
        return 1e6 * float((B / of_size) ** (1 / b) * (b / a) ** (1 / (b * p)))


def log_bits(logs: Floats, size: Floats | float, text: Floats | float) -> Floats:
    """ln of the bits per byte by the law; sizes and texts in millions."""
    A, a, B, b, p = np.exp(logs)
    of_size, of_text = np.log(A) - a * np.log(size), np.log(B) - b * np.log(text)
    return np.logaddexp(p * of_size, p * of_text) / p


def slopes(logs: Floats, sizes: Floats, texts: Floats) -> Floats:
    """How `log_bits` of runs [R] changes with each of the logs: [R, 5]."""
    steps = SMALL * np.eye(len(logs))
    rises = [log_bits(logs + step, sizes, texts) - log_bits(logs - step, sizes, texts) for step in steps]
    return np.stack(rises, axis=1) / (2 * SMALL)


def fitted(sizes: Floats, texts: Floats, bits: Floats) -> Law:
    """The law whose relative misses of runs [R] are least in the square; sizes and texts in millions.

    By Levenberg and Marquardt: Newton's steps of least squares, shorter while they do not help.
    """
    logs, damping = START, DAMPING
    missed = np.log(bits) - log_bits(logs, sizes, texts)
    for _ in range(ROUNDS):
        slope = slopes(logs, sizes, texts)
        normal = slope.T @ slope
        tried = logs + np.linalg.solve(normal + damping * np.diag(np.diag(normal)), slope.T @ missed)
        after = np.log(bits) - log_bits(tried, sizes, texts)
        if after @ after < missed @ missed:
            logs, missed, damping = tried, after, damping / 10
        else:
            damping *= 10
    variance = missed @ missed / (len(bits) - len(logs))
    slope = slopes(logs, sizes, texts)
    return Law(logs, variance * np.linalg.inv(slope.T @ slope), float(np.sqrt(variance)))


@cache
def law() -> Law:
    """The law through RUNS."""
    sizes, texts, bits = RUNS.T
    return fitted(sizes, worth(THERE, texts), bits)


def measured(parameters: float, text: float) -> bool:
    """Whether the runs reach so far."""
    (smallest, least, _), (largest, most, _) = RUNS.min(axis=0) * 1e6, RUNS.max(axis=0) * 1e6
    return bool(smallest <= parameters <= largest and least <= text <= most)


def worth(there: float, read: Floats | float) -> Floats:
    """Bytes of new text that are worth as much as `read` bytes, of which `there` are different.

    After arXiv 2305.16264, section 3.1, whose constant was found on models of up to 9 B parameters.
    """
    again = np.maximum(read / there - 1, 0)
    return np.minimum(read, there) + there * REREAD * (1 - np.exp(-again / REREAD))
