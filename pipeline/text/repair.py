"""Repair of encoding damage to Turkish text from the web. Correct text stays as it is, to the byte.

Repaired are:

- A dot left over by a wrong lower() ("i̇stanbul") and decomposed Latin letters, which are composed.
- Mojibake: UTF-8 read as cp1252, cp1254 or Latin-1, any number of times, in any part of the text:
  "Ä±ÅŸÄ±k", "Ankaraâ€™da". Most such pairs occur in no correct text and are always repaired. Pairs that
  correct text could have (LEYLÂ’NIN, “Å”) are repaired only in a text that has one of the others.
- Latin-5 (ISO-8859-9, cp1254) read as Latin-1: "ýþýk". Decided line by line, see `_is_latin5`.
- Quotes, dashes and … as C1 controls, which text never contains. (U+0085 is taken for …, not for a line end.)
- ș for ş, unless the line has Romanian (ț, ă, și), or the text has and the line has no Turkish
  letter; in a word with ğ, ı or İ always. (Ceaușescu in a Turkish sentence becomes Ceauşescu, as it is
  spelled in Turkish.)
- Soft hyphens and zero-width characters between two Latin letters, and a byte-order mark at the very start.
  They are invisible and split words. Between letters of other scripts, in emoji and at line ends they stay.
"""

import re
import unicodedata

LATIN = "A-Za-zÀ-ÖØ-öø-ɏ"

# The bytes 0x80-0xFF by the character that one of the three encodings reads them as.
BYTE_BY_CHAR = {
    bytes([byte]).decode(codec, "ignore"): byte
    for codec in ("latin-1", "cp1252", "cp1254")
    for byte in range(0x80, 0x100)
}
BYTE_BY_CHAR.pop("")  # bytes that cp1252 and cp1254 leave undefined
CONTINUATION = "".join(char for char, byte in BYTE_BY_CHAR.items() if 0x80 <= byte < 0xC0)
AFTER_WORDS = "€‘’“”‚„…–—‹›«»\xa0"  # continuation bytes that also follow a word in correct text
SYMBOLS = "".join(char for char in CONTINUATION if char not in AFTER_WORDS)
CERTAIN_MOJIBAKE = (
    rf"Ã[{CONTINUATION}]|[ÄÅ][{SYMBOLS}]|Å“|Ë[†œ]|Ì[‡\x87§†\x86ˆ\x88‚\x82¦]"
    rf"|(?<![A-ZÇĞİÖŞÜÂÎÛ])Â[{SYMBOLS}\xa0]"
    rf"|â(?:[€\x80†\x86ˆ\x88‰\x89˜\x98™\x99œ\x9c\x9d][{CONTINUATION}]|[‚\x82]¬|[„\x84]¢)"
    rf"|[ðğ][Ÿ\x9f][{CONTINUATION}]{{2}}|ï[¸»¿][{CONTINUATION}]"
    rf"|â€(?![{CONTINUATION}])"  # of ”, whose last byte cp1252 leaves undefined and many programs drop
)
HAS_CERTAIN_MOJIBAKE = re.compile(CERTAIN_MOJIBAKE)
POSSIBLE_MOJIBAKE = re.compile(rf"{CERTAIN_MOJIBAKE}|[ÄÅ][{AFTER_WORDS}]|Æ’|(?<![“‘«(\"'])Â[{CONTINUATION}]")

LATIN5 = str.maketrans("ýþðÝÞÐ", "ışğİŞĞ")
MISREAD_LATIN5 = re.compile("[ýþðÝÞÐ]")
BEYOND_LATIN1 = re.compile(r"(?![Œœ])[^\W\d_\x00-\xff]")  # Œ and œ are in cp1252
TURKISH_SIGN = re.compile(  # signs of Turkish that was read as Latin-1
    r"[çüÇÜ]|ý\w*ý|ýþ|Ý\w*Ý|[IÝ]Þ|þ[çdklmst]"
    r"|(?:\w\w|['’\x92])(?:l[ae]r|yor|m[ae]k|[dt][ýiuü]r|[nd][ýiuü]n|l[ýiuü]k|m[ýiuü]þ"
    r"|[ýiuü]nd[ae]n?|[ýiuü]yl[ae])\b"
    r"|\b(?:[Vv]e|[Bb]ir|[Bb]u|da|de|ile|ne|en|daha|gibi|var|yok|olan|olarak|kadar|sonra|ben|sen|her|þu)\b"
)
FOREIGN_SIGN = re.compile(
    r"[ÁÄÆÍÓØÚáäæíóøú]"  # Icelandic, Old English, Czech, Turkmen: languages with ý, þ or ð
    r"|(?:\b|(?<=[^\W\d_aâeýiîoöuûüAÂEIÝÎOÖUÛÜ]))[ðÐ]\w"  # ğ follows a vowel
    r"|[aeioöuü]ý"  # and ı none
    r"|\b(?:[Oo]g|[Aa]ð|[Ss]em|[Þþ](?:að|etta|ú|eir|e|in)|við|með|til|[Tt]he|of|and|is|was|na|je)\b"
)

