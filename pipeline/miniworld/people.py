"""The miniworld's names, relatives, jobs and things, and the cast of one text."""

import random

from pipeline.miniworld import nature, world
from pipeline.miniworld.templates import FIRST_PERSON, THIRD_PERSON
from pipeline.turkish.inflect import Form, name, noun, numeral

FIRST_NAMES_TABLE = """
Elif Zeynep Ayşe Fatma Emine Hatice Merve Esra Büşra Selin Derya Ebru Gamze Pınar Sibel Leyla Aylin Burcu
Ceren Defne Dilek Duygu Ece Filiz Hande İpek Melek Nazlı Özge Özlem Ahmet Mehmet Mustafa Ali Hasan Hüseyin
İbrahim Osman Murat Emre Burak Cem Efe Engin Eren Gökhan Hakan Kaan Kerem Levent Mert Onur Orhan Ömer Salih
Selim Serkan Tarık Veli Yusuf
"""
SURNAMES_TABLE = """
Yılmaz Kaya Demir Çelik Yıldız Yıldırım Öztürk Özdemir Arslan Doğan Kılıç Çetin Koç Kurt Özkan Şimşek Polat
Korkmaz Güneş Bulut Aksoy Yalçın Acar Tekin Toprak Bozkurt Avcı Sarı Turan Uçar Güler Ateş Kaplan Erol Duman
Tunç Sezer Işık Erdem Çakır Coşkun Aktaş Güven Uysal Akın Gündüz Aslan Ünlü
"""
FIRST_NAMES = tuple(map(name, FIRST_NAMES_TABLE.split()))
# Names of people who introduce themselves. They are so many that a model must copy them from the text, as it
# must copy the names of those who will talk to it. The made ones are of two old words, as many Turkish names.
NEW_NAMES_TABLE = """
Adem Akif Alp Anıl Aras Arda Armağan Ata Atakan Atilla Ayhan Aykut Bahadır Barış Bayram Bedirhan Bekir Berat
Berk Bilal Birol Buğra Cafer Can Caner Cemal Cenk Çağatay Çağrı Çınar Davut Ediz Emir Emin Enes Ercan Erhan
Erkan Ertuğrul Evren Eyüp Fatih Ferit Fikret Gürkan Halit Hamza Haydar Hikmet İlhan İlker İlyas İsa İshak
İsmail İzzet Kamil Koray Korkut Kubilay Kutay Kuzey Latif Mahir Mahmut Melih Mesut Mete Metin Muhammet Musa
Mücahit Necati Necmi Nihat Nuri Oğuz Okan Oktay Olcay Ozan Rahmi Ramazan Rıza Rüzgâr Sabri Sadık Sami Samet
Sedat Selçuk Semih Serdar Serhat Sühan Süleyman Şahin Şükrü Taha Tahsin Talha Taner Tayfun Timur Turgut Utku
Ümit Ünal Vedat Yağız Yakup Yavuz Yunus Zafer Zeki Ahsen Aleyna Alev Arzu Asiye Asu Ayça Ayla Aynur Aysel
Aysun Azra Banu Başak Begüm Belgin Belinay Berrin Beste Betül Bilge Birsen Buket Canan Çiğdem Damla Demet
Didem Dilara Döndü Ecrin Eda Ela Elvan Esin Esma Ezgi Fadime Feride Figen Fulya Funda Gonca Gökçe Gül Gülay
Gülcan Gülsüm Gülşen Günay Güzide Hacer Hafize Hale Halime Handan Havva Hazal Hilal Hümeyra Işıl İclal
İlayda İrem Jale Lara Mehtap Melis Melisa Meltem Meryem Mine Müge Müzeyyen Naciye Nalan Narin Nehir Neslihan
Neşe Nevin Nil Nilay Nilgün Nur Nurcan Nuray Nurten Oya Öykü Özden Perihan Rana Reyhan Rukiye Saadet Sanem
Seda Sedef Selda Selma Semra Sena Serap Serpil Sevda Sevgi Sevil Sevim Sıla Simge Suna Süheyla Şebnem Şenay
Şirin Tuba Tülay Tülin Ülkü Vildan Yasemin Yeliz Yeşim Yonca Zeliha Zuhal Zümra
"""
NEW_NAMES = tuple(map(name, NEW_NAMES_TABLE.split()))
NAME_STARTS_TABLE = """
Al Ar Ay Bay Bel Ben Ber Bil Bor Can Ce Çağ Çel De Do Ed El Em En Er Es Fer Gen Gök Gül Gün Hal Hay İl Kam
Kay Ker Kor Kut Mel Mer Mir Nal Nar Nil Nur Ok Or Öz Rey Sel Ser Sev Sil Son Su Şah Şen Tal Tan Tay Tek
Tem Tol Tun Tür Ul Ur Var Yal Yar Yel Yıl Zer Zin
"""
NAME_ENDS_TABLE = """
bar ber can dem dil fer gün han kan kay kut lan lin lis mah man mel mer min mur nak nar naz nil nur rak
ran ray ren ril san sar sel sen ser sev sim sin sol sun şad şah şen tan tay tek tuğ var yal yar yaz yel
zan zen zin
"""
NOT_MADE = {*FIRST_NAMES, *NEW_NAMES, "Berkay", "Erdem", "Göksun", "Mersin", "Özkan"}  # names of other tables
MADE_NAMES = tuple(
    name(start + end)
    for end in NAME_ENDS_TABLE.split()
    for start in NAME_STARTS_TABLE.split()
    if start + end not in NOT_MADE
)
MADE_SHARE = 0.5  # of the new names
SURNAMES = tuple(SURNAMES_TABLE.split())
THINGS_TABLE = """
defter kitap şemsiye saat eldiven atkı şapka top kalem gözlük cüzdan fener uçurtma sepet anahtarlık hırka
matara termos flüt radyo kutu ayna mendil bardak bavul çanta
"""
KIN_TABLE = "dede nine teyze amca hala dayı anne baba abla ağabey"
JOBS_TABLE = """
fırıncı bakkal öğretmen terzi saatçi şoför kütüphaneci eczacı marangoz postacı berber manav hemşire çiftçi
aşçı ressam
"""
COLORS_TABLE = "mavi kırmızı yeşil sarı mor lacivert turuncu gri beyaz siyah kahverengi pembe"
THINGS, KIN, JOBS, COLORS = (
    tuple(map(noun, table.split())) for table in (THINGS_TABLE, KIN_TABLE, JOBS_TABLE, COLORS_TABLE)
)
HOURS = tuple(map(noun, ("iki", "üç", "dört", "beş", "altı", "dokuz", "on", "on bir")))
COUNTS = tuple(map(noun, ("iki", "üç", "dört", "beş", "altı")))
DAYS = tuple(noun(f"{day} günü", "compound") for day in nature.DAYS)


