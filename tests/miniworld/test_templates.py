import random

import pytest

from pipeline.miniworld.templates import FIRST_PERSON, THIRD_PERSON, fill, parse_word, resolve_slot
from pipeline.turkish.inflect import name, noun

SLOTS = {
    "@": THIRD_PERSON, "who": name("Elif"), "place": name("Kars"), "sight": name("Van Gölü"),
    "thing": noun("kitap"), "job": noun("öğretmen"),
}  # fmt: skip
MINE = SLOTS | {"@": FIRST_PERSON, "who": noun("ben")}


@pytest.mark.parametrize(
    ("template", "third", "first"),
    [
        ("{who} {place.dat} {~git.past.@}.", "Elif Kars'a gitti.", "Ben Kars'a gittim."),
        ("{who.gen} {thing.@} nerede?", "Elif'in kitabı nerede?", "Benim kitabım nerede?"),
        ("{thing.@.acc} {~kaybet.evid.past.@}.", "Kitabını kaybetmişti.", "Kitabımı kaybetmiştim."),
        ("{~git.dik.@.acc} {who} {~unut.past.@}.", "Gittiğini Elif unuttu.", "Gittiğimi ben unuttum."),
        ("{job.past.@} {who}.", "Öğretmendi Elif.", "Öğretmendim ben."),
        ("{~yardım et.abil.neg.past.@}", "Yardım edemedi", "Yardım edemedim"),
        ("“{sight.loc} {who.dat} bak!”", "“Van Gölü'nde Elif'e bak!”", "“Van Gölü'nde bana bak!”"),
        ("— {place.da} güzel, {place.loc.ki} göl de.", "— Kars da güzel, Kars'taki göl de.", None),
    ],
)
def test_fill_inflects_slots_in_the_person_of_the_text(template, third, first):
    assert fill(random.Random(0), template, SLOTS) == third
    assert fill(random.Random(0), template, MINE) == first or first is None


def test_fill_draws_choices_that_may_be_empty():
    drawn = {fill(random.Random(seed), "[Dün |Bugün |]{who} [geldi|gitti].", SLOTS) for seed in range(60)}
    assert drawn == {f"{when}Elif {what}." for when in ("Dün ", "Bugün ", "") for what in ("geldi", "gitti")}


def test_parse_word_tells_kinds_by_the_first_letter():
    assert parse_word("Pamuk").dat == "Pamuk'a"
    assert parse_word("pamuk").dat == "pamuğa"
    assert parse_word("36").loc == "36'da"
    assert parse_word("met helvası+").acc == "met helvasını"
    assert parse_word("otlu peynir").acc == "otlu peyniri"


@pytest.mark.parametrize(("expression", "error"), [("nobody", KeyError), ("who.nonsense", AttributeError)])
def test_resolve_slot_raises_on_unknown_slot_or_tag(expression, error):
    with pytest.raises(error):
        resolve_slot(expression, SLOTS)
