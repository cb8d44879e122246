"""Personal data: numbers and addresses of people, replaced by markers that say what stood there.

Numbers count only where their check digits hold, so that laws, dates and sums of money stay.
"""

import re

IDENTITY, IBAN, CARD, PHONE, MAIL = "[KİMLİK NO]", "[IBAN]", "[KART NO]", "[TELEFON]", "[E-POSTA]"
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}(?!\w)")
_IBAN = re.compile(r"(?<!\w)[Tt][Rr]\d{2}(?: ?\d){22}(?!\d)")
_CARD = re.compile(r"(?<![\d-])(?:\d[ -]?){12,18}\d(?!\d)")
# American Express; Visa, Mastercard and Maestro; Troy. No 978 and 979, by which ISBNs begin.
_CARDS = re.compile(r"3[47]\d{13}|4\d{12}|[456]\d{15}|2[2-7]\d{14}|9792\d{12}|6\d{18}")
_IDENTITY = re.compile(r"(?<!\d)[1-9]\d{10}(?!\d)")
# With the code of the country, a 0, or an area code in brackets: 0532 123 45 67, +90 (212) 123 45 67.
_PHONE = re.compile(
    r"(?:(?<![\w/.,-])|(?<=[Tt]el\.)|(?<=TEL\.))"
    r"(?:(?:\+|00)90[ .-]?|\(?0[ .-]?)\(?[2-5]\d{2}\)?[ .-]?\d{3}[ .-]?\d{2}[ .-]?\d{2}(?![\d/])"
    r"|(?<![\w/.,])\([2-5]\d{2}\)[ .-]?\d{3}[ .-]?\d{2}[ .-]?\d{2}(?![\d/])"
)
_DIGITS = re.compile(r"\d(?:[ ().-]{0,2}\d){9}")  # what all but addresses have


def without_personal_data(text: str) -> str:
    """`text` with markers in place of e-mail addresses, IBANs, cards, identity numbers and telephones."""
    if "@" in text:
        text = _MAIL.sub(MAIL, text)
    if _DIGITS.search(text):
        text = _IBAN.sub(lambda found: IBAN if is_iban(found[0]) else found[0], text)
        text = _CARD.sub(lambda found: without_card(found[0]), text)
        text = _IDENTITY.sub(lambda found: IDENTITY if is_identity(found[0]) else found[0], text)
        text = _PHONE.sub(PHONE, text)
    return text


def without_card(digits: str) -> str:
    """Digits in groups, with a marker in place of the card that they may begin with."""
    for end in range(len(digits), 12, -1):
        cut_within = end < len(digits) and digits[end - 1].isdigit() and digits[end].isdigit()
        if not cut_within and digits[end - 1].isdigit() and is_card(digits[:end]):
            return CARD + digits[end:]
    return digits


def is_identity(number: str) -> bool:
    """Whether 11 digits are a T.C. kimlik numarası: the last two check the others."""
    digits = [int(digit) for digit in number]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def is_iban(number: str) -> bool:
    """Whether the check digits of an IBAN hold (ISO 13616: 1 modulo 97)."""
    plain = re.sub(r"\s", "", number)
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def is_card(number: str) -> bool:
    """Whether a number has the length, prefix and check digit (Luhn; ISO/IEC 7812) of a payment card."""
    plain = "".join(filter(str.isdigit, number))
    if not _CARDS.fullmatch(plain):
        return False
    digits = [int(digit) for digit in plain]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
