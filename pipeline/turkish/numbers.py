"""Turkish numbers to words, from words, and numerals of a text as they are read aloud."""

import re

from pipeline.text.casing import lower
from pipeline.turkish.phonology import realize_suffix

UNITS = ("", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz")
TENS = ("", "on", "yirmi", "otuz", "kırk", "elli", "altmış", "yetmiş", "seksen", "doksan")
SCALES = ("", "bin", "milyon", "milyar", "trilyon", "katrilyon", "kentilyon")  # powers of 1,000
LIMIT = 1000 ** len(SCALES)
VALUES = (
    {"sıfır": 0, "yüz": 100}
    | {word: value for value, word in enumerate(UNITS) if word}
    | {word: 10 * value for value, word in enumerate(TENS) if word}
    | {word: 1000**power for power, word in enumerate(SCALES) if word}
)
MONTHS = (
    "ocak", "şubat", "mart", "nisan", "mayıs", "haziran",
    "temmuz", "ağustos", "eylül", "ekim", "kasım", "aralık",
)  # fmt: skip
ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

NUMBER_WORD = re.compile("|".join(VALUES))  # none of them begins another
SIGNS = {"%": "yüzde", "-": "eksi", "−": "eksi", "+": "artı"}
SIGNED = re.compile(r"([−+-](?=%?\d)|%(?=\d))(.+)", re.ASCII)
GROUPED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)
CLOCK = re.compile(r"([01]?\d|2[0-4])[.:]([0-5]\d)", re.ASCII)
DATE = re.compile(r"(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.(\d{4})", re.ASCII)
FRACTION = re.compile(r"([1-9]\d{0,2})/([1-9]\d*)", re.ASCII)  # not 2025/26, a season
ROMAN_NUMERAL = re.compile(r"(?=.)M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def number_to_words(number: int) -> str:
    """Return `number` in words: 2026 is "iki bin yirmi altı", -5 "eksi beş".

    Raises ValueError from 10^21 on, above the kentilyons, where no number word is in use.
    """
    if abs(number) >= LIMIT:
        raise ValueError("number words end below 10^21 (kentilyon)")
    if number < 0:
        return f"eksi {number_to_words(-number)}"
    words: list[str] = []
    for scale in SCALES:
        number, group = divmod(number, 1000)
        if group:
            words = [*([] if scale == "bin" and group == 1 else _group_to_words(group)), scale, *words]
    return " ".join(filter(None, words)) or "sıfır"


def _group_to_words(number: int) -> list[str]:
    hundreds, tens, units = number // 100, number // 10 % 10, number % 10
    return [UNITS[hundreds] if hundreds > 1 else "", "yüz" if hundreds else "", TENS[tens], UNITS[units]]


def words_to_number(text: str) -> int:
    """Return the number that `text` says, in any case and spacing: also "İKİBİNYİRMİALTI", as on cheques.

    Raises ValueError that names the first word which is no number word or cannot stand where it does.
    """
    words = [word for token in lower(text).split() for word in _split_number_words(token)]
    sign = 1
    if words[:1] == ["eksi"]:
        sign, words = -1, words[1:]
    if words == ["sıfır"] and sign > 0:
        return 0
    if not words:
        raise ValueError(f"no number word in {text!r}")
    total = group = 0  # group: the number below 1,000 that the next scale word multiplies
    scale = LIMIT  # the last scale word
    for word in words:
        value = VALUES.get(word, 0)
        if 0 < value < 100 and group % (10 if value < 10 else 100) == 0:
            group += value
        elif value == 100 and group < 10 and group != 1:
            group = 100 * (group or 1)
        elif 1000 <= value < scale and (group != 1 if value == 1000 else group):
            total, group, scale = total + value * (group or 1), 0, value
        else:
            raise ValueError(f"{word!r} cannot stand there in {text!r}")
    return sign * (total + group)


def _split_number_words(token: str) -> list[str]:
    """Return the number words that `token` is joined of."""
    sign = ["eksi"] if token.startswith("eksi") else []
    joined = token.removeprefix("eksi")
    words = NUMBER_WORD.findall(joined)
    if "".join(words) != joined:
        raise ValueError(f"{token!r} is no number word")
    return sign + words


def ordinal(number: int) -> str:
    """Return the ordinal in words: 4 is "dördüncü", 20 "yirminci"."""
    return _ordinal_of_words(number_to_words(number))


def _ordinal_of_words(words: str) -> str:
    stem = re.sub("dört$", "dörd", words)
    return stem + realize_suffix("(I)ncI", stem)


def distributive(number: int) -> str:
    """Return the distributive (how many each) in words: 1 is "birer", 2 "ikişer", 4 "dörder".

    Before yüz, bin and the like their multiplier takes the suffix: 200 is "ikişer yüz", 1000 "biner".
    """
    words = number_to_words(number).split()
    last = len(words) - 1
    while (
        last > 0 and VALUES[words[last]] >= 100 and VALUES.get(words[last - 1], LIMIT) < VALUES[words[last]]
    ):
        last -= 1
    stem = re.sub("dört$", "dörd", words[last])
    words[last] = stem + realize_suffix("(ş)Ar", stem)
    return " ".join(words)


def read_numeral(token: str) -> str:
    """Return the numeral `token` as it is read aloud, so that a suffix can follow its last word.

        1923     bin dokuz yüz yirmi üç       3.      üçüncü (a final dot: ordinal)
        3,5      üç virgül beş                XIV.    on dördüncü
        06       sıfır altı                   XIV     on dört
        %20      yüzde yirmi                  -5      eksi beş
        3/4      dörtte üç

    A dot before each three digits separates thousands: 1.500.000. Between one or two digits and two it
    separates hour and minute (10.30, 14.05, also 10:30) if these are at most 24 and 59. A full hour is the
    hour alone, and the hour's leading zero is silent. In 29.10.1923 dots separate day, month and year. Any
    other dot is read "nokta": 2.5. Raises ValueError if `token` is no numeral.
    """
    try:
        return _read_numeral(token)
    except ValueError as error:
        raise ValueError(f"cannot read {token!r}: {error}") from None


def _read_numeral(token: str) -> str:
    if token.endswith("."):
        return _ordinal_of_words(_read_integer(token[:-1]))
    if signed := SIGNED.fullmatch(token):
        return f"{SIGNS[signed[1]]} {_read_numeral(signed[2])}"
    if clock := CLOCK.fullmatch(token):
        hour, minute = clock.groups()
        hour = _read_digits(hour) if int(hour) == 0 else number_to_words(int(hour))
        return hour if minute == "00" else f"{hour} {_read_digits(minute)}"
    if date := DATE.fullmatch(token):
        day, month, year = map(int, date.groups())
        return f"{number_to_words(day)} {MONTHS[month - 1]} {number_to_words(year)}"
    if fraction := FRACTION.fullmatch(token):
        part, whole = (number_to_words(int(number)) for number in fraction.groups())
        return f"{whole}{realize_suffix('DA', whole)} {part}"
    whole, comma, decimals = token.partition(",")
    if comma:
        return f"{_read_integer(whole)} virgül {_read_digits(decimals)}"
    if "." in token and not GROUPED.fullmatch(token):
        return " nokta ".join(map(_read_digits, token.split(".")))
    return _read_integer(token)


def _read_integer(token: str) -> str:
    """Read a number without decimals: in digits, with or without dots at the thousands, or Roman."""
    if ROMAN_NUMERAL.fullmatch(token):
        return number_to_words(_parse_roman(token))
    return _read_digits(token.replace(".", "") if GROUPED.fullmatch(token) else token)


def _read_digits(digits: str) -> str:
    """Read leading zeros one by one, then the number."""
    if not re.fullmatch("[0-9]+", digits):
        raise ValueError("it is no numeral")
    rest = digits.lstrip("0")
    words = ["sıfır"] * (len(digits) - len(rest))
    return " ".join([*words, number_to_words(int(rest))] if rest else words)


def _parse_roman(numeral: str) -> int:
    values = [ROMAN[letter] for letter in numeral]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))