def draw_new_name(rng: random.Random) -> Form:
    """Draw a name that has to be copied, for someone who gives it."""
    return rng.choice(MADE_NAMES if rng.random() < MADE_SHARE else NEW_NAMES)


def draw_cast(
    rng: random.Random,
    province: world.Province,
    first: Form,
    surname: str,
    season: str,
    *,
    in_first_person: bool = False,
) -> dict[str, str]:
    """Draw the slots of a text's templates: its hero and friends, its place, time and things."""
    other = world.provinces_by_name()[rng.choice(province.neighbors)]
    friend, friend2 = rng.sample([person for person in FIRST_NAMES if person != first], 2)
    fullname = name(f"{first} {surname}")
    me = noun("ben")
    return {
        "@": FIRST_PERSON if in_first_person else THIRD_PERSON,
        "who": me if in_first_person else first,
        "full": me if in_first_person else fullname,
        "name": first,
        "fullname": fullname,
        "friend": friend,
        "friend2": friend2,
        "kin": rng.choice(KIN),
        "thing": rng.choice(THINGS),
        "job": rng.choice(JOBS),
        "colour": rng.choice(COLORS),
        "count": rng.choice(COUNTS),
        "hour": rng.choice(HOURS),
        "day": rng.choice(DAYS),
        "date": name(f"{rng.randint(1, 28)} {rng.choice(world.SEASONS[season])}"),
        "season": noun(season),
        "n": numeral(str(rng.randint(3, 30))),
        "place": province.name,
        "plate": province.plate,
        "region": province.region,
        "sea": rng.choice(province.seas) if province.seas else "",
        "sight": province.sight,
        "sight_kind": noun(province.sight_kind),
        "district": rng.choice(province.districts),
        "unit": province.unit,
        "product": province.product,
        "good": province.local_product,
        "other": other.name,
    }
