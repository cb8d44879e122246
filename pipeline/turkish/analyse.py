"""Morphological analysis: the inflector run over a lexicon, as far as the letters of a form allow."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache

from pipeline.text.casing import lower
from pipeline.text.comparison_keys import APOSTROPHES
from pipeline.turkish.inflect import Form, noun, particle, verb
from pipeline.turkish.lexicon import NOUNS_BY_FLAG, VERBS_BY_FLAG, common_words
from pipeline.turkish.morphotactics import GRAMMAR

MAX_STEM_CHANGE = 2  # letters at a stem's end that a suffix may change: ağız, ağz-ı
KEY_LETTERS = 3  # first letters by which stems are looked up


class Analyser:
    """Analyzes forms of the words of a lexicon, made by inflect.noun, name, verb and the like."""

    def __init__(self, lexicon: Iterable[Form]) -> None:
        self._stems: dict[str, list[Form]] = defaultdict(list)
        for word in lexicon:
            self._stems[lower(word)[:-MAX_STEM_CHANGE][:KEY_LETTERS]].append(word)

    def analyses(self, form: str) -> list[Form]:
        """Return every reading of `form`, fewest morphemes first, or none if the lexicon lacks the word.

        A reading is a Form with its lemma, tags and segments. Letter case is ignored: Elma may begin a
        sentence.
        """
        for apostrophe in APOSTROPHES:
            form = form.replace(apostrophe, "'")
        target = lower(form)
        candidates = [stem for size in range(KEY_LETTERS + 1) for stem in self._stems.get(target[:size], ())]
        readings = []
        while candidates:
            candidate = candidates.pop()
            letters = lower(candidate)
            if letters == target:
                readings.append(candidate)
            kept = letters[: max(len(letters) - count_changeable_letters(candidate), 1)]
            if target.startswith(kept) and len(letters) <= len(target):
                candidates += _extend(candidate)
        return sorted(readings, key=lambda reading: (len(reading.segments), reading.lemma, reading.tags))

    def segmentations(self, form: str) -> list[tuple[str, ...]]:
        """Return the different ways to cut `form` into morphemes, fewest first, in the stems' own case."""
        return list(dict.fromkeys(reading.segments for reading in self.analyses(form)))


def count_changeable_letters(form: Form) -> int:
    """Return the number of letters at its end that another suffix may change."""
    if not form.tags:
        return MAX_STEM_CHANGE
    return 3 if form.tags[-1] == "abil" else 1  # gel-ebil, gel-e-me; ev-cik, ev-ciğ-i


@cache
def default_analyser() -> Analyser:
    """Return an analyser of the common words of words.txt and of the words that the lexicon flags."""
    sections = common_words()
    words: list[Form] = [particle(word) for word in sorted(sections["whole"])]
    for kind, words_by_flag, make in (("nouns", NOUNS_BY_FLAG, noun), ("verbs", VERBS_BY_FLAG, verb)):
        for word in sorted(sections[kind].union(*words_by_flag.values())):
            words += [] if "=" in word else [make(word)]
    return Analyser(words)


def _extend(form: Form) -> Iterator[Form]:
    """Yield `form` with every suffix that can follow and is written."""
    for tag in GRAMMAR[form.state]:
        if tag != "sg3":
            with suppress(ValueError):  # a compound takes what its head takes
                yield form.add(tag)
