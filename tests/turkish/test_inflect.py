import copy
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.turkish.inflect import acronym, inflect, institution, name, noun, numeral, verb
from pipeline.turkish.morphotactics import GRAMMAR

NOUNS = "kitap ev saat su ağız hak renk kanat hukuk buzdolabı rüzgâr kapı bu ben"
VERBS = "git gel de ye başla oku al et söyle yürü kaybet"
STEMS_MADE = [
    *map(noun, NOUNS.split()),
    *map(verb, VERBS.split()),
    name("Zonguldak"), name("Van Gölü", "compound"), acronym("ABD"), numeral("1923"),
]  # fmt: skip


@st.composite
def forms(draw, depth=6):
    form = draw(st.sampled_from(STEMS_MADE))
    for _ in range(draw(st.integers(0, depth))):
        tags = sorted(GRAMMAR[form.state])
        if not tags:
            break
        try:
            form = form.add(draw(st.sampled_from(tags)))
        except ValueError:  # a compound takes what its head takes
            break
    return form


@given(forms())
def test_form_segments_join_to_the_form(form):
    assert "".join(form.segments) == form
    assert all(form.segments)


@given(forms())
def test_inflect_with_a_forms_tags_rebuilds_it(form):
    stem = next(stem for stem in STEMS_MADE if stem.lemma == form.lemma)
    assert inflect(stem, " ".join(form.tags)) == form


@given(
    st.text("abcçdefgğhıijklmnoöprsştuüvyz", min_size=2, max_size=12),
    st.sampled_from(["pl", "loc", "acc", "p1sg"]),
)
def test_add_keeps_vowel_harmony_for_any_word(word, tag):
    # A flag of its own, so that the lexicon has no say: the letters may make bu, or gol.
    ending = noun(word, "hard").add(tag).segments[-1]
    vowels = [letter for letter in word if letter in "aeıioöuü"]
    back = not vowels or vowels[-1] in "aıou"
    if vowels:
        assert set(ending) & set("aeıioöuü") <= set("aıu" if back else "eiü")


@pytest.mark.parametrize(
    ("form", "segments"),
    [
        (noun("kitap").p3sg.acc, "kitab|ı|nı"),
        (noun("dede").p3sg.dat, "dede|si|ne"),
        (noun("buzdolabı").p1sg.loc, "buzdolab|ım|da"),
        (noun("buzdolabı").pl.acc, "buzdolap|lar|ı|nı"),
        (noun("ev").loc.ki.pl.gen, "ev|de|ki|ler|in"),
        (noun("ben").dat, "ban|a"),
        (verb("git").fut.pl1, "gid|eceğ|iz"),
        (verb("de").prog.past.sg1, "di|yor|du|m"),
        (verb("başla").prog, "başlı|yor"),
        (verb("gel").neg.aor.pl1, "gel|me|yiz"),
        (verb("gel").abil.neg.aor, "gel|e|me|z"),
        (verb("gel").prog.ask.sg2, "gel|iyor| mu|sun"),
        (name("Ankara").loc.ki.pl, "Ankara|'da|ki|ler"),
        (name("Van Gölü", "compound").loc, "Van Göl|ü|'nde"),
        (numeral("10.30").loc, "10.30|'da"),
    ],
)
def test_form_segments_are_the_surface_morphemes(form, segments):
    assert "|".join(form.segments) == segments


def test_institution_takes_no_apostrophe():
    assert institution("Türk Dil Kurumu").gen == "Türk Dil Kurumunun"
    assert institution("Yargıtay", "plain").dat == "Yargıtaya"


