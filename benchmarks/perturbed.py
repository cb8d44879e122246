"""Copies of texts that differ from them as copies on the web do."""

import random

import numpy as np

from pipeline.text.casing import upper


def perturbed(text: str, share: float, pool: list[str], rng: random.Random) -> str:
    """`text` with a share of its words replaced by others of `pool`; half the time its lines in another
    order, one time in five each in capitals, or without commas and with other full stops.
    """
    lines = text.split("\n")
    if rng.random() < 0.5:
        rng.shuffle(lines)
    words = [word for line in lines for word in (*line.split(" "), "\n")][:-1]
    chosen = np.random.default_rng(rng.getrandbits(32)).random(len(words)) < share
    for place in np.flatnonzero(chosen).tolist():
        if words[place] != "\n":
            words[place] = pool[rng.randrange(len(pool))]
    copy = " ".join(words).replace(" \n ", "\n")
    kind = rng.random()
    if kind < 0.2:
        return upper(copy)
    return copy.replace(",", "").replace(".", "!") if kind < 0.4 else copy
