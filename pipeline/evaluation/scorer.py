"""What n-gram models and decoders have in common."""

from collections.abc import Callable, Sequence

import numpy as np

# From sequences of ids, each begun by a token that is given (`<s>`), the bits of each: how many the
# rest of it costs (float64).
Scorer = Callable[[Sequence[Sequence[int]]], np.ndarray]
