"""The miniworld's places: the 81 provinces of Türkiye and the facts about them.

Every fact that a text states, a conversation repeats or a question asks is read from this table. A plate
code is the row's number. Regions are the seven geographical regions. A sea is one on which the province has a
coast. Neighbors share a land border. Doubtful pairs are left out, so a missing pair proves nothing.
"""

from dataclasses import dataclass
from functools import cache

from pipeline.miniworld.templates import parse_word
from pipeline.turkish.inflect import Form, name, noun, numeral

# name | region | seas | a natural sight | districts | a product it is known for: unit, noun (+: a compound)
PROVINCES_TABLE = """
Adana|Akdeniz|Akdeniz|Seyhan Nehri|Kozan, Ceyhan|şişe, şalgam suyu+
Adıyaman|Güneydoğu Anadolu||Nemrut Dağı|Kâhta, Besni|kilo, üzüm
Afyonkarahisar|Ege||Eber Gölü|Sandıklı, Bolvadin|kutu, kaymak
Ağrı|Doğu Anadolu||Ağrı Dağı|Doğubayazıt, Patnos|kavanoz, bal
Amasya|Karadeniz||Yeşilırmak|Merzifon, Suluova|kilo, elma
Ankara|İç Anadolu||Eymir Gölü|Polatlı, Haymana|tane, simit
Antalya|Akdeniz|Akdeniz|Düden Şelalesi|Alanya, Manavgat|kilo, portakal
Artvin|Karadeniz|Karadeniz|Çoruh Nehri|Hopa, Borçka|kavanoz, bal
Aydın|Ege|Ege Denizi|Büyük Menderes Nehri|Nazilli, Söke|kilo, incir
Balıkesir|Marmara|Marmara Denizi, Ege Denizi|Manyas Gölü|Bandırma, Ayvalık|şişe, zeytinyağı
Bilecik|Marmara||Sakarya Nehri|Bozüyük, Söğüt|kilo, ayva
Bingöl|Doğu Anadolu||Çır Şelalesi|Solhan, Karlıova|kavanoz, bal
Bitlis|Doğu Anadolu||Nemrut Krater Gölü|Tatvan, Ahlat|kilo, ceviz
Bolu|Karadeniz||Abant Gölü|Mudurnu, Gerede|kilo, patates
Burdur|Akdeniz||Salda Gölü|Bucak, Gölhisar|kutu, ceviz ezmesi+
Bursa|Marmara|Marmara Denizi|Uludağ|İnegöl, İznik|kutu, kestane şekeri+
Çanakkale|Marmara|Marmara Denizi, Ege Denizi|Çanakkale Boğazı|Gelibolu, Biga|kilo, peynir
Çankırı|İç Anadolu||Ilgaz Dağı|Çerkeş, Ilgaz|kilo, kaya tuzu+
Çorum|Karadeniz||İncesu Kanyonu|Sungurlu, Osmancık|kilo, leblebi
Denizli|Ege||Işıklı Gölü|Çivril, Buldan|tane, havlu
Diyarbakır|Güneydoğu Anadolu||Dicle Nehri|Ergani, Silvan|tane, karpuz
Edirne|Marmara|Ege Denizi|Meriç Nehri|Keşan, Uzunköprü|kutu, badem ezmesi+
Elazığ|Doğu Anadolu||Hazar Gölü|Palu, Karakoçan|kutu, orcik
Erzincan|Doğu Anadolu||Girlevik Şelalesi|Kemaliye, Tercan|kilo, tulum peyniri+
Erzurum|Doğu Anadolu||Palandöken Dağı|Oltu, İspir|kilo, civil peyniri+
Eskişehir|İç Anadolu||Porsuk Çayı|Sivrihisar, Seyitgazi|kutu, met helvası+
Gaziantep|Güneydoğu Anadolu||Fırat Nehri|Nizip, İslahiye|kilo, baklava
Giresun|Karadeniz|Karadeniz|Giresun Adası|Bulancak, Şebinkarahisar|kilo, fındık
Gümüşhane|Karadeniz||Karaca Mağarası|Kelkit, Torul|kutu, pestil
Hakkâri|Doğu Anadolu||Cilo Dağları|Yüksekova, Çukurca|kavanoz, bal
Hatay|Akdeniz|Akdeniz|Asi Nehri|İskenderun, Samandağ|kutu, künefe
Isparta|Akdeniz||Eğirdir Gölü|Yalvaç, Eğirdir|şişe, gül suyu+
Mersin|Akdeniz|Akdeniz|Göksu Nehri|Silifke, Tarsus|kilo, limon
İstanbul|Marmara|Marmara Denizi, Karadeniz|İstanbul Boğazı|Üsküdar, Beşiktaş|kutu, lokum
İzmir|Ege|Ege Denizi|Gediz Nehri|Bergama, Çeşme|tane, boyoz
Kars|Doğu Anadolu||Kuyucuk Gölü|Sarıkamış, Kağızman|kilo, kaşar
Kastamonu|Karadeniz|Karadeniz|Valla Kanyonu|Taşköprü, İnebolu|kilo, sarımsak
Kayseri|İç Anadolu||Erciyes Dağı|Develi, Bünyan|kilo, pastırma
Kırklareli|Marmara|Karadeniz|Dupnisa Mağarası|Lüleburgaz, Vize|şişe, hardaliye
Kırşehir|İç Anadolu||Seyfe Gölü|Kaman, Mucur|kilo, ceviz
Kocaeli|Marmara|Marmara Denizi, Karadeniz|İzmit Körfezi|Gebze, Gölcük|kutu, pişmaniye
Konya|İç Anadolu||Beyşehir Gölü|Akşehir, Beyşehir|kutu, Mevlana şekeri+
Kütahya|Ege||Murat Dağı|Tavşanlı, Simav|tane, çini vazo
Malatya|Doğu Anadolu||Günpınar Şelalesi|Darende, Arapgir|kilo, kayısı
Manisa|Ege||Spil Dağı|Akhisar, Salihli|kutu, mesir macunu+
Kahramanmaraş|Akdeniz||Ceyhan Nehri|Elbistan, Göksun|kutu, dondurma
Mardin|Güneydoğu Anadolu||Kızıltepe Ovası|Midyat, Nusaybin|kutu, badem şekeri+
Muğla|Ege|Ege Denizi, Akdeniz|Köyceğiz Gölü|Bodrum, Fethiye|kavanoz, çam balı+
Muş|Doğu Anadolu||Murat Nehri|Malazgirt, Varto|porsiyon, köfte
Nevşehir|İç Anadolu||Kızılırmak|Ürgüp, Avanos|tane, çömlek
Niğde|İç Anadolu||Aladağlar|Bor, Ulukışla|şişe, gazoz
Ordu|Karadeniz|Karadeniz|Perşembe Yaylası|Ünye, Fatsa|kilo, fındık
Rize|Karadeniz|Karadeniz|Fırtına Deresi|İkizdere, Ardeşen|paket, çay
Sakarya|Marmara|Karadeniz|Sapanca Gölü|Hendek, Geyve|tane, kabak
Samsun|Karadeniz|Karadeniz|Kızılırmak Deltası|Bafra, Vezirköprü|tane, pide
Siirt|Güneydoğu Anadolu||Botan Çayı|Kurtalan, Pervari|kilo, fıstık
Sinop|Karadeniz|Karadeniz|Hamsilos Koyu|Boyabat, Gerze|porsiyon, mantı
Sivas|İç Anadolu||Gökpınar Gölü|Divriği, Gürün|porsiyon, köfte
Tekirdağ|Marmara|Marmara Denizi, Karadeniz|Ganos Dağı|Çorlu, Şarköy|porsiyon, köfte
Tokat|Karadeniz||Ballıca Mağarası|Niksar, Zile|kilo, asma yaprağı+
Trabzon|Karadeniz|Karadeniz|Uzungöl|Akçaabat, Maçka|kilo, tereyağı
Tunceli|Doğu Anadolu||Munzur Çayı|Pertek, Çemişgezek|kilo, sarımsak
Şanlıurfa|Güneydoğu Anadolu||Balıklıgöl|Birecik, Siverek|kilo, isot
Uşak|Ege||Ulubey Kanyonu|Banaz, Eşme|kilo, tarhana
Van|Doğu Anadolu||Van Gölü|Erciş, Gevaş|kilo, otlu peynir
Yozgat|İç Anadolu||Yozgat Çamlığı Millî Parkı|Sorgun, Boğazlıyan|porsiyon, testi kebabı+
Zonguldak|Karadeniz|Karadeniz|Gökgöl Mağarası|Çaycuma, Devrek|kavanoz, kestane balı+
Aksaray|İç Anadolu||Ihlara Vadisi|Güzelyurt, Eskil|tane, halı
Bayburt|Karadeniz||Çoruh Nehri|Aydıntepe|tane, ehram
Karaman|İç Anadolu||İncesu Mağarası|Ermenek, Ayrancı|paket, bisküvi
Kırıkkale|İç Anadolu||Kızılırmak|Keskin, Delice|porsiyon, Keskin tavası+
Batman|Güneydoğu Anadolu||Batman Çayı|Hasankeyf, Kozluk|kavanoz, Sason balı+
Şırnak|Güneydoğu Anadolu||Cudi Dağı|Cizre, Silopi|kavanoz, bal
Bartın|Karadeniz|Karadeniz|Bartın Irmağı|Amasra, Kurucaşile|tane, tel kırma örtü
Ardahan|Doğu Anadolu||Çıldır Gölü|Göle, Posof|kavanoz, bal
Iğdır|Doğu Anadolu||Aras Nehri|Tuzluca|kilo, kayısı
Yalova|Marmara|Marmara Denizi|Sudüşen Şelalesi|Çınarcık, Altınova|kilo, kivi
Karabük|Karadeniz||Şeker Kanyonu|Safranbolu, Eskipazar|kutu, safran
Kilis|Güneydoğu Anadolu||Afrin Çayı|Musabeyli, Elbeyli|şişe, zeytinyağı
Osmaniye|Akdeniz||Karaçay Şelalesi|Kadirli, Toprakkale|kilo, yer fıstığı+
Düzce|Karadeniz|Karadeniz|Efteni Gölü|Akçakoca, Gölyaka|kilo, fındık
"""

