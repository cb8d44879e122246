import random
import re

import pytest

from pipeline.miniworld import people, plots, texts, world
from pipeline.miniworld.templates import FIRST
from pipeline.turkish.inflect import noun

FILES = texts.DATA_FILES
PLOTS = [(file, plot) for file in FILES for plot in plots.read(file).plots]


def told(file: str, plot: plots.Plot, seed: int, in_first_person: bool) -> plots.Told:
    rng = random.Random(seed)
    season = rng.choice(list(world.SEASONS))
    fitting = [place for place in world.PROVINCES if plot.fits(place, season)]
    while not fitting:
        season = rng.choice(list(world.SEASONS))
        fitting = [place for place in world.PROVINCES if plot.fits(place, season)]
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    slots = people.cast(rng, rng.choice(fitting), first, surname, season, in_first_person=in_first_person)
    return plots.tell(rng, plot, plots.read(file).tables, slots, season, lambda rng: "Kars bir ildir.")


@pytest.mark.parametrize(("file", "plot"), PLOTS, ids=[f"{file}-{plot.name}" for file, plot in PLOTS])
def test_every_plot_can_be_told_in_its_persons(file: str, plot: plots.Plot) -> None:
    persons = [person for person in (False, True) if ("third", "first")[not person] not in plot.needs]
    assert persons
    for seed in range(3):
        for in_first_person in persons:
            text = told(file, plot, seed, in_first_person)
            everything = "\n".join((*text.paragraphs, *(part for ask in text.asks for part in ask)))
            assert not re.search(r"[{}\[\]|@]|  | [.,;:!?]|\.\.", everything.replace("…", ""))
            for question, answer in text.asks:
                assert question.endswith("?")
                assert answer


@pytest.mark.parametrize("file", FILES)
def test_particles_after_a_slot_are_inflected_with_it(file: str) -> None:
    lines = [line for plot in plots.read(file).plots for line in plot.lines]
    assert lines
    assert not [line for line in lines if re.search(r"\} (?:de|da|m[iıuü])\b", line)]


def test_plots_have_names_of_their_own() -> None:
    for file in FILES:
        names = [plot.name for plot in plots.read(file).plots]
        assert len(names) == len(set(names))


def test_ben_is_often_dropped_in_the_first_person_but_never_where_it_stands_out() -> None:
    plot = plots.Plot("test", lines=["{who} {~git.past.@}.", "{who.da} {~gel.past.@}."])
    slots = {"@": FIRST, "who": noun("ben")}
    seen = {
        plots.tell(random.Random(seed), plot, {"intro": ("Merhaba.",)}, slots, "yaz", None).paragraphs[0]
        for seed in range(40)
    }
    assert seen == {"Merhaba. Ben gittim. Ben de geldim.", "Merhaba. Gittim. Ben de geldim."}
