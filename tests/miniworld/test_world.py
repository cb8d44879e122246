from collections import Counter

from pipeline.miniworld.people import FIRST_NAMES, MADE_NAMES, NEW_NAMES, SURNAMES
from pipeline.miniworld.world import list_provinces, provinces_by_name

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


def test_provinces_have_the_official_plate_codes() -> None:
    assert [province.plate for province in list_provinces()] == [f"{number:02d}" for number in range(1, 82)]
    known = {"Adana": "01", "Ankara": "06", "Hakkâri": "30", "Mersin": "33", "İstanbul": "34", "İzmir": "35",
             "Kahramanmaraş": "46", "Şanlıurfa": "63", "Zonguldak": "67", "Aksaray": "68", "Karabük": "78",
             "Düzce": "81"}  # fmt: skip
    assert {name: provinces_by_name()[name].plate for name in known} == known


def test_provinces_per_region_are_the_official_numbers() -> None:
    assert Counter(str(province.region).removesuffix(" Bölgesi") for province in list_provinces()) == {
        "Marmara": 11, "Ege": 8, "Akdeniz": 8, "İç Anadolu": 13, "Karadeniz": 18, "Doğu Anadolu": 14,
        "Güneydoğu Anadolu": 9,
    }  # fmt: skip


def test_provinces_with_a_coast_are_twenty_eight() -> None:
    assert sum(bool(province.seas) for province in list_provinces()) == 28


def test_provinces_neighbors_are_mutual() -> None:
    for province in list_provinces():
        assert province.neighbors
        assert len(set(province.neighbors)) == len(province.neighbors)
        assert str(province.name) not in province.neighbors
        assert all(str(province.name) in provinces_by_name()[other].neighbors for other in province.neighbors)


def test_names_are_distinct() -> None:
    districts = [district for province in list_provinces() for district in province.districts]
    for names in ((*FIRST_NAMES, *NEW_NAMES, *MADE_NAMES), SURNAMES, districts):
        assert len(set(names)) == len(names)


def test_provinces_take_their_endings() -> None:
    rows = [row.split() for line in PROVINCE_ENDINGS.strip().split("\n") for row in line.split("; ")]
    assert [name for name, *_ in rows] == [str(province.name) for province in list_provinces()]
    for name, *endings in rows:
        forms = [provinces_by_name()[name].name.add(case) for case in ("loc", "gen", "dat", "abl")]
        assert forms == [f"{name}'{ending}" for ending in endings]


def test_provinces_local_products_are_inflected() -> None:
    goods = {
        name: str(provinces_by_name()[name].local_product.acc)
        for name in ("Kars", "Isparta", "Van", "Kilis", "Çorum", "Kırıkkale", "Batman", "Bartın")
    }
    assert goods == {
        "Kars": "Kars kaşarını", "Isparta": "Isparta gül suyunu", "Van": "Van otlu peynirini",
        "Kilis": "Kilis zeytinyağını", "Çorum": "Çorum leblebisini",
        "Kırıkkale": "Kırıkkale Keskin tavasını", "Batman": "Batman Sason balını",
        "Bartın": "Bartın tel kırma örtüsünü",
    }  # fmt: skip
