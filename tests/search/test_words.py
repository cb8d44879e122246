import pytest

from pipeline.search.words import expand_key, find_words, make_key, make_keys
from pipeline.text.normalize import normalize_text


@pytest.mark.parametrize(
    ("form", "stem"),
    [
        ("kitabında", "kitap"), ("çocuğun", "çocuk"), ("evlerimizden", "ev"), ("renginden", "renk"),
        ("suyunu", "su"), ("gidiyor", "git"), ("İSTANBUL'DAKİ", "istanbul"), ("ISPARTA", "ısparta"),
        ("ağacın", "ağaç"), ("kanadı", "kanat"),
    ],
)  # fmt: skip
def test_a_form_and_its_stem_find_each_other(form, stem):
    (key,), (stem_key,) = make_keys(form), make_keys(stem)
    assert stem_key in expand_key(form.split("'")[0])
    assert key in expand_key(stem)


def test_a_word_is_known_by_its_key_alone_where_that_says_enough():
    assert expand_key("kitaplarımızdan") == ("kitap",)
    assert expand_key("zzyzx") == ("zzyzx",)
    assert not [key for key in expand_key("ev") if " " in key]


def test_words_stand_where_they_stand_in_the_text():
    text = "Ankara'da 1923’te, iş_yeri: İ\u0307stanbul"
    words = list(find_words(text))
    assert [text[word.start : word.end] for word in words] == [
        "Ankara'da", "1923’te", "iş", "yeri", "İ", "stanbul",
    ]  # fmt: skip
    assert [word.key for word in words] == ["ankar", "1923", "iş", "yeri", "i", "stanp"]
    assert make_keys(text) == [word.key for word in words]


def test_keys_are_turkish():
    assert make_key("IŞIK") == "ışık"
    assert make_key("İZMİR") == make_key("izmir")
    assert make_keys(normalize_text("i\u0307zmir I\u0307ZMİR")) == ["izmir", "izmir"]
    assert make_key("ızgara") != make_key("izgara")
