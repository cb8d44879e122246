import pytest

from pipeline.miniworld.words import CompoundName, Name, Noun, Number
from pipeline.miniworld.world import BY_NAME, PROVINCES

# -de, -in, -e, -den after the apostrophe, written by hand and found so in parliamentary minutes.
PROVINCE_ENDINGS = """
Adana da nın ya dan; Adıyaman da ın a dan; Afyonkarahisar da ın a dan; Ağrı da nın ya dan
Amasya da nın ya dan; Ankara da nın ya dan
Antalya da nın ya dan; Artvin de in e den; Aydın da ın a dan; Balıkesir de in e den
Bilecik te in e ten; Bingöl de ün e den; Bitlis te in e ten; Bolu da nun ya dan; Burdur da un a dan
Bursa da nın ya dan; Çanakkale de nin ye den; Çankırı da nın ya dan; Çorum da un a dan; Denizli de nin ye den
Diyarbakır da ın a dan; Edirne de nin ye den; Elazığ da ın a dan; Erzincan da ın a dan; Erzurum da un a dan
Eskişehir de in e den; Gaziantep te in e ten; Giresun da un a dan; Gümüşhane de nin ye den
Hakkâri de nin ye den; Hatay da ın a dan; Isparta da nın ya dan; Mersin de in e den; İstanbul da un a dan
İzmir de in e den; Kars ta ın a tan; Kastamonu da nun ya dan; Kayseri de nin ye den
Kırklareli nde nin ne nden; Kırşehir de in e den; Kocaeli de nin ye den; Konya da nın ya dan
Kütahya da nın ya dan; Malatya da nın ya dan; Manisa da nın ya dan; Kahramanmaraş ta ın a tan
Mardin de in e den; Muğla da nın ya dan; Muş ta un a tan; Nevşehir de in e den; Niğde de nin ye den
Ordu da nun ya dan; Rize de nin ye den; Sakarya da nın ya dan; Samsun da un a dan; Siirt te in e ten
Sinop ta un a tan; Sivas ta ın a tan; Tekirdağ da ın a dan; Tokat ta ın a tan; Trabzon da un a dan
Tunceli de nin ye den; Şanlıurfa da nın ya dan; Uşak ta ın a tan; Van da ın a dan; Yozgat ta ın a tan
Zonguldak ta ın a tan; Aksaray da ın a dan; Bayburt ta un a tan; Karaman da ın a dan; Kırıkkale de nin ye den
Batman da ın a dan; Şırnak ta ın a tan; Bartın da ın a dan; Ardahan da ın a dan; Iğdır da ın a dan
Yalova da nın ya dan; Karabük te ün e ten; Kilis te in e ten; Osmaniye de nin ye den; Düzce de nin ye den
"""


def test_every_province_takes_its_endings() -> None:
    rows = [row.split() for line in PROVINCE_ENDINGS.strip().split("\n") for row in line.split("; ")]
    assert [name for name, *_ in rows] == [str(province.name) for province in PROVINCES]
    for name, *endings in rows:
        forms = [BY_NAME[name].name.inflect(case) for case in ("loc", "gen", "dat", "abl")]
        assert forms == [f"{name}'{ending}" for ending in endings]


@pytest.mark.parametrize(
    ("name", "case", "form"),
    [
        (Name("Sinop"), "acc", "Sinop'u"),
        (Name("Mert"), "ins", "Mert'le"),
        (Name("Elif Kaya"), "gen", "Elif Kaya'nın"),
        (Name("Hakkâri"), "li", "Hakkârili"),
        (Name("Muş"), "li", "Muşlu"),
        (Name("14 Mart"), "loc", "14 Mart'ta"),
        (Name("Sarıkamış"), "ki", "Sarıkamış'taki"),
        (Name("Kars"), "too", "Kars da"),
        (Name("Düzce"), "ask", "Düzce mi"),
        (CompoundName("Van Gölü"), "loc", "Van Gölü'nde"),
        (CompoundName("Van Gölü"), "cop", "Van Gölü'dür"),
        (CompoundName("Ağrı Dağı"), "acc", "Ağrı Dağı'nı"),
        (CompoundName("Ege Bölgesi"), "ins", "Ege Bölgesi'yle"),
        (Number("06"), "cop", "06'dır"),
        (Number("34"), "cop", "34'tür"),
        (Number("40"), "cop", "40'tır"),
        (Number("79"), "gen", "79'un"),
    ],
)
def test_names_take_endings_after_an_apostrophe(name: Name, case: str, form: str) -> None:
    assert name.inflect(case) == form


@pytest.mark.parametrize(
    ("noun", "forms"),
    [
        (Noun("kitap", "kitabı"), "kitabın kitaba kitapta kitaptan kitapla kitabı kitabını kitabım kitabımı"),
        (Noun("saat", "saati"), "saatin saate saatte saatten saatle saati saatini saatim saatimi"),
        (
            Noun("şemsiye", "şemsiyeyi"),
            "şemsiyenin şemsiyeye şemsiyede şemsiyeden şemsiyeyle şemsiyesi şemsiyesini şemsiyem şemsiyemi",
        ),
        (Noun("dede", "dedeyi"), "dedenin dedeye dedede dededen dedeyle dedesi dedesini dedem dedemi"),
        (
            Noun("ağabey", "ağabeyi"),
            "ağabeyin ağabeye ağabeyde ağabeyden ağabeyle ağabeyi ağabeyini ağabeyim ağabeyimi",
        ),
        (
            Noun("çömlek", "çömleği"),
            "çömleğin çömleğe çömlekte çömlekten çömlekle çömleği çömleğini çömleğim çömleğimi",
        ),
    ],
)
def test_nouns_soften_and_follow_their_accusative(noun: Noun, forms: str) -> None:
    made = [noun.inflect(case) for case in ("gen", "dat", "loc", "abl", "ins")]
    assert [*made, noun.poss, noun.poss.acc, noun.my, noun.my.acc] == forms.split()


def test_a_compound_is_its_own_possessive() -> None:
    oil = Noun("zeytinyağı", "zeytinyağını")
    assert oil.poss == "zeytinyağı"
    assert [
        oil.gen,
        oil.dat,
        oil.abl,
        oil.ins,
    ] == ["zeytinyağının", "zeytinyağına", "zeytinyağından", "zeytinyağıyla"]
