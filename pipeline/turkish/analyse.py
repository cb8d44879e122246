"""The way back from a form to its morphemes: the inflector run over a lexicon, as far as the form allows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache

from pipeline.text.casing import lower
from pipeline.text.normalize import APOSTROPHES
from pipeline.turkish.inflect import Form, noun, particle, verb
from pipeline.turkish.lexicon import NOUNS, VERBS, sections
from pipeline.turkish.morphotactics import GRAMMAR

DATA_FILES = ("words.txt",)
STEM_CHANGE = 2  # letters at a stem's end that a suffix may change: ağız, ağz-ı
KEY = 3  # letters by which stems are found


class Analyser:
    """Reads forms of the words of a lexicon, which inflect.noun, name, verb and their kin make."""

    def __init__(self, lexicon: Iterable[Form]) -> None:
        self._stems: dict[str, list[Form]] = defaultdict(list)
        for word in lexicon:
            self._stems[lower(word)[:-STEM_CHANGE][:KEY]].append(word)

    def analyses(self, form: str) -> list[Form]:
        """Every reading of `form`, those of fewest morphemes first; none where the lexicon lacks the word.

        A reading is a Form with its lemma, tags and segments. Case tells no words apart: Elma may begin a
        sentence.
        """
        for mark in APOSTROPHES:
            form = form.replace(mark, "'")
        target = lower(form)
        waiting = [stem for size in range(KEY + 1) for stem in self._stems.get(target[:size], ())]
        found = []
        while waiting:
            candidate = waiting.pop()
            letters = lower(candidate)
            if letters == target:
                found.append(candidate)
            kept = letters[: max(len(letters) - changeable(candidate), 1)]
            if target.startswith(kept) and len(letters) <= len(target):
                waiting += _grown(candidate)
        return sorted(found, key=lambda reading: (len(reading.segments), reading.lemma, reading.tags))

    def segmentations(self, form: str) -> list[tuple[str, ...]]:
        """The different ways to cut `form` into morphemes, fewest first; in the stems' own case."""
        return list(dict.fromkeys(reading.segments for reading in self.analyses(form)))


def changeable(form: Form) -> int:
    """How many letters at its end another suffix may change."""
    if not form.tags:
        return STEM_CHANGE
    return 3 if form.tags[-1] == "abil" else 1  # gel-ebil, gel-e-me; ev-cik, ev-ciğ-i


@cache
def analyser() -> Analyser:
    """Of the common words of words.txt and of those of which inflection must know something."""
    listed = sections("words.txt")
    made: list[Form] = [particle(word) for word in sorted(listed["whole"])]
    for kind, flagged, make in (("nouns", NOUNS, noun), ("verbs", VERBS, verb)):
        for word in sorted(listed[kind].union(*flagged.values())):
            with suppress(AttributeError):  # kimisi: its head takes no possessor
                made += [] if "=" in word else [make(word)]
    return Analyser(made)


def _grown(form: Form) -> Iterator[Form]:
    """`form` with every suffix that can follow and is written."""
    for tag in GRAMMAR[form.state]:
        if tag != "sg3":
            with suppress(ValueError):  # a compound takes what its head takes
                yield form.add(tag)