C1_CONTROLS = {
    char: char.encode("latin-1").decode("cp1254")
    for char in "\x80\x82\x84\x85\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b"
}
CONTROL = re.compile(f"[{''.join(C1_CONTROLS)}]")
COMBINING_SEQUENCE = re.compile(rf"[{LATIN}Ḁ-ỿ][\u0300-\u036f]+")
SECOND_DOT = re.compile("(?<=[iİ])\u0307|ı\u0307")
COMMA_BELOW = str.maketrans("șȘ", "şŞ")
ROMANIAN = re.compile(r"[țȚăĂ]|\b[șȘ]i\b")
TURKISH_LETTER = re.compile("[çğıöşüÇĞİÖŞÜ]")
TURKISH_WORD = re.compile(r"\b(?=\w*[șȘ])(?=\w*[ğıİĞ])\w+")
INVISIBLE = re.compile(rf"\A\ufeff+|(?<=[{LATIN}])[\xad\u200b-\u200d\u2060\ufeff]+(?=[{LATIN}])")

# All damage has one of these characters; after them â and Â must be the second half of DAMAGED_PAIR.
DAMAGE_HINTS = "\x80-\x9f\xad\u0300-\u036f\u200b-\u200d\u2060\ufeffýþðÝÞÐșȘÃÄÅËÌïŸâÂ"
DAMAGED_PAIR = rf"(?:(?<![âÂ])|(?<=â)[€‚„†ˆ‰˜™œ]|(?<=Â)[{SYMBOLS}\xa0])"
DAMAGE = re.compile(f"[{DAMAGE_HINTS}]{DAMAGED_PAIR}")


def repair(text: str) -> str:
    """Return `text` without the damage listed above, and `text` itself where there is none.

    Idempotent. Correct letters of other languages stay where the text shows that they are: þ, ð and ý
    beside letters that Latin-1 lacks or in a line that reads as foreign, ș in Romanian. A word alone, such
    as "Þingvellir", shows nothing and is taken for damaged Turkish. HTML entities are not touched.
    """
    while DAMAGE.search(text):
        repaired = CONTROL.sub(lambda control: C1_CONTROLS[control[0]], _repair_mojibake(text))
        repaired = INVISIBLE.sub("", COMBINING_SEQUENCE.sub(_compose_match, repaired))
        repaired = _repair_comma_below(_repair_latin5(repaired))
        if repaired == text:
            break
        text = repaired
    return text


def _repair_mojibake(text: str) -> str:
    while HAS_CERTAIN_MOJIBAKE.search(text):  # once for each wrong decoding
        text = POSSIBLE_MOJIBAKE.sub(_decode_match, text)
    return text


def _decode_match(match: re.Match[str]) -> str:
    if match[0] == "â€":
        return "”"
    return bytes(BYTE_BY_CHAR[char] for char in match[0]).decode("utf-8")


def _compose_match(match: re.Match[str]) -> str:
    letters = SECOND_DOT.sub(lambda dot: "i" if dot[0][0] == "ı" else "", match[0])
    return unicodedata.normalize("NFC", letters)


def _repair_latin5(text: str) -> str:
    """Return `text` with ı ş ğ for ý þ ð in the lines that were read as Latin-1.

    A line without signs follows the majority of the others, and if none has any the whole text decides.
    """
    if not MISREAD_LATIN5.search(text):
        return text
    lines = text.split("\n")
    verdicts = [_is_latin5(line) if MISREAD_LATIN5.search(line) else None for line in lines]
    if any(verdict is not None for verdict in verdicts):
        default = verdicts.count(True) > verdicts.count(False)
    else:
        default = _is_latin5(text) is not False
    return "\n".join(
        line.translate(LATIN5) if (default if verdict is None else verdict) else line
        for line, verdict in zip(lines, verdicts, strict=True)
    )


def _is_latin5(text: str) -> bool | None:
    """Tell if `text` is Turkish in Latin-5 that was read as Latin-1; None where it shows no sign of either.

    A text with a letter beyond Latin-1, such as a true ı or ş, is not. Any other is if it has more signs of
    Turkish (common words and endings, ü, ç) than of a foreign language (á, æ, ð after a consonant, …).
    """
    if BEYOND_LATIN1.search(text):
        return False
    turkish, foreign = len(TURKISH_SIGN.findall(text)), len(FOREIGN_SIGN.findall(text))
    return turkish > foreign if turkish or foreign else None


def _repair_comma_below(text: str) -> str:
    if "ș" not in text and "Ș" not in text:
        return text
    text_has_romanian = ROMANIAN.search(text)
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if ROMANIAN.search(line) or (text_has_romanian and not TURKISH_LETTER.search(line)):
            lines[i] = TURKISH_WORD.sub(lambda word: word[0].translate(COMMA_BELOW), line)
        else:
            lines[i] = line.translate(COMMA_BELOW)
    return "\n".join(lines)
