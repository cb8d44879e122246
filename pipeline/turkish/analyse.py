"""The way back from a form to its morphemes: the inflector run over a lexicon, as far as the form allows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress

from pipeline.turkish.casing import lower
from pipeline.turkish.inflect import Form
from pipeline.turkish.morphotactics import GRAMMAR
from pipeline.turkish.normalise import APOSTROPHES

STEM_CHANGE = 2  # letters at a stem's end that a suffix may change: ağız, ağz-ı
CHANGE = 3  # and at the end of an inflected form: gel-ebil, gel-e-me
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
            if target.startswith(letters[: max(len(letters) - CHANGE, 1)]):
                waiting += _grown(candidate)
        return sorted(found, key=lambda reading: (len(reading.segments), reading.lemma, reading.tags))

    def segmentations(self, form: str) -> list[tuple[str, ...]]:
        """The different ways to cut `form` into morphemes, fewest first; in the stems' own case."""
        return list(dict.fromkeys(reading.segments for reading in self.analyses(form)))


def _grown(form: Form) -> Iterator[Form]:
    """`form` with every suffix that can follow and is written."""
    for tag in GRAMMAR[form.state]:
        if tag != "sg3":
            with suppress(ValueError):  # a compound takes what its head takes
                yield form.add(tag)
