"""How a Turkish suffix sounds after a stem: vowel harmony, assimilation and buffer letters.

A suffix is written as a pattern of small letters, which stay, and of capitals, which the letter before
decides: A is a or e; I is ı, i, u or ü; D is d or t; C is c or ç. A letter in brackets is a buffer: a
vowel stands only after a consonant, a consonant only after a vowel. "(s)I" is ev-i, kapı-sı; "DAn" is
ev-den, kitap-tan. (Göksel & Kerslake, Turkish: A Comprehensive Grammar, 2005, ch. 3 and 6.)
"""

VOWELS = "aâıoôuûeêiîöü"
HARD = "fstkçşhp"
HIGH_AFTER = dict(zip(VOWELS, "ıııuuuuiiiiüü", strict=True))  # the I that follows each vowel
FRONTED = str.maketrans("aâıoôuû", "eeiööüü")
VOICED = {"p": "b", "ç": "c", "t": "d", "k": "ğ", "g": "ğ"}


def last_vowel(sound: str) -> str:
    """The vowel of `sound` (lower case) that suffixes harmonise with; e where it has none."""
    return next((letter for letter in reversed(sound) if letter in VOWELS), "e")


def syllables(sound: str) -> int:
    """How many syllables `sound` has: as many as vowels."""
    return sum(letter in VOWELS for letter in sound)


def realise(pattern: str, sound: str) -> str:
    """What the suffix `pattern` becomes after `sound`, which is in lower case."""
    suffix = ""
    buffer = False
    for letter in pattern:
        if letter in "()":
            buffer = letter == "("
            continue
        before = (sound + suffix)[-1:]
        if buffer and (before in VOWELS) == (letter in "AI"):
            continue
        high = HIGH_AFTER[last_vowel(sound + suffix)]
        match letter:
            case "A":
                letter = "a" if high in "ıu" else "e"
            case "I":
                letter = high
            case "D":
                letter = "t" if before in HARD else "d"
            case "C":
                letter = "ç" if before in HARD else "c"
        suffix += letter
    return suffix


def fronted(sound: str) -> str:
    """`sound` with its last vowel as suffixes hear it in saat, gol and usul: saati, golü, usulü."""
    place = max((sound.rfind(letter) for letter in VOWELS), default=-1)
    return sound[:place] + sound[place:].translate(FRONTED)


def voiced(stem: str) -> str:
    """`stem` with its last consonant as a vowel makes it: kitap → kitab, renk → reng, kanat → kanad."""
    if stem.endswith("nk"):
        return stem[:-1] + "g"
    return stem[:-1] + VOICED.get(stem[-1], stem[-1])