# Each border once.
BORDERS = """
Adana: Mersin Niğde Kayseri Kahramanmaraş Osmaniye Hatay
Adıyaman: Malatya Kahramanmaraş Gaziantep Şanlıurfa Diyarbakır
Afyonkarahisar: Eskişehir Konya Isparta Burdur Denizli Uşak Kütahya
Ağrı: Kars Iğdır Van Bitlis Muş Erzurum
Amasya: Samsun Tokat Yozgat Çorum
Ankara: Bolu Çankırı Kırıkkale Kırşehir Aksaray Konya Eskişehir
Antalya: Muğla Burdur Isparta Konya Karaman Mersin
Artvin: Rize Erzurum Ardahan
Aydın: İzmir Manisa Denizli Muğla
Balıkesir: Çanakkale Bursa Kütahya Manisa İzmir
Bilecik: Bursa Sakarya Bolu Eskişehir Kütahya
Bingöl: Erzurum Muş Diyarbakır Elazığ Tunceli Erzincan
Bitlis: Van Siirt Batman Muş
Bolu: Düzce Zonguldak Karabük Çankırı Eskişehir Sakarya
Burdur: Denizli Isparta Muğla
Bursa: Kütahya Sakarya Kocaeli Yalova
Çanakkale: Edirne Tekirdağ
Çankırı: Karabük Kastamonu Çorum Kırıkkale
Çorum: Sinop Samsun Yozgat Kırıkkale Kastamonu
Denizli: Manisa Uşak Muğla
Diyarbakır: Elazığ Muş Batman Mardin Şanlıurfa Malatya
Edirne: Kırklareli Tekirdağ
Elazığ: Tunceli Malatya Erzincan
Erzincan: Gümüşhane Bayburt Erzurum Tunceli Malatya Sivas Giresun
Erzurum: Rize Ardahan Kars Muş Bayburt
Eskişehir: Konya Kütahya
Gaziantep: Kilis Hatay Osmaniye Kahramanmaraş Şanlıurfa
Giresun: Ordu Trabzon Gümüşhane Sivas
Gümüşhane: Trabzon Bayburt
Hakkâri: Van Şırnak
Hatay: Osmaniye
Isparta: Konya
Mersin: Karaman Konya Niğde
İstanbul: Tekirdağ Kocaeli
İzmir: Manisa
Kars: Ardahan Iğdır
Kastamonu: Sinop Karabük Bartın
Kayseri: Sivas Kahramanmaraş Niğde Nevşehir Yozgat
Kırklareli: Tekirdağ
Kırşehir: Kırıkkale Yozgat Nevşehir Aksaray
Kocaeli: Sakarya Yalova
Konya: Aksaray Niğde Karaman
Kütahya: Uşak Manisa
Malatya: Sivas Kahramanmaraş
Manisa: Uşak
Kahramanmaraş: Sivas Osmaniye
Mardin: Şanlıurfa Batman Siirt Şırnak
Muş: Batman
Nevşehir: Yozgat Niğde Aksaray
Niğde: Aksaray
Ordu: Samsun Tokat Sivas
Rize: Trabzon Bayburt
Sakarya: Düzce
Samsun: Sinop Tokat
Siirt: Batman Van Şırnak
Sivas: Tokat Yozgat
Tokat: Yozgat
Trabzon: Bayburt
Van: Şırnak
Yozgat: Kırıkkale
Zonguldak: Düzce Karabük Bartın
Bartın: Karabük
"""

