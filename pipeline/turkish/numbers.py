"""Turkish numbers in words, from words, and as a numeral in a text is read aloud."""

import re

from pipeline.text.casing import lower
from pipeline.turkish.phonology import realise

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
ROMAN_NUMERAL = re.compile(r"(?=.)M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def in_words(number: int) -> str:
    """`number` as it is read: 2026 is "iki bin yirmi altı", -5 "eksi beş".

    Raises ValueError from 10^21 on, above the kentilyons, where no number word is in use.
    """
    if abs(number) >= LIMIT:
        raise ValueError("number words end below 10^21 (kentilyon)")
    if number < 0:
        return f"eksi {in_words(-number)}"
    words: list[str] = []
    for scale in SCALES:
        number, group = divmod(number, 1000)
        if group:
            words = [*([] if scale == "bin" and group == 1 else _below_1000(group)), scale, *words]
    return " ".join(filter(None, words)) or "sıfır"


def _below_1000(number: int) -> list[str]:
    hundreds, tens, units = number // 100, number // 10 % 10, number % 10
    return [UNITS[hundreds] if hundreds > 1 else "", "yüz" if hundreds else "", TENS[tens], UNITS[units]]


def from_words(text: str) -> int:
    """The number that `text` says, in any case and spacing: also "İKİBİNYİRMİALTI", as on cheques.

    Raises ValueError that names the first word which is no number word or cannot stand where it does.
    """
    words = [word for token in lower(text).split() for word in _split(token)]
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


def _split(token: str) -> list[str]:
    """The number words that `token` is joined of."""
    sign = ["eksi"] if token.startswith("eksi") else []
    joined = token.removeprefix("eksi")
    words = NUMBER_WORD.findall(joined)
    if "".join(words) != joined:
        raise ValueError(f"{token!r} is no number word")
    return sign + words


def ordinal(number: int) -> str:
    """The ordinal in words: 4 is "dördüncü", 20 "yirminci"."""
    return _ordinal(in_words(number))


def _ordinal(words: str) -> str:
    stem = re.sub("dört$", "dörd", words)
    return stem + realise("(I)ncI", stem)


def distributive(number: int) -> str:
    """How many each: 1 is "birer", 2 "ikişer", 4 "dörder".

    Before yüz, bin and the like their multiplier takes the suffix: 200 is "ikişer yüz", 1000 "biner".
    """
    words = in_words(number).split()
    last = len(words) - 1
    while (
        last > 0 and VALUES[words[last]] >= 100 and VALUES.get(words[last - 1], LIMIT) < VALUES[words[last]]
    ):
        last -= 1
    stem = re.sub("dört$", "dörd", words[last])
    words[last] = stem + realise("(ş)Ar", stem)
    return " ".join(words)


def reading(token: str) -> str:
    """How the numeral `token` is read aloud, so that a suffix can follow its last word.

        1923     bin dokuz yüz yirmi üç       3.      üçüncü (a final dot: ordinal)
        3,5      üç virgül beş                XIV.    on dördüncü
        06       sıfır altı                   XIV     on dört
        %20      yüzde yirmi                  -5      eksi beş

    A dot before each three digits parts thousands: 1.500.000. Between one or two digits and two it parts
    hour and minute (10.30, 14.05, also 10:30; a full hour is the hour alone, the hour's own leading zero is
    silent), where these are at most 24 and 59. In 29.10.1923 it parts day, month and year. Any other dot
    is read "nokta": 2.5. Raises ValueError where `token` is no numeral.
    """
    try:
        return _reading(token)
    except ValueError as error:
        raise ValueError(f"cannot read {token!r}: {error}") from None


def _reading(token: str) -> str:
    if token.endswith("."):
        return _ordinal(_whole(token[:-1]))
    if signed := SIGNED.fullmatch(token):
        return f"{SIGNS[signed[1]]} {_reading(signed[2])}"
    if clock := CLOCK.fullmatch(token):
        hour, minute = clock.groups()
        hour = _digits(hour) if int(hour) == 0 else in_words(int(hour))
        return hour if minute == "00" else f"{hour} {_digits(minute)}"
    if date := DATE.fullmatch(token):
        day, month, year = map(int, date.groups())
        return f"{in_words(day)} {MONTHS[month - 1]} {in_words(year)}"
    whole, comma, decimals = token.partition(",")
    if comma:
        return f"{_whole(whole)} virgül {_digits(decimals)}"
    if "." in token and not GROUPED.fullmatch(token):
        return " nokta ".join(map(_digits, token.split(".")))
    return _whole(token)


def _whole(token: str) -> str:
    """A number without decimals: in digits, with or without dots at the thousands, or Roman."""
    if ROMAN_NUMERAL.fullmatch(token):
        return in_words(_roman(token))
    return _digits(token.replace(".", "") if GROUPED.fullmatch(token) else token)


def _digits(digits: str) -> str:
    """Leading zeros one by one, then the number."""
    if not re.fullmatch("[0-9]+", digits):
        raise ValueError("it is no numeral")
    rest = digits.lstrip("0")
    words = ["sıfır"] * (len(digits) - len(rest))
    return " ".join([*words, in_words(int(rest))] if rest else words)


def _roman(numeral: str) -> int:
    values = [ROMAN[letter] for letter in numeral]
    following = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, following, strict=True))
