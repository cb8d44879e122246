"""Perturbed copies of texts, which differ as copies on the web do."""

import random

import numpy as np

from pipeline.text.casing import upper


def perturb_text(text: str, share: float, pool: list[str], rng: random.Random) -> str:
    """Return `text` with a share of its words replaced by words of `pool`.

    Half the time its lines are in another order. One time in five each it is in capitals, or without commas
    and with other full stops.
    """
    lines = text.split("\n")
    if rng.random() < 0.5:
        rng.shuffle(lines)
    words = [word for line in lines for word in (*line.split(" "), "\n")][:-1]
    replaced = np.random.default_rng(rng.getrandbits(32)).random(len(words)) < share
    for i in np.flatnonzero(replaced).tolist():
        if words[i] != "\n":
            words[i] = pool[rng.randrange(len(pool))]
    copy = " ".join(words).replace(" \n ", "\n")
    kind = rng.random()
    if kind < 0.2:
        return upper(copy)
    return copy.replace(",", "").replace(".", "!") if kind < 0.4 else copy
