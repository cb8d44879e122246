import csv
import gzip
import json
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.text.repair import repair

SENTENCES = [
    "Işıl, Iğdır'daki ağabeyine “Şimdi geliyorum!” dedi.",
    "İstanbul’un ışıkları yağmurda söndü; çocuklar üşüdü…",
    "DOĞU ANADOLU BÖLGESİ’NDE KIŞ ÇETİN GEÇTİ.",
    "Şair, rüzgârlı bir günde millî kütüphanenin önünde ‘hâlâ’ bekliyordu – bize öyle anlattı.",
    "Kâğıt fiyatları 25 °C’lik sıcakta %20 arttı, 1.500 € oldu.",
    "Âşık Veysel'in sazı hiç susmadı.",
    "Bu yıl değil, gelecek yıl başlıyor.",
    "Ağır ağır çıkacaksın bu merdivenlerden.",
]
LETTERS = "abcçdefgğhıijklmnoöprsştuüvyzâîûABCÇDEFGĞHIİJKLMNOÖPRSŞTUÜVYZÂÎÛ"
CORRECT = st.text(alphabet=LETTERS + "0123456789 \n.,;:!?…'’‘\"“”«»()[]–—-/%&@#*+=_₺")
NASTY = st.text(
    alphabet="aiıİIsşÅÄÃÂâðþýÝÐğî€™œŸ’“”…»°±\xa0\xad\x85\x93\x9f\u0307\u0327\u0326șță\u200b\ufeff \n"
)


def misread(text: str, codec: str) -> str:
    """UTF-8 read as `codec`; a byte that it leaves undefined becomes a control, as in browsers."""
    return "".join(bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in text.encode())


def utf8_as(codec: str, times: int) -> Callable[[str], str]:
    def damage(text: str) -> str:
        for _ in range(times):
            text = misread(text, codec)
        return text

    return damage


def latin5_as(codec: str) -> Callable[[str], str]:
    return lambda text: text.encode("cp1254").decode(codec)


def wrong_lower(text: str) -> str:
    return text.replace("i", "i\u0307")  # what str.lower() leaves of İ


DAMAGES = {
    **{
        f"UTF-8 as {codec}, {n} times": utf8_as(codec, n)
        for codec in ("cp1252", "cp1254", "latin-1")
        for n in (1, 2)
    },
    "Latin-5 as Latin-1": latin5_as("latin-1"),
    "Latin-5 as cp1252": latin5_as("cp1252"),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "a dot too many": wrong_lower,
    "comma below": lambda text: text.replace("ş", "ș").replace("Ş", "S\u0326"),
    "soft hyphens": lambda text: text.replace("ar", "a\xadr").replace("ış", "ı\u200bş"),
}


@pytest.mark.parametrize(
    ("damaged", "right"),
    [
        ("i̇stanbul", "istanbul"),
        ("I\u0307zmir", "İzmir"),
        ("s\u0327eker, s\u0326eker, șeker", "şeker, şeker, şeker"),
        ("dag\u0306", "dağ"),
        ("ýþýk", "ışık"),
        ("ÝZMÝR", "İZMİR"),
        ("ÅŸÄ±k", "şık"),
        ("TÃ¼rkÃ§e Ã¶ÄŸrenin", "Türkçe öğrenin"),
        ("Ä°zmirâ€™de", "İzmir’de"),
        ("Ankara\x92da, \x93evet\x94 \x91mi\x92\x85", "Ankara’da, “evet” ‘mi’…"),
        ("â€œTamamâ€ dedi", "“Tamam” dedi"),
        ("GÃ¼naydÄ±n ðŸ˜€", "Günaydın 😀"),
        ("\ufeffki\xadtap", "kitap"),
        ("beş șehir, Iași’de yașıyor", "beş şehir, Iaşi’de yaşıyor"),
        ("Constanța’da yașıyor, Iași’de değil", "Constanța’da yaşıyor, Iași’de değil"),
    ],
)
def test_repair_of_known_damage(damaged: str, right: str) -> None:
    assert repair(damaged) == right


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_repair_undoes_every_damage(damage: Callable[[str], str], sentence: str) -> None:
    try:
        damaged = damage(sentence)
    except UnicodeEncodeError:
        pytest.skip("the sentence has a letter that the encoding lacks")
    assert repair(damaged) == sentence


