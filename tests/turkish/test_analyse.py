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
def test_analyses_inverts_inflect(analyser, stem, tags):
    form = inflect(stem, tags)
    assert (stem, tuple(tags.split()), form.segments) in {
        (reading.lemma, reading.tags, reading.segments) for reading in analyser.analyses(form)
    }


def test_segmentations_gives_every_reading_fewest_morphemes_first(analyser):
    assert analyser.segmentations("evlerinin") == [
        ("ev", "leri", "nin"), ("ev", "ler", "in", "in"), ("ev", "ler", "i", "nin"),
    ]  # fmt: skip
    assert analyser.segmentations("gözlük") == [("gözlük",), ("göz", "lük")]
    assert analyser.segmentations("eli") == [("eli",), ("el", "i")]


def test_segmentations_ignores_case_and_kind_of_apostrophe(analyser):
    assert analyser.segmentations("KİTABI")[0] == ("kitab", "ı")
    assert analyser.segmentations("Ankara’da") == [("Ankara", "'da")]


@pytest.mark.parametrize("form", ["", "x", "kalem", "kitapı", "evda", "gidmek", "Ankarada"])
def test_analyses_is_empty_for_unknown_or_wrong_forms(analyser, form):
    assert analyser.analyses(form) == []
