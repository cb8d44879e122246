"""Finds English words of the program in what it prints in Turkish."""

import re
from functools import cache

from pipeline.common.i18n import PLACE, load_catalog
from pipeline.common.params import read_params
from tests.helpers.paths import ROOT

WORD = re.compile(r"\b[a-z]{3,}\b")
# Names: commands and options, files, keys and their values, links, and what stands in quotes.
NAMES = re.compile(
    r"`[^`]*`|“[^”]*”|\"[^\"]*\"|'[^']*'|\S*[/_=@\d]\S*|--?[a-z][\w-]*|\w+(?:[.-]\w+)+|\b\w+:(?=\S)|<\|?\w+\|?>"
)
# Of sentences of libraries, which the catalog may lack.
FUNCTION_WORDS = {"the", "are", "was", "not", "with", "and", "but", "while", "should", "must", "than", "from"}
# A command, metrics, kinds of tasks and a preset, which are English words.
CALLED = {"less", "quote", "hybrid", "choice", "similarity", "minute"}


def without_names(text: str) -> str:
    """What is left of a text without names."""
    return NAMES.sub(" ", re.sub(r"\x1b\[[\d;]*m", "", text))


def list_keys(section: object) -> set[str]:
    """The keys of a section of params.yaml and of those inside it, with its words for values."""
    if isinstance(section, dict):
        return {str(key) for key in section}.union(*map(list_keys, section.values()))
    if isinstance(section, list):
        return set().union(*map(list_keys, section))
    return {section} if isinstance(section, str) else set()


@cache
def english_words() -> set[str]:
    """The words of messages that are in no Turkish message and are no key or value of params.yaml."""
    english, turkish = set(), set()
    for template, translation in load_catalog().items():
        english |= set(WORD.findall(without_names(PLACE.sub(" ", template))))
        turkish |= set(re.findall(r"\w+", PLACE.sub(" ", translation)))
    keys = {word for key in list_keys(read_params(ROOT / "params.yaml")) for word in WORD.findall(key)}
    return (english - turkish - keys - CALLED) | FUNCTION_WORDS


def find_english(printed: str) -> dict[str, str]:
    """The English words of a text, each with its line."""
    found = {}
    for line in printed.splitlines():
        for word in re.findall(r"\w+", without_names(line)):
            if word in english_words():
                found.setdefault(word, line)
    return found
