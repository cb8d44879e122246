from collections import Counter

from pipeline.miniworld.world import BY_NAME, FIRST_NAMES, PROVINCES, SURNAMES


def test_plate_codes_are_the_official_ones() -> None:
    assert [province.plate for province in PROVINCES] == [f"{number:02d}" for number in range(1, 82)]
    known = {"Adana": "01", "Ankara": "06", "Hakkâri": "30", "Mersin": "33", "İstanbul": "34", "İzmir": "35",
             "Kahramanmaraş": "46", "Şanlıurfa": "63", "Zonguldak": "67", "Aksaray": "68", "Karabük": "78",
             "Düzce": "81"}  # fmt: skip
    assert {name: BY_NAME[name].plate for name in known} == known


def test_regions_hold_as_many_provinces_as_they_do() -> None:
    assert Counter(str(province.region).removesuffix(" Bölgesi") for province in PROVINCES) == {
        "Marmara": 11, "Ege": 8, "Akdeniz": 8, "İç Anadolu": 13, "Karadeniz": 18, "Doğu Anadolu": 14,
        "Güneydoğu Anadolu": 9,
    }  # fmt: skip


def test_twenty_eight_provinces_have_a_coast() -> None:
    assert sum(bool(province.seas) for province in PROVINCES) == 28


def test_neighbours_are_mutual() -> None:
    for province in PROVINCES:
        assert province.neighbours
        assert len(set(province.neighbours)) == len(province.neighbours)
        assert str(province.name) not in province.neighbours
        assert all(str(province.name) in BY_NAME[other].neighbours for other in province.neighbours)


def test_names_are_distinct() -> None:
    districts = [district for province in PROVINCES for district in province.districts]
    for names in (FIRST_NAMES, SURNAMES, districts):
        assert len(set(names)) == len(names)
