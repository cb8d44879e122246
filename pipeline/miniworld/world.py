"""What is true in the miniworld: the 81 provinces of Türkiye, and the names and things its stories use.

Every fact that a text states, a conversation repeats or a question asks is read from this table. Plate
codes are the row's number. Regions are the seven geographical regions; a sea is one the province has a
coast on. Neighbours share a land border: doubtful pairs are left out, so a missing pair proves nothing.
"""

from dataclasses import dataclass

from pipeline.miniworld.words import CompoundName, Name, Noun, Number

# name | region | seas | a natural sight | districts | a product it is known for: unit, noun, accusative
PROVINCES_TABLE = """
Adana|Akdeniz|Akdeniz|Seyhan Nehri|Kozan, Ceyhan|şişe, şalgam suyu, şalgam suyunu
Adıyaman|Güneydoğu Anadolu||Nemrut Dağı|Kâhta, Besni|kilo, üzüm, üzümü
Afyonkarahisar|Ege||Eber Gölü|Sandıklı, Bolvadin|kutu, kaymak, kaymağı
Ağrı|Doğu Anadolu||Ağrı Dağı|Doğubayazıt, Patnos|kavanoz, bal, balı
Amasya|Karadeniz||Yeşilırmak|Merzifon, Suluova|kilo, elma, elmayı
Ankara|İç Anadolu||Eymir Gölü|Polatlı, Haymana|tane, simit, simidi
Antalya|Akdeniz|Akdeniz|Düden Şelalesi|Alanya, Manavgat|kilo, portakal, portakalı
Artvin|Karadeniz|Karadeniz|Çoruh Nehri|Hopa, Borçka|kavanoz, bal, balı
Aydın|Ege|Ege Denizi|Büyük Menderes Nehri|Nazilli, Söke|kilo, incir, inciri
Balıkesir|Marmara|Marmara Denizi, Ege Denizi|Manyas Gölü|Bandırma, Ayvalık|şişe, zeytinyağı, zeytinyağını
Bilecik|Marmara||Sakarya Nehri|Bozüyük, Söğüt|kilo, ayva, ayvayı
Bingöl|Doğu Anadolu||Çır Şelalesi|Solhan, Karlıova|kavanoz, bal, balı
Bitlis|Doğu Anadolu||Nemrut Krater Gölü|Tatvan, Ahlat|kilo, ceviz, cevizi
Bolu|Karadeniz||Abant Gölü|Mudurnu, Gerede|kilo, patates, patatesi
Burdur|Akdeniz||Salda Gölü|Bucak, Gölhisar|kutu, ceviz ezmesi, ceviz ezmesini
Bursa|Marmara|Marmara Denizi|Uludağ|İnegöl, İznik|kutu, kestane şekeri, kestane şekerini
Çanakkale|Marmara|Marmara Denizi, Ege Denizi|Çanakkale Boğazı|Gelibolu, Biga|kilo, peynir, peyniri
Çankırı|İç Anadolu||Ilgaz Dağı|Çerkeş, Ilgaz|kilo, kaya tuzu, kaya tuzunu
Çorum|Karadeniz||İncesu Kanyonu|Sungurlu, Osmancık|kilo, leblebi, leblebiyi
Denizli|Ege||Işıklı Gölü|Çivril, Buldan|tane, havlu, havluyu
Diyarbakır|Güneydoğu Anadolu||Dicle Nehri|Ergani, Silvan|tane, karpuz, karpuzu
Edirne|Marmara|Ege Denizi|Meriç Nehri|Keşan, Uzunköprü|kutu, badem ezmesi, badem ezmesini
Elazığ|Doğu Anadolu||Hazar Gölü|Palu, Karakoçan|kutu, orcik, orciği
Erzincan|Doğu Anadolu||Girlevik Şelalesi|Kemaliye, Tercan|kilo, tulum peyniri, tulum peynirini
Erzurum|Doğu Anadolu||Palandöken Dağı|Oltu, İspir|kilo, civil peyniri, civil peynirini
Eskişehir|İç Anadolu||Porsuk Çayı|Sivrihisar, Seyitgazi|kutu, met helvası, met helvasını
Gaziantep|Güneydoğu Anadolu||Fırat Nehri|Nizip, İslahiye|kilo, baklava, baklavayı
Giresun|Karadeniz|Karadeniz|Giresun Adası|Bulancak, Şebinkarahisar|kilo, fındık, fındığı
Gümüşhane|Karadeniz||Karaca Mağarası|Kelkit, Torul|kutu, pestil, pestili
Hakkâri|Doğu Anadolu||Cilo Dağları|Yüksekova, Çukurca|kavanoz, bal, balı
Hatay|Akdeniz|Akdeniz|Asi Nehri|İskenderun, Samandağ|kutu, künefe, künefeyi
Isparta|Akdeniz||Eğirdir Gölü|Yalvaç, Eğirdir|şişe, gül suyu, gül suyunu
Mersin|Akdeniz|Akdeniz|Göksu Nehri|Silifke, Tarsus|kilo, limon, limonu
İstanbul|Marmara|Marmara Denizi, Karadeniz|İstanbul Boğazı|Üsküdar, Beşiktaş|kutu, lokum, lokumu
İzmir|Ege|Ege Denizi|Gediz Nehri|Bergama, Çeşme|tane, boyoz, boyozu
Kars|Doğu Anadolu||Kuyucuk Gölü|Sarıkamış, Kağızman|kilo, kaşar, kaşarı
Kastamonu|Karadeniz|Karadeniz|Valla Kanyonu|Taşköprü, İnebolu|kilo, sarımsak, sarımsağı
Kayseri|İç Anadolu||Erciyes Dağı|Develi, Bünyan|kilo, pastırma, pastırmayı
Kırklareli|Marmara|Karadeniz|Dupnisa Mağarası|Lüleburgaz, Vize|şişe, hardaliye, hardaliyeyi
Kırşehir|İç Anadolu||Seyfe Gölü|Kaman, Mucur|kilo, ceviz, cevizi
Kocaeli|Marmara|Marmara Denizi, Karadeniz|İzmit Körfezi|Gebze, Gölcük|kutu, pişmaniye, pişmaniyeyi
Konya|İç Anadolu||Beyşehir Gölü|Akşehir, Beyşehir|kutu, Mevlana şekeri, Mevlana şekerini
Kütahya|Ege||Murat Dağı|Tavşanlı, Simav|tane, çini vazo, çini vazoyu
Malatya|Doğu Anadolu||Günpınar Şelalesi|Darende, Arapgir|kilo, kayısı, kayısıyı
Manisa|Ege||Spil Dağı|Akhisar, Salihli|kutu, mesir macunu, mesir macununu
Kahramanmaraş|Akdeniz||Ceyhan Nehri|Elbistan, Göksun|kutu, dondurma, dondurmayı
Mardin|Güneydoğu Anadolu||Kızıltepe Ovası|Midyat, Nusaybin|kutu, badem şekeri, badem şekerini
Muğla|Ege|Ege Denizi, Akdeniz|Köyceğiz Gölü|Bodrum, Fethiye|kavanoz, çam balı, çam balını
Muş|Doğu Anadolu||Murat Nehri|Malazgirt, Varto|porsiyon, köfte, köfteyi
Nevşehir|İç Anadolu||Kızılırmak|Ürgüp, Avanos|tane, çömlek, çömleği
Niğde|İç Anadolu||Aladağlar|Bor, Ulukışla|şişe, gazoz, gazozu
Ordu|Karadeniz|Karadeniz|Perşembe Yaylası|Ünye, Fatsa|kilo, fındık, fındığı
Rize|Karadeniz|Karadeniz|Fırtına Deresi|İkizdere, Ardeşen|paket, çay, çayı
Sakarya|Marmara|Karadeniz|Sapanca Gölü|Hendek, Geyve|tane, kabak, kabağı
Samsun|Karadeniz|Karadeniz|Kızılırmak Deltası|Bafra, Vezirköprü|tane, pide, pideyi
Siirt|Güneydoğu Anadolu||Botan Çayı|Kurtalan, Pervari|kilo, fıstık, fıstığı
Sinop|Karadeniz|Karadeniz|Hamsilos Koyu|Boyabat, Gerze|porsiyon, mantı, mantıyı
Sivas|İç Anadolu||Gökpınar Gölü|Divriği, Gürün|porsiyon, köfte, köfteyi
Tekirdağ|Marmara|Marmara Denizi, Karadeniz|Ganos Dağı|Çorlu, Şarköy|porsiyon, köfte, köfteyi
Tokat|Karadeniz||Ballıca Mağarası|Niksar, Zile|kilo, asma yaprağı, asma yaprağını
Trabzon|Karadeniz|Karadeniz|Uzungöl|Akçaabat, Maçka|kilo, tereyağı, tereyağını
Tunceli|Doğu Anadolu||Munzur Çayı|Pertek, Çemişgezek|kilo, sarımsak, sarımsağı
Şanlıurfa|Güneydoğu Anadolu||Balıklıgöl|Birecik, Siverek|kilo, isot, isotu
Uşak|Ege||Ulubey Kanyonu|Banaz, Eşme|kilo, tarhana, tarhanayı
Van|Doğu Anadolu||Van Gölü|Erciş, Gevaş|kilo, otlu peynir, otlu peyniri
Yozgat|İç Anadolu||Yozgat Çamlığı Millî Parkı|Sorgun, Boğazlıyan|porsiyon, testi kebabı, testi kebabını
Zonguldak|Karadeniz|Karadeniz|Gökgöl Mağarası|Çaycuma, Devrek|kavanoz, kestane balı, kestane balını
Aksaray|İç Anadolu||Ihlara Vadisi|Güzelyurt, Eskil|tane, halı, halıyı
Bayburt|Karadeniz||Çoruh Nehri|Aydıntepe|tane, ehram, ehramı
Karaman|İç Anadolu||İncesu Mağarası|Ermenek, Ayrancı|paket, bisküvi, bisküviyi
Kırıkkale|İç Anadolu||Kızılırmak|Keskin, Delice|kilo, üzüm, üzümü
Batman|Güneydoğu Anadolu||Batman Çayı|Hasankeyf, Kozluk|kilo, çilek, çileği
Şırnak|Güneydoğu Anadolu||Cudi Dağı|Cizre, Silopi|kavanoz, bal, balı
Bartın|Karadeniz|Karadeniz|Bartın Irmağı|Amasra, Kurucaşile|kilo, çilek, çileği
Ardahan|Doğu Anadolu||Çıldır Gölü|Göle, Posof|kavanoz, bal, balı
Iğdır|Doğu Anadolu||Aras Nehri|Tuzluca|kilo, kayısı, kayısıyı
Yalova|Marmara|Marmara Denizi|Sudüşen Şelalesi|Çınarcık, Altınova|kilo, kivi, kiviyi
Karabük|Karadeniz||Şeker Kanyonu|Safranbolu, Eskipazar|kutu, safran, safranı
Kilis|Güneydoğu Anadolu||Afrin Çayı|Musabeyli, Elbeyli|şişe, zeytinyağı, zeytinyağını
Osmaniye|Akdeniz||Karaçay Şelalesi|Kadirli, Toprakkale|kilo, yer fıstığı, yer fıstığını
Düzce|Karadeniz|Karadeniz|Efteni Gölü|Akçakoca, Gölyaka|kilo, fındık, fındığı
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
    "Dağı": "dağ", "Dağları": "dağ", "Şelalesi": "şelale", "Mağarası": "mağara", "Kanyonu": "kanyon",
    "Ovası": "ova", "Vadisi": "vadi", "Boğazı": "boğaz", "Körfezi": "körfez", "Koyu": "koy", "Adası": "ada",
    "Yaylası": "yayla", "Deltası": "delta", "Parkı": "millî park",
    "Yeşilırmak": "akarsu", "Kızılırmak": "akarsu", "Uludağ": "dağ", "Aladağlar": "dağ",
    "Uzungöl": "göl", "Balıklıgöl": "göl",
}  # fmt: skip


@dataclass(frozen=True)
class Province:
    """One of the 81 provinces and what the miniworld says of it."""

    name: Name
    plate: Number  # two digits
    region: CompoundName
    seas: tuple[Name, ...]  # empty: no coast
    sight: Name
    kind: str  # of the sight: göl, dağ, …
    districts: tuple[Name, ...]
    unit: str  # the product is counted in
    product: Noun
    neighbours: tuple[str, ...]


def place_name(text: str) -> Name:
    """A name of nature, compound (Van Gölü) where it is made of several words."""
    return CompoundName(text) if " " in text else Name(text)


def _neighbours() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in BORDERS.split("\n")[1:-1]:
        province, others = line.split(": ")
        for other in others.split():
            found.setdefault(province, []).append(other)
            found.setdefault(other, []).append(province)
    return {province: tuple(others) for province, others in found.items()}


def _provinces() -> tuple[Province, ...]:
    neighbours = _neighbours()
    provinces = []
    for number, row in enumerate(PROVINCES_TABLE.split("\n")[1:-1], start=1):
        name, region, seas, sight, districts, product = row.split("|")
        unit, noun, accusative = product.split(", ")
        provinces.append(
            Province(
                name=CompoundName(name) if name in COMPOUND_PROVINCES else Name(name),
                plate=Number(f"{number:02d}"),
                region=CompoundName(f"{region} Bölgesi"),
                seas=tuple(place_name(sea) for sea in seas.split(", ") if sea),
                sight=place_name(sight),
                kind=SIGHT_KINDS[sight.split()[-1]],
                districts=tuple(Name(district) for district in districts.split(", ")),
                unit=unit,
                product=Noun(noun, accusative),
                neighbours=neighbours[name],
            )
        )
    return tuple(provinces)


PROVINCES = _provinces()
BY_NAME = {str(province.name): province for province in PROVINCES}

FIRST_NAMES_TABLE = """
Elif Zeynep Ayşe Fatma Emine Hatice Merve Esra Büşra Selin Derya Ebru Gamze Gizem Pınar Sibel Sevgi Songül
Nurcan Nermin Nevin Leyla Aylin Aysun Ayten Beyza Burcu Canan Ceren Defne Dilek Duygu Ece Esin Feride Figen
Filiz Gülay Hande Hülya İpek İrem Kübra Melek Melis Meryem Müge Nazlı Nilüfer Özge Özlem Perihan Rabia Reyhan
Ahmet Mehmet Mustafa Ali Hasan Hüseyin İbrahim Osman Murat Emre Burak Cem Cihan Efe Engin Erkan Eren Ferhat
Furkan Fikret Gökhan Hakan Harun İlker Kaan Kerem Levent Mert Mesut Metin Necati Nihat Oğuz Onur Orhan Ömer
Recep Rıza Salih Sami Selim Serkan Sinan Süleyman Tarık Tolga Turgut Uğur Veli Volkan Yasin Yunus Yusuf Zafer
"""
SURNAMES_TABLE = """
Yılmaz Kaya Demir Çelik Yıldız Yıldırım Öztürk Özdemir Arslan Doğan Kılıç Çetin Koç Kurt Özkan Şimşek Polat
Korkmaz Güneş Bulut Aksoy Yalçın Acar Tekin Toprak Bozkurt Avcı Sarı Turan Uçar Güler Ateş Kaplan Erol Duman
Ertürk Özer Tunç Gürbüz Akbaş Sezer Durmaz Işık Erdem Çakır Coşkun Aktaş Güven Bayrak Karaca Uysal Soylu
Bilgin Akın Esen Gündüz Baran Ekinci Aslan Taşkın Karakaya Sönmez Ünlü Yaman
"""
FIRST_NAMES = tuple(map(Name, FIRST_NAMES_TABLE.split()))
SURNAMES = tuple(SURNAMES_TABLE.split())


def _nouns(table: str) -> tuple[Noun, ...]:
    pairs = (entry.split(", ") for line in table.split("\n") for entry in line.split("; ") if entry)
    return tuple(Noun(nominative, accusative) for nominative, accusative in pairs)


THINGS = _nouns("""
defter, defteri; kitap, kitabı; şemsiye, şemsiyeyi; saat, saati; eldiven, eldiveni; atkı, atkıyı
şapka, şapkayı; top, topu; kalem, kalemi; gözlük, gözlüğü; cüzdan, cüzdanı; fener, feneri; uçurtma, uçurtmayı
sepet, sepeti; anahtarlık, anahtarlığı; hırka, hırkayı; matara, matarayı; termos, termosu; flüt, flütü
radyo, radyoyu; kutu, kutuyu; ayna, aynayı; mendil, mendili; bardak, bardağı; bavul, bavulu; çanta, çantayı
""")
KIN = _nouns("""
dede, dedeyi; nine, nineyi; teyze, teyzeyi; amca, amcayı; hala, halayı; dayı, dayıyı; anne, anneyi
baba, babayı; abla, ablayı; ağabey, ağabeyi""")
JOBS = _nouns("""
fırıncı, fırıncıyı; bakkal, bakkalı; öğretmen, öğretmeni; terzi, terziyi; saatçi, saatçiyi; şoför, şoförü
kütüphaneci, kütüphaneciyi; eczacı, eczacıyı; marangoz, marangozu; postacı, postacıyı; berber, berberi
manav, manavı; hemşire, hemşireyi; çiftçi, çiftçiyi; aşçı, aşçıyı; ressam, ressamı""")
HOURS = _nouns(
    "iki, ikiyi; üç, üçü; dört, dördü; beş, beşi; altı, altıyı; dokuz, dokuzu; on, onu; on bir, on biri"
)
COUNTS = ("iki", "üç", "dört", "beş", "altı")
COLOURS = (
    "mavi", "kırmızı", "yeşil", "sarı", "mor", "lacivert", "turuncu", "gri", "beyaz", "siyah",
    "kahverengi", "pembe",
)  # fmt: skip
DAYS = tuple(
    f"{day} günü" for day in ("pazartesi", "salı", "çarşamba", "perşembe", "cuma", "cumartesi", "pazar")
)
SEASONS = {
    "kış": ("Aralık", "Ocak", "Şubat"),
    "ilkbahar": ("Mart", "Nisan", "Mayıs"),
    "yaz": ("Haziran", "Temmuz", "Ağustos"),
    "sonbahar": ("Eylül", "Ekim", "Kasım"),
}
SNOWY_REGIONS = {"Doğu Anadolu Bölgesi", "İç Anadolu Bölgesi"}
