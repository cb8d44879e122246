"""Careless typing: messages as people type them on a phone, so that a model understands them.

Vanın plakası kaç? → vanin plakasi kac, VAN'IN PLAKASI KAÇ, Vanın plakasıı kaç
"""

import random
import re

from pipeline.text.casing import lower, upper

MAX_CHARS = 160  # a longer message, or one of several lines, is pasted rather than typed

# Shares of the messages that are typed carelessly.
NO_FINAL_MARK_SHARE = 0.8
NO_APOSTROPHE_SHARE = 0.7
ABBREVIATED_SHARE = 0.4  # of those with a word that has a short form
ALL_SMALL_SHARE = 0.7  # names too; the first letter is always small
LETTERS = {"as_they_are": 0.45, "ascii": 0.3, "capitals": 0.15, "doubled": 0.1}

FINAL_MARKS = re.compile(r"[.?!…]+$")
APOSTROPHES = re.compile(r"(?<=\w)['’](?=\w)")
TO_ASCII = str.maketrans("çğıöşüâîûÇĞİÖŞÜÂÎÛ", "cgiosuaiuCGIOSUAIU")
SHORT_FORMS = {
    "merhaba": "mrb", "selam": "slm", "naber": "nbr", "nasılsın": "nslsn", "teşekkürler": "tşk",
    "teşekkür ederim": "tşk ederim", "sağ ol": "sağol", "hoşça kal": "hoşçakal", "tamam": "tmm",
    "bir şey": "bişey", "ne haber": "nbr", "günaydın": "gnydn", "güle güle": "gülegüle",
    "biliyor musun": "biliyomusun", "söyler misin": "söylermisin", "var mı": "varmı", "nerede": "nerde",
    "bir şeyler": "bişeyler", "ne yapıyorsun": "napıyosun", "değil": "deil", "neresi": "nere",
}  # fmt: skip
SPOKEN_R = re.compile(r"(?<=[ıiuü]yo)r\b")  # which nobody says: yaşıyo
SHORTENED = re.compile(rf"\b({'|'.join(SHORT_FORMS)})\b")


def is_short(text: str) -> bool:
    """Return whether a message may have been typed rather than pasted."""
    return len(text) <= MAX_CHARS and "\n" not in text.strip()


def type_carelessly(text: str, rng: random.Random) -> str:
    """Return a message as someone in a hurry types it. Its words stay the same."""
    if rng.random() < NO_FINAL_MARK_SHARE:
        text = FINAL_MARKS.sub("", text) or text
    if rng.random() < NO_APOSTROPHE_SHARE:
        text = APOSTROPHES.sub("", text)
    letters = rng.choices(list(LETTERS), list(LETTERS.values()))[0]
    if letters == "capitals":
        return upper(text)
    text = lower(text) if rng.random() < ALL_SMALL_SHARE else lower(text[:1]) + text[1:]
    if rng.random() < ABBREVIATED_SHARE:
        text = SPOKEN_R.sub("", SHORTENED.sub(lambda match: SHORT_FORMS[match[1]], text))
    if letters == "ascii":
        return text.translate(TO_ASCII)
    return double_letter(text, rng) if letters == "doubled" else text


def double_letter(text: str, rng: random.Random) -> str:
    """Return `text` with a letter typed twice, or its last one up to four times. It may have no letter."""
    positions = [i for i, character in enumerate(text) if character.isalpha()]
    if not positions:
        return text
    if rng.random() < 0.5:
        i = rng.choice(positions)
        return text[: i + 1] + text[i:]
    i = positions[-1]
    return text[:i] + text[i] * rng.randint(2, 4) + text[i + 1 :]
