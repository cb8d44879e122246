import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.comparison_keys import answer_key, duplicate_key


@pytest.mark.parametrize(
    ("given_answer", "right_answer"),
    [
        ("Ankara.", "ankara"),
        ("ANKARA", "Ankara"),
        ("IĞDIR", "Iğdır"),
        ("  Marmara \n Bölgesi ", "Marmara Bölgesi"),
        ("Van Gölü'dür.", "Van Gölü"),
        ("Mert’in", "Mert"),
        ("06'dır", "06"),
        ("Sinop'ta", "Sinop"),
        ("“Evet.”", "Evet"),
        ("I\u0307zmir", "İzmir"),
        ("O’Neill", "O'Neill"),
    ],
)
def test_answer_key_of_equal_answers(given_answer: str, right_answer: str) -> None:
    assert answer_key(given_answer) == answer_key(right_answer)


@pytest.mark.parametrize(
    ("given_answer", "right_answer"),
    [
        ("ırmak", "irmak"),
        ("3,5", "35"),
        ("14.30", "1430"),
        ("6", "06"),
        ("Van", "Van Gölü"),
        ("+", "-"),
        ("", "?"),
    ],
)
def test_answer_key_of_different_answers(given_answer: str, right_answer: str) -> None:
    assert answer_key(given_answer) != answer_key(right_answer)


def test_duplicate_key_ignores_case_spacing_and_punctuation() -> None:
    text = "İzmir'de, bir sabah:  “Günaydın!” dedi.\nSonra gitti."
    assert duplicate_key(text) == duplicate_key("izmir’de bir sabah GÜNAYDIN dedi sonra gitti")
    assert duplicate_key(text) != duplicate_key("İzmir'den, bir sabah: “Günaydın!” dedi. Sonra gitti.")
    assert duplicate_key("!!!") != duplicate_key("...")


@given(st.text())
def test_keys_are_idempotent(text: str) -> None:
    for key in (answer_key, duplicate_key):
        assert key(key(text)) == key(text)