@given(st.lists(st.tuples(st.sampled_from(SENTENCES), st.sampled_from([None, *DAMAGES])), min_size=1))
def test_repair_of_different_damage_by_line(lines: list[tuple[str, str | None]]) -> None:
    damaged = "\n".join(DAMAGES[damage](sentence) if damage else sentence for sentence, damage in lines)
    assert repair(damaged) == "\n".join(sentence for sentence, _ in lines)


@given(st.sampled_from(SENTENCES), st.data())
def test_repair_of_single_misread_words(sentence: str, data: st.DataObject) -> None:
    words = [
        misread(word, data.draw(st.sampled_from(["cp1252", "latin-1"]))) if data.draw(st.booleans()) else word
        for word in sentence.split(" ")
    ]
    assert repair(" ".join(words)) == sentence


@given(CORRECT)
@example("LEYLÂ’NIN “Â” «HÜLYÂ» â… ‘hâlâ’ Â aÂ’ Â” LEYLÂ\xa0HANIM")
def test_repair_keeps_correct_turkish(text: str) -> None:
    assert repair(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Þingvellir, İzlanda'da bir ulusal parktır.",
        "Sigurðsson'un oğlu Þór'u tanıyorum.",
        "Það er ekki allt í lagi með þetta.",
        "Hwæt! We Gardena in geardagum, þeodcyninga, þrym gefrunon.",
        "The letters þ and ð were used in Old English.",
        "Nový Jičín, český dobrý den",
        "Men Türkmen dilini öwrenýärin.",
        "București și Timișoara",
        "Iași, Brașov, Constanța: Romanya'nın şehirleri",
        "Orașul Brașov\neste și în România",
        "Götaland, Älvsborg, Ämmänsaari; “Å” harfi",
        "SÃO PAULO, São Paulo, naïve, Čapek, ÅNGSTRÖM",
        "👨‍👩‍👧 می‌خواهم x̄",
        "satır sonunda ki\xad\ntap",
        "Ísland er eyja í hafi.\nÞingvellir\nHér er mjög kalt.",
        "Parkın adı şudur:\nÞingvellir",
    ],
)
def test_repair_keeps_correct_foreign_letters(text: str) -> None:
    assert repair(text) == text


def test_repair_of_a_line_without_signs_follows_the_others() -> None:
    assert repair("Hava bugün çok ýlýk.\nÞimdi") == "Hava bugün çok ılık.\nŞimdi"


@given(st.one_of(NASTY, st.text()))
@example("Ã„Â±")
@example("İ\u0307\u0307")
def test_repair_is_idempotent(text: str) -> None:
    assert repair(repair(text)) == repair(text)


def real_texts(corpus: Path) -> Iterator[str]:
    with (corpus / "wiki_sentences.csv").open(encoding="utf-8", newline="") as file:
        yield from (row[0] for row in csv.reader(file))
    yield (corpus / "nutuk.txt").read_text(encoding="utf-8")
    with gzip.open(corpus / "tbmm_2018.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from (json.loads(line)["text"] for line in islice(file, 2000))


def test_repair_keeps_real_text(shared: Path) -> None:
    assert [text for text in real_texts(shared / "corpus") if repair(text) != text] == []


@pytest.mark.parametrize("damage", [latin5_as("latin-1"), utf8_as("cp1252", 1)], ids=["Latin-5", "UTF-8"])
def test_repair_recovers_real_text(shared: Path, damage: Callable[[str], str]) -> None:
    """Almost all: a sentence of English titles stays unrepaired rather than that Icelandic is spoilt."""
    right = total = 0
    for text in islice(real_texts(shared / "corpus"), 0, 17_000, 10):
        try:
            damaged = damage(text)
        except UnicodeEncodeError:
            continue
        total += 1
        right += repair(damaged) == text
    assert total > 1500
    assert right / total > 0.995
