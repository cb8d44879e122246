"""What is true of the miniworld beside its places: animals, food, the calendar, and twelve people.

Every row is a fact that texts state and questions ask for; an empty cell is a fact that nobody states.
"""

from dataclasses import dataclass

from pipeline.miniworld import world
from pipeline.miniworld.templates import word
from pipeline.text.casing import lower
from pipeline.turkish.inflect import Form, name, noun, verb

# animal | what it eats (+: a compound) | where it lives | the verb of its sound | what its young is called
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

# food | what it is made of above all
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

# fruit or vegetable | its season | its colour
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
DAYS_IN_MONTH = {
    "ocak": 31, "şubat": 28, "mart": 31, "nisan": 30, "mayıs": 31, "haziran": 30,
    "temmuz": 31, "ağustos": 31, "eylül": 30, "ekim": 31, "kasım": 30, "aralık": 31,
}  # fmt: skip
MONTHS = {season: tuple(map(lower, months)) for season, months in world.SEASONS.items()}
HOLIDAYS = {
    "1 Ocak": noun("yılbaşı", "compound"),
    "23 Nisan": name("Çocuk Bayramı", "compound"),
    "1 Mayıs": name("Emek ve Dayanışma Günü", "compound"),
    "19 Mayıs": name("Gençlik ve Spor Bayramı", "compound"),
    "30 Ağustos": name("Zafer Bayramı", "compound"),
    "29 Ekim": name("Cumhuriyet Bayramı", "compound"),
}
ADVERBS = {"kış": "kışın", "ilkbahar": "ilkbaharda", "yaz": "yazın", "sonbahar": "sonbaharda"}

# The hours of a clock and what one calls that part of the day. Noon and the small hours are left out: half
# past twelve has a name of its own (yarım).
DAY_PARTS = {
    "sabah": range(6, 12),
    "öğleden sonra": range(13, 17),
    "akşam": range(18, 22),
    "gece": range(22, 24),
}

# name | job | province | pet | its name | favourite food (+: a compound) | favourite colour
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


def _rows(table: str) -> list[list[str]]:
    return [line.split("|") for line in table.split("\n")[1:-1]]


@dataclass(frozen=True)
class Animal:
    """What the miniworld says of a kind of animal."""

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
    colour: Form


@dataclass(frozen=True)
class Character:
    """Someone whom the whole miniworld knows."""

    name: Form
    job: Form
    home: Form
    pet: Form
    pet_name: Form
    food: Form
    colour: Form


ANIMALS = tuple(
    Animal(
        noun(animal),
        word(food),
        word(home),
        verb(sound).aor if sound else None,
        word(young) if young else None,
    )
    for animal, food, home, sound, young in _rows(ANIMALS_TABLE)
)
FOODS = {noun(food): noun(ingredient) for food, ingredient in _rows(FOODS_TABLE)}
FRUITS = tuple(Fruit(*map(noun, row)) for row in _rows(FRUITS_TABLE))
CHARACTERS = tuple(
    Character(
        name(who), noun(job), world.BY_NAME[home].name, noun(pet), name(pet_name), word(food), noun(colour)
    )
    for who, job, home, pet, pet_name, food, colour in _rows(CHARACTERS_TABLE)
)