COMPOUND_PROVINCES = {"Kırklareli"}
SIGHT_KINDS = {
    "Gölü": "göl", "Nehri": "akarsu", "Çayı": "akarsu", "Deresi": "akarsu", "Irmağı": "akarsu",
    "Dağı": "dağ", "Dağları": "dağlar", "Şelalesi": "şelale", "Mağarası": "mağara", "Kanyonu": "kanyon",
    "Ovası": "ova", "Vadisi": "vadi", "Boğazı": "boğaz", "Körfezi": "körfez", "Koyu": "koy", "Adası": "ada",
    "Yaylası": "yayla", "Deltası": "delta", "Parkı": "millî park",
    "Yeşilırmak": "akarsu", "Kızılırmak": "akarsu", "Uludağ": "dağ", "Aladağlar": "dağlar",
    "Uzungöl": "göl", "Balıklıgöl": "göl",
}  # fmt: skip


@dataclass(frozen=True)
class Province:
    """One of the 81 provinces and its facts."""

    name: Form
    plate: Form  # two digits
    region: Form
    seas: tuple[Form, ...]  # empty: no coast
    sight: Form
    sight_kind: str  # göl, dağ, … or of several mountains: dağlar
    districts: tuple[Form, ...]
    unit: str  # in which the product is counted
    product: Form
    local_product: Form  # the product as the province's own: Kars kaşarı
    neighbors: tuple[str, ...]


