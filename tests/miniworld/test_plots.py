import random
import re
from pathlib import Path

import pytest

from pipeline.miniworld import people, plots, texts, world
from pipeline.miniworld.templates import FIRST_PERSON, THIRD_PERSON, fill
from pipeline.turkish.inflect import name, noun

FILES = texts.DATA_FILES
PLOTS = [(file, plot) for file in FILES for plot in plots.read_genre(file).plots]


def compose_text(file: str, plot: plots.Plot, seed: int, in_first_person: bool) -> plots.ComposedText:
    rng = random.Random(seed)
    season = rng.choice(list(world.SEASONS))
    fitting = [province for province in world.list_provinces() if plot.is_possible(province, season)]
    while not fitting:
        season = rng.choice(list(world.SEASONS))
        fitting = [province for province in world.list_provinces() if plot.is_possible(province, season)]
    first, surname = rng.choice(people.FIRST_NAMES), rng.choice(people.SURNAMES)
    slots = people.draw_cast(
        rng, rng.choice(fitting), first, surname, season, in_first_person=in_first_person
    )
    return plots.compose_plot(
        rng, plot, plots.read_genre(file).tables, slots, season, lambda rng: "Kars bir ildir."
    )


@pytest.mark.parametrize(("file", "plot"), PLOTS, ids=[f"{file}-{plot.name}" for file, plot in PLOTS])
def test_compose_plot_fills_every_plot_in_its_persons(file: str, plot: plots.Plot) -> None:
    persons = [person for person in (False, True) if ("third", "first")[not person] not in plot.requirements]
    assert persons
    for seed in range(3):
        for in_first_person in persons:
            text = compose_text(file, plot, seed, in_first_person)
            everything = "\n".join((*text.paragraphs, *(part for pair in text.qa_pairs for part in pair)))
            assert not re.search(r"[{}\[\]|@]|  | [.,;:!?]|\.\.", everything.replace("…", ""))
            for question, answer in text.qa_pairs:
                assert question.endswith("?")
                assert answer


@pytest.mark.parametrize("file", FILES)
def test_read_genre_lines_inflect_particles_with_their_slot(file: str) -> None:
    lines = [line for plot in plots.read_genre(file).plots for line in plot.lines]
    assert lines
    assert not [line for line in lines if re.search(r"\} (?:de|da|m[iıuü])\b", line)]


@pytest.mark.parametrize("file", FILES)
def test_read_genre_writes_kinship_small_and_titles_apart_from_their_endings(file: str) -> None:
    text = (Path(plots.__file__).parent / file).read_text(encoding="utf-8")
    kin = "Amca|Dayı|Teyze|Hala|Abla|Ağabey|Dede|Nine|Anne|Baba|Yenge"
    assert re.findall(rf"\}} (?:{kin})\w*", text) == []
    joined = re.findall(r"\} (?:Usta|Bey|Hanım|Öğretmen)(?!im\b)\w+", text)  # but Sevgili {friend} Öğretmenim
    assert joined == []


def test_ending_of_a_first_person_story_names_its_hero_in_the_right_case() -> None:
    endings = plots.read_genre("stories.txt").tables["ending first"]
    slots = {"place": name("Van"), "fullname": name("Defne Işık")}
    filled = {fill(random.Random(0), ending, slots) for ending in endings}
    assert "Van'da geçen bu hikâye benim, Defne Işık'ındı." in filled
    assert "Bütün bunlar Van'da benim başımdan geçti; adım Defne Işık." in filled


def test_compose_plot_drops_benim_before_what_is_possessed() -> None:
    plot = plots.Plot("test", lines=["Dün {full.gen} {field.@} su altında kaldı."])
    slots = {"@": FIRST_PERSON, "who": noun("ben"), "full": noun("ben"), "field": noun("tarla")}
    seen = {
        plots.compose_plot(random.Random(seed), plot, {}, slots, "yaz", None).paragraphs[0]
        for seed in range(40)
    }
    assert seen == {"Dün tarlam su altında kaldı.", "Dün benim tarlam su altında kaldı."}
    slots |= {"@": THIRD_PERSON, "full": name("Elif Kaya")}
    text = plots.compose_plot(random.Random(0), plot, {}, slots, "yaz", None)
    assert text.paragraphs == ("Dün Elif Kaya'nın tarlası su altında kaldı.",)


def test_read_genre_plot_names_are_distinct() -> None:
    for file in FILES:
        names = [plot.name for plot in plots.read_genre(file).plots]
        assert len(names) == len(set(names))


def test_compose_plot_drops_ben_often_but_never_in_contrast() -> None:
    plot = plots.Plot("test", lines=["{who} {~git.past.@}.", "{who.da} {~gel.past.@}."])
    slots = {"@": FIRST_PERSON, "who": noun("ben")}
    seen = {
        plots.compose_plot(
            random.Random(seed), plot, {"intro": ("Merhaba.",)}, slots, "yaz", None
        ).paragraphs[0]
        for seed in range(40)
    }
    assert seen == {"Merhaba. Ben gittim. Ben de geldim.", "Merhaba. Gittim. Ben de geldim."}
