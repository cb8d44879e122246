import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.encoder.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Geldi. Gitti!", ["Geldi.", "Gitti!"]),
        ("Dr. Ayşe geldi. 3. maddeye baktı.", ["Dr. Ayşe geldi.", "3. maddeye baktı."]),
        ("M. Kemal Samsun'a çıktı.", ["M. Kemal Samsun'a çıktı."]),
        ("Yıl 1923. Bitti.", ["Yıl 1923.", "Bitti."]),
        ("“Geldim.” Sonra gitti.", ["“Geldim.”", "Sonra gitti."]),
        ("“Nasılsın?” dedi. İyiydi…", ["“Nasılsın?” dedi.", "İyiydi…"]),
        ("Saat 14.30'da başladı. Şubat'ta bitti.", ["Saat 14.30'da başladı.", "Şubat'ta bitti."]),
        ("Başlık\n\nMetin budur.", ["Başlık", "Metin budur."]),
        ("Ev, okul vb. yerler var. Çok.", ["Ev, okul vb. yerler var.", "Çok."]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_split_sentences(text, sentences):
    assert split_sentences(text) == sentences


@given(st.text("aBİ .!?…\n”\"'1)", max_size=80))
def test_split_sentences_loses_no_letter(text):
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in split_sentences(text))
