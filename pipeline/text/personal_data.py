"""Mask personal data: replace numbers and addresses of people by markers that name their kind.

Numbers count only where their check digits hold, so that laws, dates and sums of money stay.
"""

import re

IDENTITY_NUMBER, IBAN, CARD, PHONE, EMAIL = "[KİMLİK NO]", "[IBAN]", "[KART NO]", "[TELEFON]", "[E-POSTA]"
_EMAIL_PATTERN = re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}(?!\w)")
_IBAN_PATTERN = re.compile(r"(?<!\w)[Tt][Rr]\d{2}(?: ?\d){22}(?!\d)")
_CARD_PATTERN = re.compile(r"(?<![\d-])(?:\d[ -]?){12,18}\d(?!\d)")
# American Express; Visa, Mastercard and Maestro; Troy. No 978 and 979, by which ISBNs begin.
_CARD_NUMBERS = re.compile(r"3[47]\d{13}|4\d{12}|[456]\d{15}|2[2-7]\d{14}|9792\d{12}|6\d{18}")
_IDENTITY_PATTERN = re.compile(r"(?<!\d)[1-9]\d{10}(?!\d)")
# With a country code, a 0, or an area code in brackets: 0532 123 45 67, +90 (212) 123 45 67.
_PHONE_PATTERN = re.compile(
    r"(?:(?<![\w/.,-])|(?<=[Tt]el\.)|(?<=TEL\.))"
    r"(?:(?:\+|00)90[ .-]?|\(?0[ .-]?)\(?[2-5]\d{2}\)?[ .-]?\d{3}[ .-]?\d{2}[ .-]?\d{2}(?![\d/])"
    r"|(?<![\w/.,])\([2-5]\d{2}\)[ .-]?\d{3}[ .-]?\d{2}[ .-]?\d{2}(?![\d/])"
)
_TEN_DIGITS = re.compile(r"\d(?:[ ().-]{0,2}\d){9}")  # all but e-mail addresses have them


def mask_personal_data(text: str) -> str:
    """Replace e-mail addresses, IBANs, card, identity and telephone numbers of `text` by markers."""
    if "@" in text:
        text = _EMAIL_PATTERN.sub(EMAIL, text)
    if _TEN_DIGITS.search(text):
        text = _IBAN_PATTERN.sub(lambda match: IBAN if is_iban(match[0]) else match[0], text)
        text = _CARD_PATTERN.sub(lambda match: mask_card(match[0]), text)
        text = _IDENTITY_PATTERN.sub(
            lambda match: IDENTITY_NUMBER if is_identity_number(match[0]) else match[0], text
        )
        text = _PHONE_PATTERN.sub(PHONE, text)
    return text


def mask_card(digits: str) -> str:
    """Replace the card number that `digits`, in groups, may begin with by a marker."""
    for end in range(len(digits), 12, -1):
        splits_group = end < len(digits) and digits[end - 1].isdigit() and digits[end].isdigit()
        if not splits_group and digits[end - 1].isdigit() and is_card(digits[:end]):
            return CARD + digits[end:]
    return digits


def is_identity_number(number: str) -> bool:
    """Tell if 11 digits are a T.C. kimlik numarası: the last two are check digits of the others."""
    digits = [int(digit) for digit in number]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[9] == tenth and digits[10] == sum(digits[:10]) % 10


def is_iban(number: str) -> bool:
    """Tell if the check digits of an IBAN hold (ISO 13616: 1 modulo 97)."""
    plain = re.sub(r"\s", "", number)
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


def is_card(number: str) -> bool:
    """Tell if a number has the length, prefix and check digit (Luhn; ISO/IEC 7812) of a payment card."""
    plain = "".join(filter(str.isdigit, number))
    if not _CARD_NUMBERS.fullmatch(plain):
        return False
    digits = [int(digit) for digit in plain]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
