"""Tables of animals, food, the calendar and twelve well-known people of the miniworld.

Every row gives facts that texts state and questions ask for. An empty cell is a fact that no text states.
"""

from dataclasses import dataclass
from functools import cache

from pipeline.miniworld import world
from pipeline.miniworld.templates import parse_word
from pipeline.text.casing import lower
from pipeline.turkish.inflect import Form, name, noun, verb

# animal | its food (+: a compound) | its home | the verb of its sound | the name of its young
ANIMALS_TABLE = """
kedi|balık|ev|miyavla|
köpek|et|kulübe|havla|enik
koyun|ot|ağıl|mele|kuzu
keçi|yaprak|dağ|mele|oğlak
inek|saman|ahır|böğür|buzağı
at|arpa|ahır|kişne|tay
eşek|saman|ahır|anır|sıpa
tavuk|buğday|kümes|gıdakla|civciv
horoz|mısır|kümes|öt|
ördek|yosun|göl|vakla|
kaz|ot|çiftlik||
manda|ot|çiftlik|böğür|malak
deve|diken|çöl||köşek
arı|çiçek tozu+|kovan|vızılda|
ayı|bal|orman||
kurt|et|orman|ulu|
sincap|fındık|orman||
geyik|ot|orman||
tavşan|havuç|tarla||
kirpi|böcek|bahçe||
baykuş|fare|orman|öt|
karga|ceviz|park|gakla|
serçe|tohum|bahçe|cıvılda|
leylek|kurbağa|köy||
kartal|tavşan|dağ||
kurbağa|sinek|göl|vırakla|iribaş
martı|balık|deniz kıyısı+||
yunus|balık|deniz||
penguen|balık|Antarktika||
aslan|et|Afrika|kükre|
fil|ot|Afrika||
zürafa|yaprak|Afrika||
maymun|meyve|orman||
panda|bambu|Çin||
kanguru|ot|Avustralya||
köstebek|solucan|toprak altı+||
"""

# food | its main ingredient
FOODS_TABLE = """
peynir|süt
yoğurt|süt
ayran|yoğurt
cacık|yoğurt
omlet|yumurta
ekmek|un
un|buğday
pilav|pirinç
humus|nohut
pekmez|üzüm
limonata|limon
mücver|kabak
salça|domates
zeytinyağı|zeytin
köfte|kıyma
çikolata|kakao
"""

# fruit or vegetable | its season | its color
FRUITS_TABLE = """
çilek|ilkbahar|kırmızı
erik|ilkbahar|yeşil
kiraz|yaz|kırmızı
vişne|yaz|kırmızı
kavun|yaz|sarı
kayısı|yaz|turuncu
domates|yaz|kırmızı
patlıcan|yaz|mor
ayva|sonbahar|sarı
nar|sonbahar|kırmızı
kestane|sonbahar|kahverengi
limon|kış|sarı
portakal|kış|turuncu
mandalina|kış|turuncu
ıspanak|kış|yeşil
"""
DAYS = ("pazartesi", "salı", "çarşamba", "perşembe", "cuma", "cumartesi", "pazar")
DAYS_IN_MONTH = {  # all that occur
    "ocak": (31,), "şubat": (28, 29), "mart": (31,), "nisan": (30,), "mayıs": (31,), "haziran": (30,),
    "temmuz": (31,), "ağustos": (31,), "eylül": (30,), "ekim": (31,), "kasım": (30,), "aralık": (31,),
}  # fmt: skip
MONTHS_BY_SEASON = {season: tuple(map(lower, months)) for season, months in world.SEASONS.items()}
# date | official name, a compound | shorter names in use
HOLIDAYS_TABLE = """
1 Ocak|yılbaşı|
23 Nisan|Ulusal Egemenlik ve Çocuk Bayramı|Çocuk Bayramı
1 Mayıs|Emek ve Dayanışma Günü|İşçi Bayramı
19 Mayıs|Atatürk'ü Anma, Gençlik ve Spor Bayramı|Gençlik ve Spor Bayramı, Gençlik Bayramı
15 Temmuz|Demokrasi ve Millî Birlik Günü|Demokrasi ve Milli Birlik Günü, Millî Birlik Günü
30 Ağustos|Zafer Bayramı|
29 Ekim|Cumhuriyet Bayramı|
"""
SEASON_ADVERBS = {"kış": "kışın", "ilkbahar": "ilkbaharda", "yaz": "yazın", "sonbahar": "sonbaharda"}

