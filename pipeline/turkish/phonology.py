"""Phonology of Turkish suffixes after a stem: vowel harmony, assimilation and buffer letters.

A suffix is written as a pattern of small letters, which stay, and of capitals, which the letters before
decide: A is a or e, I is ı, i, u or ü, D is d or t, C is c or ç. A letter in brackets is a buffer: a
vowel stands only after a consonant, a consonant only after a vowel. "(s)I" is ev-i, kapı-sı. "DAn" is
ev-den, kitap-tan. (Göksel & Kerslake, Turkish: A Comprehensive Grammar, 2005, ch. 3 and 6.)
"""

VOWELS = "aâıoôuûeêiîöü"
VOICELESS = "fstkçşhp"
HIGH_VOWEL_AFTER = dict(zip(VOWELS, "ıııuuuuiiiiüü", strict=True))  # the I that follows each vowel
FRONTED = str.maketrans("aâıoôuû", "eeiööüü")
VOICED = {"p": "b", "ç": "c", "t": "d", "k": "ğ", "g": "ğ"}


def last_vowel(sound: str) -> str:
    """Return the vowel of `sound` (lower case) that suffixes harmonize with, e if it has none."""
    return next((letter for letter in reversed(sound) if letter in VOWELS), "e")


def count_syllables(sound: str) -> int:
    """Return the number of syllables of `sound`: as many as vowels."""
    return sum(letter in VOWELS for letter in sound)


def realize_suffix(pattern: str, sound: str) -> str:
    """Return the surface form of the suffix `pattern` after `sound`, which is in lower case."""
    suffix = ""
    buffer = False
    for letter in pattern:
        if letter in "()":
            buffer = letter == "("
            continue
        before = (sound + suffix)[-1:]
        if buffer and (before in VOWELS) == (letter in "AI"):
            continue
        high = HIGH_VOWEL_AFTER[last_vowel(sound + suffix)]
        match letter:
            case "A":
                letter = "a" if high in "ıu" else "e"
            case "I":
                letter = high
            case "D":
                letter = "t" if before in VOICELESS else "d"
            case "C":
                letter = "ç" if before in VOICELESS else "c"
        suffix += letter
    return suffix


def front_last_vowel(sound: str) -> str:
    """Return `sound` with its last vowel fronted, as suffixes hear saat, gol and usul: saati, golü, usulü."""
    i = max((sound.rfind(letter) for letter in VOWELS), default=-1)
    return sound[:i] + sound[i:].translate(FRONTED)


def voice_last_consonant(stem: str) -> str:
    """Return `stem` with its last consonant voiced: kitap → kitab, renk → reng, kanat → kanad."""
    if stem.endswith("nk"):
        return stem[:-1] + "g"
    return stem[:-1] + VOICED.get(stem[-1], stem[-1])
