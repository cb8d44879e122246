"""What people say around their questions, what they ask that no text here knows, and names that they give.

The tables are openers.txt, outside.txt and definitions.txt.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pipeline.miniworld.templates import CHOICE, Slots, choose_zipf, fill, parse_word
from pipeline.turkish.inflect import Form, name

DATA_FILES = ("openers.txt", "outside.txt", "definitions.txt")
DO_NOT_KNOW = ("Bunu bilmiyorum.", "Bunu bilmiyorum.", "Bu konuda bilgim yok.")
PROMPT_SPREAD = 2  # see choose_zipf: the commonest wording of five is then one in three

# Names that no document has, so that a name is copied from the conversation rather than remembered.
UNLISTED_NAMES_TABLE = """
Adem Akif Alp Anıl Aras Arda Armağan Aslan Ata Atakan Atilla Aydın Ayhan Aykut Bahadır Barış Bayram Bedirhan
Bekir Berat Berk Bilal Birol Buğra Cafer Can Caner Cemal Cenk Coşkun Çağatay Çağrı Çınar Davut Doruk Ediz
Emir Emin Enes Ercan Erdem Erhan Erkan Erol Ertuğrul Evren Eyüp Fatih Ferit Fikret Gürkan Halit Hamza Haydar
Hikmet Ilgaz İlhan İlker İlyas İsa İshak İsmail İzzet Kadir Kamil Koray Korkut Kubilay Kutay Kuzey Latif
Mahir Mahmut Melih Mesut Mete Metin Muhammet Musa Mücahit Nazım Necati Necmi Nihat Nuri Oğuz Okan Oktay
Olcay Ozan Polat Rahmi Ramazan Rıza Rüzgâr Sabri Sadık Sami Samet Sedat Selçuk Semih Serdar Serhat Sühan
Süleyman Şahin Şükrü Taha Tahsin Talha Taner Tayfun Temel Timur Toprak Tuna Turgut Utku Ümit Ünal Vedat
Yağız Yakup Yavuz Yunus Zafer Zeki Ahsen Aleyna Alev Arzu Asiye Asu Ayça Ayla Aynur Aysel Aysun Azra Banu
Başak Begüm Belgin Belinay Berrin Beste Betül Bilge Birsen Buket Canan Cansu Çiğdem Damla Demet Didem Dilara
Döndü Ecrin Eda Ela Elçin Elvan Esin Esma Eylül Ezgi Fadime Feride Feyza Figen Fulya Funda Gonca Gökçe Gül
Gülay Gülcan Gülsüm Gülşen Günay Güzide Hacer Hafize Hale Halime Handan Havva Hazal Hilal Hümeyra Işıl İclal
İlayda İnci İrem Jale Kader Lale Lara Mehtap Melis Melisa Meltem Meryem Mine Müge Müzeyyen Naciye Nalan
Narin Nehir Neslihan Neşe Nevin Nil Nilay Nilgün Nur Nurcan Nuray Nurten Oya Öykü Özden Pelin Perihan Rana
Reyhan Rukiye Saadet Sanem Seda Sedef Selda Selma Semra Sena Serap Serpil Sevda Sevgi Sevil Sevim Sıla Simge
Suna Süheyla Şebnem Şenay Şirin Tuba Tülay Tülin Ülkü Vildan Yaprak Yasemin Yeliz Yeşim Yıldız Yonca Zeliha
Zuhal Zümra
"""
UNLISTED_NAMES = tuple(map(name, UNLISTED_NAMES_TABLE.split()))


@dataclass
class Intent:
    """What someone wants who says one of these things, as templates, and the answers to it."""

    name: str
    weight: int
    prompts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


@dataclass
class Outside:
    """Questions that nothing here answers, and what they ask about."""

    questions: list[str] = field(default_factory=list)
    topics: list[Form] = field(default_factory=list)
    people: list[Form] = field(default_factory=list)
    places: list[Form] = field(default_factory=list)


def read_table(file: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a table as marker and text."""
    for line in Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines():
        marker, _, text = line.partition(" ")
        if marker not in ("", "##"):
            yield marker, text


@cache
def load_outside() -> Outside:
    """Return the questions of outside.txt."""
    outside = Outside()
    words = {"topic": outside.topics, "person": outside.people, "place": outside.places}
    for marker, text in read_table("outside.txt"):
        if marker == "?":
            outside.questions.append(text)
        else:
            words[marker] += map(parse_word, text.split(", "))
    return outside


@cache
def load_definitions() -> dict[str, Intent]:
    """Return what asks for a definition, and its answers, by family of facts."""
    definitions: dict[str, Intent] = {}
    for marker, text in read_table("definitions.txt"):
        if marker == "#":
            definition = definitions[text] = Intent(text, 1)
        else:
            (definition.prompts if marker == "?" else definition.answers).append(text)
    return definitions


@cache
def load_intents() -> dict[str, Intent]:
    """Return the intents by name, in the order of openers.txt."""
    intents: list[Intent] = []
    for marker, text in read_table("openers.txt"):
        match marker:
            case "#":
                intent_name, weight = text.split()
                intents.append(Intent(intent_name, int(weight)))
            case "?":
                intents[-1].prompts.append(text)
            case ".":
                intents[-1].answers.append(text)
    return {intent.name: intent for intent in intents}


def draw_opener(rng: random.Random, intent: Intent, slots: Slots | None = None) -> list[str]:
    """Draw one of the intent's messages and an answer, as two turns."""
    templates = choose_zipf(rng, intent.prompts, spread=PROMPT_SPREAD), rng.choice(intent.answers)
    return [fill(rng, template, slots or {}) for template in templates]


def draw_intent(rng: random.Random) -> Intent:
    """Draw an intent by its weight."""
    intents = list(load_intents().values())
    return rng.choices(intents, [intent.weight for intent in intents])[0]


def draw_unlisted_name(rng: random.Random) -> Form:
    """Draw a name that no document has."""
    return rng.choice(UNLISTED_NAMES)


def expand(template: str) -> list[str]:
    """Return every text that a template's choices give, its slots left as they are."""
    choice = CHOICE.search(template)
    if not choice:
        return [template]
    start, end = template[: choice.start()], template[choice.end() :]
    return [text for option in choice[1].split("|") for text in expand(start + option + end)]