# Hours of each part of the day. Noon and the small hours are left out, for half past twelve has a name of
# its own (yarım).
DAY_PARTS = {
    "sabah": range(6, 12),
    "öğleden sonra": range(13, 17),
    "akşam": range(18, 22),
    "gece": range(22, 24),
}

# name | job | province | pet | its name | favorite food (+: a compound) | favorite color
CHARACTERS_TABLE = """
Aslı Tunalı|eczacı|İzmir|kedi|Pamuk|mantı|mor
Bora Ergin|marangoz|Bolu|köpek|Karabaş|köfte|yeşil
Cansu Pekcan|öğretmen|Eskişehir|papağan|Maviş|baklava|mavi
Doruk Esmer|çiftçi|Kars|inek|Benek|menemen|siyah
Feyza Gürsoy|ressam|Muğla|kaplumbağa|Çakıl|sütlaç|turuncu
Haluk Bozdağ|postacı|Van|at|Rüzgâr|pilav|beyaz
İnci Sayar|kütüphaneci|Bursa|kanarya|Limon|börek|sarı
Kadir Alkan|aşçı|Gaziantep|ördek|Paytak|dolma|kırmızı
Lale Gürel|hemşire|Trabzon|tavşan|Fıstık|mercimek çorbası+|pembe
Nazım Tezcan|berber|Adana|eşek|Boncuk|makarna|gri
Pelin Sağlam|terzi|Isparta|koyun|Ponpon|karnıyarık|lacivert
Umut Dinçer|fırıncı|Sinop|keçi|Zeytin|omlet|kahverengi
"""


def _parse_rows(table: str) -> list[list[str]]:
    return [line.split("|") for line in table.split("\n")[1:-1]]


@dataclass(frozen=True)
class Animal:
    """Facts about a kind of animal."""

    name: Form
    food: Form
    home: Form
    sound: Form | None  # the aorist of its verb: miyavlar
    young: Form | None


@dataclass(frozen=True)
class Fruit:
    """A fruit or a vegetable."""

    name: Form
    season: Form
    color: Form


@dataclass(frozen=True)
class Holiday:
    """A day that is celebrated every year."""

    date: Form
    name: Form  # the official one
    short_names: tuple[str, ...]


@dataclass(frozen=True)
class Character:
    """A well-known person of the miniworld."""

    name: Form
    job: Form
    home: Form
    pet: Form
    pet_name: Form
    food: Form
    color: Form


def list_animals() -> tuple[Animal, ...]:
    """Return the animals in the order of their table."""
    return tuple(
        Animal(
            noun(animal),
            parse_word(food),
            parse_word(home),
            verb(sound).aor if sound else None,
            parse_word(young) if young else None,
        )
        for animal, food, home, sound, young in _parse_rows(ANIMALS_TABLE)
    )


def list_foods() -> dict[Form, Form]:
    """Return the main ingredient of each food."""
    return {noun(food): noun(ingredient) for food, ingredient in _parse_rows(FOODS_TABLE)}


def list_fruits() -> tuple[Fruit, ...]:
    """Return the fruits and vegetables in the order of their table."""
    return tuple(Fruit(*map(noun, row)) for row in _parse_rows(FRUITS_TABLE))


def list_holidays() -> tuple[Holiday, ...]:
    """Return the holidays in the order of the year."""
    return tuple(
        Holiday(
            name(date),
            noun(official) if official == lower(official) else name(official, "compound"),
            tuple(filter(None, others.split(", "))),
        )
        for date, official, others in _parse_rows(HOLIDAYS_TABLE)
    )


@cache
def list_characters() -> tuple[Character, ...]:
    """Return the well-known people in the order of their table."""
    return tuple(
        Character(
            name(full_name),
            noun(job),
            world.provinces_by_name()[home].name,
            noun(pet),
            name(pet_name),
            parse_word(food),
            noun(color),
        )
        for full_name, job, home, pet, pet_name, food, color in _parse_rows(CHARACTERS_TABLE)
    )