LOOKALIKE_NAMES = """
Ağrı|Ali Veli|Hasan Çelebi|New York City|Ayşe Kaya Esin|Mehmet Avcı|Ali Sarı|Elif Çakır|Ayşe Ünlü
İsmail Hakkı|Bedri Rahmi|Reşat Nuri|Leonardo da Vinci|Lionel Messi|Enzo Ferrari|Ali Kuşçu|Yeni Delhi
Salvador Dali|Mehmet Ordu|Sezen Aksu|Nadir Denizli|Deniz Kutlu|Kerem ile Aslı|Ali Koçu|Can Kuru|Ali Arı
Mert Kapı|Ece Yazı|Ali Demirci|Van, Muş ve Ağrı|Emre Altı|Kara Ali|Mahatma Gandi|Ahmet Şükrü
Mustafa Fikri|Kapalı Çarşı|Yapı Kredi
"""
LOOKALIKE_NOUNS = """
sarı|kedi|ali veli|bu soru|spor ayakkabı|on altı|yirmi yedi|pazar kahvaltı|yeni kapı|en iyi|eski kutu
boz ayı|dün akşamki|hep aynı|açık mavi|televizyon dizi|cumartesi
"""


@pytest.mark.parametrize("text", re.findall(r"[^|\n]+", LOOKALIKE_NAMES))
def test_name_that_only_looks_like_a_possessive_is_no_compound(text):
    assert name(text).state == "noun"


@pytest.mark.parametrize("text", re.findall(r"[^|\n]+", LOOKALIKE_NOUNS))
def test_noun_that_only_looks_like_a_possessive_is_no_compound(text):
    assert noun(text).state == "noun"


def test_compound_can_be_said_and_denied():
    assert noun("cep telefonu", compound=False).acc == "cep telefonuyu"
    assert name("Beyoğlu", compound=False).dat == "Beyoğlu'ya"
    assert (
        noun("tavus ciciği", compound=True).loc == noun("tavus ciciği", "compound").loc == "tavus ciciğinde"
    )
    assert name("Ayşe Kuru", compound=True).dat == "Ayşe Kuru'na"
    with pytest.raises(ValueError, match="ends in no possessive of its own"):
        noun("kap", compound=True)


def test_name_of_foreign_spelling_follows_its_sound():
    assert name("Bordeaux", sound="bordo").dat == "Bordeaux'ya"
    assert name("New York", sound="nüyork").loc == "New York'ta"


def test_compound_finds_the_right_head_among_look_alikes():
    assert name("Murat Dağı", "compound").pl == "Murat Dağları"
    assert noun("burun kanadı", "compound").pl == "burun kanatları"
    assert noun("gül suyu", "compound").pl == "gül suları"
    assert noun("aile adı", "compound").p1sg == "aile adım"


@pytest.mark.parametrize(
    ("form", "tags", "message"),
    [
        (noun("ev"), "loc pl", "evde (adjunct loc) takes no 'pl'"),
        (noun("ev"), "past loc", "evdi (short past) takes no 'loc'"),
        (verb("gel"), "acc", "gel (verb) takes no 'acc'"),
        (verb("gel"), "past sg1 sg2", "geldim (person past sg1) takes no 'sg2'"),
        (noun("buzdolabı"), "pl pl", "buzdolaplar (plural pl) takes no 'pl'"),
    ],
)
def test_inflect_refuses_a_tag_that_cannot_follow(form, tags, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        inflect(form, tags)


def test_form_raises_attribute_error_on_unknown_tag():
    assert not hasattr(noun("ev"), "nonsense")


def test_form_can_be_copied_and_pickled():
    form = noun("kitap").p3sg
    assert copy.copy(form).acc == pickle.loads(pickle.dumps(form)).acc == "kitabını"


@pytest.mark.parametrize("make", [noun, name, verb, acronym, institution])
@pytest.mark.parametrize("text", ["", "  "])
def test_constructors_refuse_an_empty_word(make, text):
    with pytest.raises(ValueError, match="an empty word has no forms"):
        make(text)


def test_verb_refuses_an_unknown_flag():
    with pytest.raises(ValueError, match=r"'git': unknown flag 'sfot'; known are .*soft"):
        verb("git", "sfot")


def test_name_refuses_what_is_no_compound():
    with pytest.raises(ValueError, match="'Ada' ends in no possessive of its own"):
        name("Ada", "compound")
