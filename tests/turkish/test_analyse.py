import pytest

from pipeline.turkish.analyse import Analyser
from pipeline.turkish.inflect import inflect, name, noun, verb


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    nouns = "kitap ev ağız su göz gözlük iş saat el eli hak akıl buzdolabı bu"
    verbs = "git gel de ye al oku başla kaybet"
    names = [name("Ankara"), name("Van Gölü")]
    return Analyser([*map(noun, nouns.split()), *map(verb, verbs.split()), *names])


@pytest.mark.parametrize(
    ("stem", "tags"),
    [
        (noun("kitap"), "pl p1sg loc ki pl"),
        (noun("ağız"), "p3sg dat"),
        (noun("hak"), "p3sg acc"),
        (noun("saat"), "acc"),
        (noun("buzdolabı"), "pl loc"),
        (noun("bu"), "pl gen"),
        (verb("git"), "abil neg fut pl1"),
        (verb("de"), "prog past sg1"),
        (verb("başla"), "neg prog ask sg2"),
        (verb("kaybet"), "aor cond"),
        (verb("oku"), "caus passive evid cop"),
        (name("Ankara"), "loc ki pl"),
        (name("Van Gölü", "compound"), "dat"),
    ],
)
def test_a_form_is_read_back(analyser, stem, tags):
    form = inflect(stem, tags)
    assert (stem, tuple(tags.split()), form.segments) in {
        (reading.lemma, reading.tags, reading.segments) for reading in analyser.analyses(form)
    }


def test_every_reading_is_given_fewest_morphemes_first(analyser):
    assert analyser.segmentations("evlerinin") == [
        ("ev", "leri", "nin"), ("ev", "ler", "in", "in"), ("ev", "ler", "i", "nin"),
    ]  # fmt: skip
    assert analyser.segmentations("gözlük") == [("gözlük",), ("göz", "lük")]
    assert analyser.segmentations("eli") == [("eli",), ("el", "i")]


def test_case_and_apostrophes_of_the_web_do_not_hide_a_word(analyser):
    assert analyser.segmentations("KİTABI")[0] == ("kitab", "ı")
    assert analyser.segmentations("Ankara’da") == [("Ankara", "'da")]


@pytest.mark.parametrize("form", ["", "x", "kalem", "kitapı", "evda", "gidmek", "Ankarada"])
def test_what_no_word_of_the_lexicon_gives_has_no_reading(analyser, form):
    assert analyser.analyses(form) == []
