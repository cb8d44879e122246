"""What n-gram models and decoders have in common, and how figures are named."""

from collections.abc import Callable, Sequence

import numpy as np

# From sequences of ids, each begun by a token that is given (`<s>`), the bits of each: how many the
# rest of it costs (float64).
Scorer = Callable[[Sequence[Sequence[int]]], np.ndarray]


def metric_key(name: str) -> str:
    """`name` as a key of a metrics file, where a dot would mean nesting."""
    return name.replace(".", "_")
