import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.casing import capitalize, upper
from pipeline.turkish.numbers import distributive, number_to_words, ordinal, read_numeral, words_to_number

LARGEST = 10**21 - 1
NUMBERS = st.one_of(st.integers(-LARGEST, LARGEST), st.integers(0, 10_000))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "sıfır"),
        (-5, "eksi beş"),
        (14, "on dört"),
        (100, "yüz"),
        (1000, "bin"),
        (1100, "bin yüz"),
        (1923, "bin dokuz yüz yirmi üç"),
        (2026, "iki bin yirmi altı"),
        (101_001, "yüz bir bin bir"),
        (1_000_000, "bir milyon"),
        (1_001_000, "bir milyon bin"),
        (3 * 10**18 + 4 * 10**15, "üç kentilyon dört katrilyon"),
    ],
)
def test_number_to_words_and_words_to_number(number: int, words: str) -> None:
    assert number_to_words(number) == words
    assert words_to_number(words) == number


@given(NUMBERS)
def test_words_to_number_inverts_number_to_words(number: int) -> None:
    words = number_to_words(number)
    assert words_to_number(words) == number
    assert words_to_number(words.replace(" ", "")) == number
    assert words_to_number(upper(words)) == number
    assert words_to_number("  ".join(map(capitalize, words.split()))) == number


def test_number_to_words_raises_above_the_kentilyons() -> None:
    assert number_to_words(LARGEST).startswith("dokuz yüz doksan dokuz kentilyon")
    for number in (LARGEST + 1, -LARGEST - 1):
        with pytest.raises(ValueError, match="kentilyon"):
            number_to_words(number)


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("kırk elma", "elma"),
        ("ikibinelma", "ikibinelma"),
        ("bir bin", "bin"),
        ("bir yüz", "yüz"),
        ("beş on", "on"),
        ("on beş beş", "beş"),
        ("bin milyon", "milyon"),
        ("iki bin üç bin", "bin"),
        ("milyon", "milyon"),
        ("sıfır beş", "sıfır"),
        ("eksi sıfır", "sıfır"),
        ("beş eksi", "eksi"),
        ("eksi", "eksi"),
        ("", "''"),
        ("42", "42"),
    ],
)
def test_words_to_number_names_the_wrong_word(text: str, culprit: str) -> None:
    with pytest.raises(ValueError, match=culprit) as error:
        words_to_number(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("1923", "bin dokuz yüz yirmi üç"),
        ("0", "sıfır"),
        ("06", "sıfır altı"),
        ("007", "sıfır sıfır yedi"),
        ("-5", "eksi beş"),
        ("3,5", "üç virgül beş"),
        ("0,05", "sıfır virgül sıfır beş"),
        ("1.234,56", "bin iki yüz otuz dört virgül elli altı"),
        ("%20", "yüzde yirmi"),
        ("1/2", "ikide bir"),
        ("3/4", "dörtte üç"),
        ("7/100", "yüzde yedi"),
        ("%3,5", "yüzde üç virgül beş"),
        ("1.500.000", "bir milyon beş yüz bin"),
        ("10.300", "on bin üç yüz"),
        ("10.30", "on otuz"),
        ("14.05", "on dört sıfır beş"),
        ("08:15", "sekiz on beş"),
        ("15.00", "on beş"),
        ("00.30", "sıfır sıfır otuz"),
        ("10.75", "on nokta yetmiş beş"),
        ("25.10", "yirmi beş nokta on"),
        ("2.5", "iki nokta beş"),
        ("29.10.1923", "yirmi dokuz ekim bin dokuz yüz yirmi üç"),
        ("3.", "üçüncü"),
        ("1.000.", "bininci"),
        ("XIV.", "on dördüncü"),
        ("II.", "ikinci"),
        ("XIV", "on dört"),
        ("MCMXXIII", "bin dokuz yüz yirmi üç"),
    ],
)
def test_read_numeral(token: str, words: str) -> None:
    assert read_numeral(token) == words


@pytest.mark.parametrize(
    "token", ["2'", "", ".", "%", "3,", ",5", "1..2", "on", "IIX", "XIV.'", "10.30.", "²", "٣"]
)
def test_read_numeral_refuses_what_is_no_numeral(token: str) -> None:
    with pytest.raises(ValueError, match="no numeral"):
        read_numeral(token)


@given(st.integers(0, LARGEST))
def test_read_numeral_accepts_dots_at_the_thousands(number: int) -> None:
    assert (
        read_numeral(str(number)) == read_numeral(f"{number:,}".replace(",", ".")) == number_to_words(number)
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "birinci"),
        (2, "ikinci"),
        (3, "üçüncü"),
        (4, "dördüncü"),
        (6, "altıncı"),
        (9, "dokuzuncu"),
        (20, "yirminci"),
        (40, "kırkıncı"),
        (60, "altmışıncı"),
        (64, "altmış dördüncü"),
        (100, "yüzüncü"),
        (10**6, "bir milyonuncu"),
        (10**9, "bir milyarıncı"),
    ],
)
def test_ordinal(number: int, words: str) -> None:
    assert ordinal(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "birer"),
        (2, "ikişer"),
        (4, "dörder"),
        (6, "altışar"),
        (20, "yirmişer"),
        (15, "on beşer"),
        (100, "yüzer"),
        (150, "yüz ellişer"),
        (200, "ikişer yüz"),
        (1000, "biner"),
        (1100, "bin yüzer"),
        (5000, "beşer bin"),
        (10**6, "birer milyon"),
    ],
)
def test_distributive(number: int, words: str) -> None:
    assert distributive(number) == words
