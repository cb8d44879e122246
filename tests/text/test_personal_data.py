import pytest

from pipeline.text.personal_data import CARD, EMAIL, IBAN, IDENTITY_NUMBER, PHONE, mask_personal_data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yazın: ali.veli@ornek.com.tr adresine.", f"Yazın: {EMAIL} adresine."),
        ("TC 10000000146 numaralı", f"TC {IDENTITY_NUMBER} numaralı"),
        ("TC 10000000145 numaralı", None),  # its check digit does not hold
        ("Hesap: TR33 0006 1005 1978 6457 8413 26.", f"Hesap: {IBAN}."),
        ("Hesap: TR330006100519786457841326", f"Hesap: {IBAN}"),
        ("Hesap: TR34 0006 1005 1978 6457 8413 26.", None),
        ("Kart 4111 1111 1111 1111 ile", f"Kart {CARD} ile"),
        ("Kart 4111 1111 1111 1112 ile", None),
        ("4111 1111 1111 1111 12/25 tarihine dek", f"{CARD} 12/25 tarihine dek"),
        ("4111111111111111 123", f"{CARD} 123"),
        ("ISBN 9786051234567 ve 978 605 123 456 7", None),
        ("Tel.0532 123 45 67", f"Tel.{PHONE}"),
        ("0532 123 45 67'den arayın", f"{PHONE}'den arayın"),
        ("+90 (212) 123 45 67 ya da (0312) 123 45 67", f"{PHONE} ya da {PHONE}"),
        ("12.345.678 lira, 1923-1938 arası, 2709 sayılı Kanun, 18/10/1982 tarihli", None),
        ("3 0532 lira", None),
        ("Nüfus 85 372 377, alan 783 562 km2", None),
        ("a@b", None),
    ],
)
def test_mask_personal_data(text, expected):
    assert mask_personal_data(text) == (text if expected is None else expected)
