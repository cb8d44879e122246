"""What n-gram counts are expected to add to a network, by the runs of experiments/counts-beside-network.md.

All of them are of parliament, laws and encyclopedia, 8,192 pieces, up to five tokens, scored on held-out text
of the same publishers. How much the mixture gains follows from how the two compare: the better the counts are
beside the network, the more it gains.
"""

import numpy as np

TEXT = (5.1e6, 20.2e6, 91e6)  # bytes
COUNTS = (1.448, 1.261, 1.085)  # bits per byte of the counts alone
# Bits per byte of the network less those of the counts, and what the mixture is better than the network by.
LEADS = (-0.060, 0.012, 0.079, 0.157, 0.247, 0.401)
GAINS = (0.067, 0.114, 0.149, 0.195, 0.280, 0.414)


def expect_counts(text: float) -> float:
    """Return the bits per byte that the counts of `text` bytes need by themselves."""
    return float(np.interp(np.log(text), np.log(TEXT), COUNTS))


def expect_gain(network: float, text: float) -> float:
    """Return by how many bits per byte counts of `text` bytes better a network that needs `network`."""
    return float(np.interp(network - expect_counts(text), LEADS, GAINS))


def is_measured(text: float) -> bool:
    """Tell if a text is as long as those of the runs."""
    return TEXT[0] <= text <= TEXT[-1]