def place_name(text: str) -> Form:
    """Return the name of a natural place. One of several words ends in a possessive (Van Gölü)."""
    return name(text, "compound") if " " in text else name(text)


def _parse_borders() -> dict[str, tuple[str, ...]]:
    neighbors: dict[str, list[str]] = {}
    for line in BORDERS.split("\n")[1:-1]:
        province, others = line.split(": ")
        for other in others.split():
            neighbors.setdefault(province, []).append(other)
            neighbors.setdefault(other, []).append(province)
    return {province: tuple(others) for province, others in neighbors.items()}


@cache
def list_provinces() -> tuple[Province, ...]:
    """Return the provinces in the order of their plate codes."""
    neighbors = _parse_borders()
    provinces = []
    for number, row in enumerate(PROVINCES_TABLE.split("\n")[1:-1], start=1):
        text, region, seas, sight, districts, products = row.split("|")
        unit, product = products.split(", ")
        provinces.append(
            Province(
                name=name(text, "compound") if text in COMPOUND_PROVINCES else name(text),
                plate=numeral(f"{number:02d}"),
                region=name(f"{region} Bölgesi", "compound"),
                seas=tuple(place_name(sea) for sea in seas.split(", ") if sea),
                sight=place_name(sight),
                sight_kind=SIGHT_KINDS[sight.split()[-1]],
                districts=tuple(name(district) for district in districts.split(", ")),
                unit=unit,
                product=parse_word(product),
                local_product=noun(f"{text} {parse_word(product).p3sg}", "compound"),
                neighbors=neighbors[text],
            )
        )
    return tuple(provinces)


@cache
def provinces_by_name() -> dict[str, Province]:
    """Return the provinces by their names."""
    return {str(province.name): province for province in list_provinces()}


SEASONS = {
    "kış": ("Aralık", "Ocak", "Şubat"),
    "ilkbahar": ("Mart", "Nisan", "Mayıs"),
    "yaz": ("Haziran", "Temmuz", "Ağustos"),
    "sonbahar": ("Eylül", "Ekim", "Kasım"),
}
SNOWY_REGIONS = {"Doğu Anadolu Bölgesi", "İç Anadolu Bölgesi"}
