"""What each rule removes and what it leaves."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.dedup.minhash import folded_words
from pipeline.corpus.filters.boilerplate import without_boilerplate
from pipeline.corpus.filters.decontaminate import Grams
from pipeline.corpus.filters.language import LEAST, turkish
from pipeline.corpus.filters.pii import CARD, IBAN, IDENTITY, MAIL, PHONE, without_personal_data
from pipeline.corpus.filters.quality import badly_lined, not_prose
from pipeline.corpus.filters.repetition import DUPLICATE, DUPLICATE_LINES, TOP, repetitive
from pipeline.corpus.filters.text_batch import LaidOut

PROSE = (
    "Köyün en yaşlı kadını sabah erkenden kalktı ve fırına gitti. Yolda komşusunu gördü, ona selam verdi.\n"
    "Komşusu da ona bu kışın sert geçeceğini söyledi. Kadın bir güldü; sonra ekmeğini aldı ve döndü.\n"
    "Evde torunu onu bekliyordu. Sobayı yakmış, çayı demlemiş, masaya da peynir ile zeytin koymuştu.\n"
    "Birlikte uzun bir kahvaltı ettiler, sonra kuşlara yem vermek için bahçeye çıktılar ve orada oturdular.\n"
)


def repetitive_by_hand(text: str) -> bool:
    """The same rule, step by step, on one text."""
    lines = text.split("\n")
    if sum(count - 1 for count in Counter(lines).values()) > DUPLICATE_LINES * len(lines):
        return True
    batch = LaidOut([text])
    laid = zip(batch.words.starts, batch.words.stops, strict=True)
    words = [text[start:stop] for start, stop in laid]
    for n, limit in TOP.items():
        grams = [" ".join(words[at : at + n]) for at in range(len(words) - n + 1)]
        if grams:
            gram, times = Counter(grams).most_common(1)[0]
            if len(gram) * times > limit * len(text):
                return True
    for n, limit in DUPLICATE.items():
        at = repeated = 0
        met = set()
        while at < len(words) - n + 1:
            gram = tuple(words[at : at + n])
            if gram in met:
                repeated += len("".join(gram))
                at += n
            else:
                met.add(gram)
                at += 1
        if repeated > limit * len(text):
            return True
    return False


def texts_that_repeat(seed):
    """Texts of a few words and lines over and over, near the limits."""
    rng = random.Random(seed)
    for _ in range(40):
        words = [f"kelime{number}" for number in range(rng.choice([3, 12, 60, 400]))]
        runs = [rng.sample(words, min(len(words), rng.randrange(2, 14))) for _ in range(8)]
        lines = []
        for _ in range(rng.randrange(1, 12)):
            line = [rng.choice(words) for _ in range(rng.randrange(1, 40))]
            if rng.random() < 0.3:
                line += rng.choice(runs)
            lines.append(" ".join(line))
        lines += rng.choices(lines, k=rng.randrange(0, 5))
        rng.shuffle(lines)
        yield "\n".join(lines)


@pytest.mark.parametrize("seed", range(4))
def test_repetition_of_a_batch_is_that_of_each_text(seed):
    texts = list(texts_that_repeat(seed))
    found = repetitive(LaidOut(texts)).tolist()
    assert found == [repetitive_by_hand(text) for text in texts]
    assert any(found)
    assert not all(found)


@given(st.lists(st.text("ab \n.", max_size=80), min_size=1, max_size=5))
def test_rules_take_any_text_and_say_the_same_in_any_company(texts):
    for rule in (repetitive, badly_lined, not_prose):
        together = rule(LaidOut(texts)).tolist()
        assert together == [bool(rule(LaidOut([text]))[0]) for text in texts]


def test_prose_stays():
    batch = LaidOut([PROSE.strip()])
    assert not repetitive(batch)[0]
    assert not badly_lined(batch)[0]
    assert not not_prose(batch)[0]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(
            ["Ana sayfa", "Haberler", "Spor", "Hava durumu", "İletişim"] * 3
        ),  # no line ends as a sentence
        "\n".join(["Bu satır her seferinde aynen gelir.", *PROSE.split("\n")[:2]] * 2),
        "\n".join("kısa." for _ in range(40)),
    ],
)
def test_pages_of_lines_go(text):
    assert badly_lined(LaidOut([text]))[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: " ".join(text.split()[:30]),  # too few words
        lambda text: (
            text.replace("ve", "")
            .replace("bir", "")
            .replace("da ", " ")
            .replace("ile", "")
            .replace("bu", "")
            .replace("en ", " ")
            .replace("sonra", "")
            .replace("için", "")
            .replace("daha", "")
        ),
        lambda text: text.replace(" ", " # "),
        lambda text: text.replace(".", "...") + "\nAma...\nSonra...\nEvet...",
        lambda text: "\n".join(f"• {line}" for line in text.strip().split("\n")),
        lambda text: text + " 12 34 56 78 90" * 30,
        lambda text: " ".join(text.replace(" ", "").split("\n")) * 20,  # no spaces
    ],
)
def test_what_is_no_prose_goes(change):
    assert not_prose(LaidOut([change(PROSE).strip()]))[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yazın: ali.veli@ornek.com.tr adresine.", f"Yazın: {MAIL} adresine."),
        ("TC 10000000146 numaralı", f"TC {IDENTITY} numaralı"),
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
def test_personal_data_becomes_markers(text, expected):
    assert without_personal_data(text) == (text if expected is None else expected)


def test_boilerplate_lines_go_and_sentences_stay():
    text = "\n".join([
        "Ana Sayfa", "Çerez politikamızı okuyun; sitemizde çerezler kullanılmaktadır.", PROSE.strip(),
        "» Devamını Oku…", "Facebook'ta Paylaş", "Bizi Twitter'da takip edin!",
        "© 2024 Tüm hakları saklıdır.",
    ])  # fmt: skip
    assert without_boilerplate(text) == PROSE.strip()
    kept = "Çocuk kitabın devamını okudu.\nAnnesi çerez aldı.\nFacebook 2004 yılında kuruldu."
    kept += "\nGeçmiş Twitter hesaplarındaki paylaşımları söz konusu olmuş."
    assert without_boilerplate(kept) == kept


def test_languages():
    others = [
        "Bütün insanlar ləyaqət və hüquqlarına görə azad və bərabər doğulurlar. Onların şüurları var.",
        "Hemme adamlar öz mertebesi we hukuklary boýunça deň ýagdaýda dünýä inýärler. Olara aň berlendir.",
        "All human beings are born free and equal in dignity and rights. They are endowed with reason.",
    ]
    assert (turkish([PROSE, PROSE.replace("ı", "i").replace("ş", "s").replace("ğ", "g")]) >= LEAST).all()
    assert (turkish([PROSE.replace("i", "İ").upper()]) >= LEAST).all()
    assert (turkish(others) < LEAST).all()


def contaminated(held, texts):
    grams = Grams.of_texts(held)
    words = folded_words(LaidOut(texts))
    gram, of = grams.found(words, np.ones(len(texts), bool))
    document = np.repeat(np.arange(len(texts)), np.diff(of))
    return grams.given_away(document, gram, np.arange(len(texts))).tolist()


def test_what_gives_an_evaluation_text_away_is_found():
    words = [f"sözcük{number}" for number in range(200)]
    held = [" ".join(words[:60]), " ".join(words[100:109]), "kısa bir soru"]
    texts = [
        "Önce. " + " ".join(words[:40]).upper() + " Sonra.",  # half of it, in capitals
        " ".join(words[:13]) + " ama başka",  # one run of 48: less than a tenth
        "Burada " + ", ".join(words[100:109]) + " yazıyor",  # a short one whole
        " ".join(words[100:107]),
        "kısa bir soru",  # too short to give anything away
        "",
    ]
    assert contaminated(held, texts) == [True, False, True, False, False, False]


def test_a_text_within_another_is_looked_for_as_well():
    words = [f"sözcük{number}" for number in range(800)]
    question, book = " ".join(words[400:420]), " ".join(words)
    for held in ([question, book], [book, question], [book, book, question]):
        assert contaminated(held, [question, "başka"]) == [True, False]


def test_formulas_give_nothing_away():
    formula = " ".join(f"söz{number}" for number in range(20))
    assert contaminated([formula], [formula] * 10) == [True] * 10
    assert contaminated([formula], [formula] * 11) == [False] * 11
    assert contaminated([formula], [formula] * 12 + ["başka"] * 150_000) == [True] * 12 + [False] * 150_000
    long = " ".join(f"söz{number}" for number in range(60))
    assert contaminated([long], [long] * 11) == [True] * 11  # no formula is so long
