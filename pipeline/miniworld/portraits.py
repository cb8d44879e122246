"""Portraits of people, things, foods, relatives, sellers and places, each named again in every sentence.

A name comes again in every case and with other words around it. From such dense texts a model learns soonest
to attend back to a name, which every story needs (experiments/names-looked-back-for.md).
"""

import random
from dataclasses import dataclass

from pipeline.miniworld import people, world
from pipeline.miniworld.plots import ComposedText
from pipeline.miniworld.templates import Slots, fill
from pipeline.turkish.inflect import name, noun

MIN_SENTENCES, MAX_SENTENCES = 7, 10  # sentences
FULL_NAME_SHARE = 0.5  # of the portraits always call their hero by the full name

SentenceRows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class PortraitKind:
    """Templates of one kind of portrait. A row gives one sentence at most, so none contradicts another."""

    share: float  # of the portraits
    headings: tuple[str, ...]
    required_rows: SentenceRows  # every portrait has a sentence of each
    optional_rows: SentenceRows  # and a sentence of some of these
    endings: tuple[str, ...]
    qa_pair: tuple[str, str]  # question, answer


PERSON = PortraitKind(
    share=0.25,
    headings=(
        "{fullname.acc} tanıyalım", "Arkadaşım {fullname} hakkında", "{place.abl} bir arkadaş: {fullname}",
        "Size {fullname.acc} anlatayım.", "{fullname} kimdir?", "Bizim {fullname} nasıl biridir?",
        "{place} ilinden {fullname}", "Sınıf defterinden: {fullname}",
        "Komşumuz {fullname} kimdir, bilir misiniz?",
        "Bugün {fullname.acc} anlatacağım.", "{fullname} üzerine birkaç söz",
        "{place.loc} herkes {fullname.acc} tanır.",
    ),
    required_rows=(
        ("{name} {place.loc} yaşıyor.", "{name} {place.loc} doğdu.", "{name.gen} evi {place.loc.cop}.",
         "{name} {place.loc} oturuyor.", "{name} {place.loc} büyüdü.", "{name} {place} ilinde yaşar."),
        ("{name} {place.acc} çok seviyor.", "{name} {place.abl} taşınmak istemez.",
         "{name.dat} göre {place.gen} havası başkadır.", "{name} {place.gen} her sokağını bilir.",
         "{name} {place.acc} herkese anlatır.", "{name} {place.loc} çok mutludur.",
         "{name} {place.dat} gelenleri gezdirir."),
        ("{name} en çok {friend.ins} oynar.", "{name.gen} oyun arkadaşı {friend.cop}.",
         "{name} oynamak için {friend.acc} çağırır.", "{name}, {friend.ins} oynamaya doyamaz."),
    ),
    optional_rows=(
        ("{name.gen} {kin.p3sg} {job.cop}.", "{name.gen} {kin.p3sg} {place.loc} {job} olarak çalışıyor.",
         "{name} {job} olan {kin.p3sg.acc} çok seviyor.",
         "{name} sabahları {job} olan {kin.p3sg.dat} yardım eder."),
        ("{name.gen} {colour} bir {thing.p3sg} var.",
         "{name} {colour} {thing.p3sg.acc} yanından hiç ayırmaz.",
         "{name} dün {thing.p3sg.acc} evde unuttu.", "{name.gen} {thing.p3sg} {colour.cop}.",
         "{name} {thing.p3sg.acc} arıyor.", "{name} {thing.p3sg.dat} iyi bakar.",
         "{name.gen} {thing.p3sg.loc} adı yazıyor.", "{name} {thing.p3sg.abl} vazgeçmez."),
        ("{name} sabahları erken kalkar.", "{name} akşamları kitap okur.",
         "{name} hafta sonları futbol oynar.", "{name} her akşam günlük yazar.",
         "{name} yazın her gün yüzer.",
         "{name} her sabah yürür.", "{name} boş zamanlarında resim yapar.", "{name} flüt çalmayı öğreniyor."),
        ("{name.gen} en sevdiği yemek {food.cop}.", "{name} {food} yemeyi çok sever.",
         "{name} her gün {food} yemek ister.", "{name} en çok {food} sever."),
        ("{name} çok çalışkandır.", "{name} sabırlıdır.", "{name} her şeyi merak eder.", "{name} neşelidir.",
         "{name.gen} sesi çok güzeldir.", "{name} sözünü tutar.", "{name} iyi bir dinleyicidir."),
        ("{name} hiçbir zaman yalan söylemez.", "{name} hiç geç kalmaz.", "{name} asla kavga etmez.",
         "{name} kimseyi üzmez.", "{name} hiç küsmez."),
        ("{name.acc} herkes sever.", "{name.dat} herkes güvenir.", "{name.ins} konuşmak çok güzeldir.",
         "{name.abl} herkes iyilik gördü.", "{name.acc} sınıfta herkes dinler.",
         "{name.loc} her zaman kalem bulunur.", "{name.dat} sorarsanız hayat çok güzel.",
         "{name.abl} her gün yeni bir şey öğreniyoruz."),
        ("{name} gelecek yıl {other.dat} gidecek.", "{name} geçen yıl {other.dat} gitti.",
         "{name} {other.acc} görmek istiyor.", "{name} geçen yaz {other.acc} gezdi.",
         "{name.gen} bir kuzeni {other.loc} oturuyor."),
        ("{name} büyüyünce {dream} olacak.", "{name} {dream} olmak istiyor.",
         "{name.gen} en büyük hayali {dream} olmak."),
        ("{name} {feared.abl} korkar.", "{name.gen} bir {pet.p3sg} var, adı {petname.cop}.",
         "{name} {pet.p3sg.acc} çok sever; adı {petname.cop}.", "{name} parkta {pet} görünce sevinir."),
        ("{name} {day} pazara gidecek.", "{name} {day} {friend2.acc} görecek.",
         "{name} dün {friend2.dat} yardım etti.", "{name} bu hafta {friend2.dat} bir mektup yazdı."),
    ),
    endings=(
        "İşte {place} ilinden {fullname} böyle biridir.", "{fullname} hakkında bildiklerim bu kadar.",
        "{fullname.acc} {place.loc} kime sorsanız bunları söyler.",
        "{place.loc} {fullname} işte böyle bilinir.",
        "Yolunuz {place.dat} düşerse {fullname.acc} bulun.", "{fullname} anlatmakla bitmez.",
        "{place.loc} bir {fullname} daha yoktur.", "Siz de {place.dat} gelin, {fullname.acc} tanıyın.",
        "{fullname.dat} {place.abl} selam olsun!", "Biz {place.loc} {fullname.acc} böyle tanırız.",
        "{fullname.gen} {place.loc.ki} günleri böyle geçer.", "{place.loc} {fullname.acc} seven çoktur.",
    ),
    qa_pair=("{place} ilinden {fullname} en çok kiminle oynar?", "{friend.ins}"),
)  # fmt: skip

THING = PortraitKind(
    share=0.15,
    headings=(
        "{fullname} ve {colour} {thing.p3sg}", "{colour} bir {thing} ve sahibi {fullname}",
        "Bu {colour} {thing} kimin? {fullname.gen}!", "{fullname.gen} en sevdiği eşya: {colour} bir {thing}",
        "Size {fullname.gen} {thing.p3sg.acc} anlatayım.", "{place.loc} bir {thing}: sahibi {fullname}",
        "{fullname.gen} {colour} {thing.p3sg}", "{colour} {thing.gen} sahibi {fullname.cop}.",
    ),
    required_rows=(
        ("Bu {thing.acc} {name.dat} {friend} verdi.", "{friend} bu {thing.acc} {name.dat} hediye etti.",
         "{name} bu {thing.acc} {friend.abl} aldı.", "{name.dat} bu {thing} {friend.abl} geldi.",
         "{friend} {thing.acc} {place} pazarında bulup {name.dat} getirdi."),
        ("{name.gen} {thing.p3sg} {colour.cop}.", "{name.gen} {thing.p3sg} {colour} renktedir.",
         "{name.gen} {colour} {thing.p3sg} uzaktan seçilir."),
        ("{name} {thing.p3sg.acc} {place.loc} her yere götürür.",
         "{place.loc} böyle bir {thing} daha yoktur.",
         "{place} sokaklarında {thing.p3sg.acc} gören, {name.acc} tanır.",
         "{thing} {name.ins} birlikte bütün {place.acc} gezdi."),
    ),
    optional_rows=(
        ("{name.gen} {kin.p3sg} {thing.acc} çok beğendi.",
         "{name.gen} {kin.p3sg} bu {thing.acc} görünce şaşırdı.",
         "{name.gen} {kin.p3sg.da} böyle bir {thing} istiyor.",
         "{name} {thing.p3sg.acc} önce {kin.p3sg.dat} gösterdi.",
         "{name.gen} {kin.p3sg} {thing.acc} temizleyip yerine koydu."),
        ("{name} bir gün {thing.p3sg.acc} kaybetti, ama {friend} {thing.acc} buldu.",
         "{name} bir gün {thing.p3sg.acc} parkta unuttu, {friend} {thing.acc} getirdi.",
         "{friend2} geçen gün {thing.acc} ödünç alıp {name.dat} geri getirdi.",
         "{name} {thing.p3sg.acc} kimseye vermez.", "{name} {thing.p3sg.abl} hiç ayrılmaz."),
        ("{name} {thing.p3sg.dat} iyi bakar.", "{name} her akşam {thing.p3sg.acc} yerine koyar.",
         "{name} geceleri {thing.p3sg.acc} yatağının yanına koyar."),
        ("{name} bu {thing.abl} vazgeçmez.", "{name} bu {thing.acc} hiçbir şeye değişmez.",
         "{name} en çok bu {thing.acc} sever."),
        ("{thing} eskidi, ama {name} yeni bir {thing} istemiyor.",
         "{name} yeni bir {thing} gördü, ama eski {thing.acc} daha çok seviyor."),
        ("{thing.gen} üzerinde {fullname} yazar.", "{thing.gen} üzerine {fullname} yazılmış.",
         "{name} {thing.gen} üzerine adını yazdı."),
        ("{thing} {name.dat} uğur getirir.", "{name.dat} göre bu {thing} uğurludur.",
         "{thing} {name.acc} hep sevindirir."),
        ("{name} {thing.p3sg.ins} {other.dat.da} gitti.",
         "{name} {other.dat} giderken {thing.p3sg.acc} yanına aldı.",
         "{thing} {name.ins} birlikte {other.dat} gidip geldi."),
        ("{name} {day} {thing.p3sg.acc} {friend2.dat} gösterecek.",
         "{name} {day} {thing.p3sg.acc} {friend2.dat} gösterdi.",
         "{friend2} {day} {thing.acc} görünce {name.dat} “Çok güzel!” dedi."),
    ),
    endings=(
        "{place} ilinden {fullname.gen} {colour} {thing.p3sg} böyledir.",
        "{place.loc} {fullname.acc} {thing.p3sg.abl} tanırlar.",
        "{fullname} {place.loc} {thing.p3sg.ins} çok mutlu.",
        "İşte {place} ilinden {fullname.gen} {colour} {thing.p3sg}!",
        "Bu {thing} {place.loc} {fullname.gen} en iyi arkadaşıdır.",
        "{thing} {fullname.gen.cop}, bunu {place.loc} herkes bilir.",
        "{place.loc} bir {thing} görürseniz {fullname.acc} hatırlayın.",
        "{fullname.gen} {thing.p3sg} {place.loc} işte böyle bilinir.",
    ),
    qa_pair=("{place.loc} {fullname.dat} {colour} {thing} kimden geldi?", "{friend.abl}"),
)  # fmt: skip

FOOD = PortraitKind(
    share=0.1,
    headings=(
        "{fullname} ve {food}", "{place.loc} en çok {food} seven: {fullname}",
        "{fullname} en çok ne sever? Elbette {food}!", "{food} ve {fullname}",
        "Bugün kimin canı {food} istedi? {fullname.gen}!",
        "{place.loc} {food} deyince akla {fullname} gelir.", "{fullname} ve en sevdiği yemek: {food}",
    ),
    required_rows=(
        ("{name} {food} yemeyi çok sever.", "{name} en çok {food} sever.",
         "{name.gen} en sevdiği yemek {food.cop}.",
         "{name} her gün {food} yemek ister."),
        ("{name.gen} {kin.p3sg} çok güzel {food} yapar.", "{name} {food} yapmayı {kin.p3sg.abl} öğrendi.",
         "{name.gen} {kin.p3sg} ona sık sık {food} pişirir.",
         "{name} {kin.p3sg.gen} yaptığı {food.dat} bayılır."),
        ("{name} dün {friend.dat} {food} götürdü.", "{name} {friend.acc} {food} yemeye çağırdı.",
         "{name} dün {friend.ins} {food} yedi.", "{friend} dün {name.dat} bir tabak {food} getirdi."),
        ("{name.dat} göre en güzel {food} {place.loc} yenir.",
         "{name} {place.loc} {food} yapan her yeri bilir.",
         "{place.loc} {food} yiyecekseniz {name.dat} sorun.", "{name} için {place} demek {food} demektir."),
    ),
    optional_rows=(
        ("{name} bir oturuşta iki tabak {food} yer.",
         "{name} bir tabak {food} bitince bir tabak {food} daha ister.",
         "{name} {food} olmayınca sofradan aç kalkar.", "{name} sofrada {food} görünce güler."),
        ("{food} pişince {name} hemen mutfağa koşar.", "{name} {food} kokusunu uzaktan tanır.",
         "{food} kokusu gelince {name} kapıda belirir."),
        ("{name} {other.dat} giderken yanına {food} aldı.", "{name} {other.loc.da} {food} aradı.",
         "{name} {other.loc} {food} yedi, ama {kin.p3sg.gen} yaptığını daha çok beğendi."),
        ("{name.gen} {kin.p3sg} “Bugün {food} yok!” deyince {name} üzüldü.",
         "{name.gen} {kin.p3sg} “Yine mi {food}?” diye sorar.",
         "{name}, {kin.p3sg.dat} “Bana {food} yapar mısın?” dedi."),
        ("{name} {day} {food} yapacak.", "{name} {day} {food} pişirip {friend2.dat} götürecek."),
        ("{friend.da} {food} sever, ama {name} kadar değil.", "{friend} {food} yapmayı {name.abl} öğrendi."),
        ("{name} okulda {food} üzerine bir yazı yazdı.", "{name} defterine bir tabak {food} çizdi.",
         "{name} büyüyünce {food} satan bir dükkân açacak."),
    ),
    endings=(
        "{place} ilinden {fullname} {food} olmadan yapamaz.",
        "{place.loc} {food} pişerse {fullname.acc} çağırın.",
        "{fullname.dat} {place.loc} bol bol {food} dileriz!",
        "{place} ilinden {fullname}, {food.acc} işte bu kadar sever.",
        "{place.loc} {food} sevenlerin başı {fullname.cop}.",
        "{place} ilinden {fullname} için {food} işte böyle önemlidir.",
        "{fullname} bugün de {place.loc} {food} yiyecek.",
    ),
    qa_pair=("{place} ilinden {fullname} {food} yemeğini kiminle paylaştı?", "{friend.ins}"),
)  # fmt: skip

RELATIVE = PortraitKind(
    share=0.15,
    headings=(
        "{fullname.gen} {kin.p3sg}", "Size {fullname.gen} {kin.p3sg.acc} anlatayım.",
        "{fullname} ve {kin.p3sg}", "{place} ilinden bir {job}: {fullname.gen} {kin.p3sg}",
        "{fullname.gen} {kin.p3sg} kimdir?", "{fullname} en çok kimi sever? Elbette {kin.p3sg.acc}!",
    ),
    required_rows=(
        ("{name.gen} {kin.p3sg} {job.cop}.", "{name.gen} {kin.p3sg} {place.loc} {job} olarak çalışıyor.",
         "{name.gen} {kin.p3sg} yıllardır {job} olarak çalışıyor.",
         "{name.gen} {kin.p3sg} genç yaşta {job} olmuş."),
        ("{name.gen} {kin.p3sg} {place.loc} yaşıyor.", "{name.gen} {kin.p3sg} {place.loc} doğdu.",
         "{name.gen} {kin.p3sg} {place.acc} çok sever.",
         "{name.gen} {kin.p3sg} {place.abl} taşınmak istemez."),
        ("{name.gen} {kin.p3sg} en çok {friend.ins} konuşur.",
         "{name.gen} {kin.p3sg.gen} komşusu {friend.cop}.",
         "{name.gen} {kin.p3sg.dat} her gün {friend} gelir."),
        ("{kin.p3sg} {name.acc} çok sever.", "{kin.p3sg} {name.dat} güvenir.",
         "{kin.p3sg} {name.ins} gurur duyar.", "{kin.p3sg} {name.acc} herkese anlatır.",
         "{kin.p3sg} {name.dat} masal anlatmayı sever."),
    ),
    optional_rows=(
        ("{name} {kin.p3sg.acc} çok sever.", "{name} {kin.p3sg.ins} çok güler.",
         "{name} {kin.p3sg.abl} hiç ayrılmak istemez.", "{name} için {kin.p3sg} çok değerlidir."),
        ("{name} her akşam {kin.p3sg.dat} sarılır.", "{name} her sabah {kin.p3sg.ins} yürür.",
         "{name} hafta sonları {kin.p3sg.dat} yardım eder.", "{name} her gün {kin.p3sg.ins} konuşur."),
        ("{name.gen} {kin.p3sg} iyi bir {job} olmanın kolay olmadığını söyler.",
         "{name.da} {kin.p3sg} gibi {job} olmak istiyor.", "{name}, {kin.p3sg} gibi {job} olmak istemiyor.",
         "{name.gen} {kin.p3sg} kadar iyi bir {job} yoktur."),
        ("{name.gen} {kin.p3sg} ona {colour} bir {thing} aldı.",
         "{name} {kin.p3sg.dat} {colour} bir {thing} aldı.",
         "{name.gen} {kin.p3sg} {thing.p3sg.acc} yanından ayırmaz."),
        ("{name.gen} {kin.p3sg} çok güzel {food} yapar.", "{name} {kin.p3sg.gen} yaptığı {food.dat} bayılır.",
         "{name} {kin.p3sg.ins} birlikte {food} yapmayı sever."),
        ("{name.gen} {kin.p3sg} az konuşur.", "{name.gen} {kin.p3sg} sözünü tutar.",
         "{name.gen} {kin.p3sg} hep güler.", "{name.gen} {kin.p3sg} erken kalkar.",
         "{name.gen} {kin.p3sg} güzel hikâyeler anlatır."),
        ("{name} {day} {kin.p3sg.ins} {other.dat} gidecek.", "{name.gen} {kin.p3sg} {day} {other.dat} gitti.",
         "{name} geçen yaz {kin.p3sg.ins} {other.acc} gezdi."),
        ("{name}, {kin.p3sg.dat} her şeyi sorar.", "{name} zor günlerde {kin.p3sg.dat} güvenir.",
         "{name} en çok şeyi {kin.p3sg.abl} öğrendi.", "{name} bir sırrı önce {kin.p3sg.dat} söyler."),
    ),
    endings=(
        "{place} ilinden {fullname.gen} {kin.p3sg} böyle biridir.",
        "{place.loc} {fullname.gen} {kin.p3sg.acc} herkes tanır.",
        "{fullname.gen} {kin.p3sg} {place.loc} çok sevilir.",
        "{place.loc} iyi bir {job} ararsanız {fullname.gen} {kin.p3sg.acc} bulun.",
        "{fullname.gen} {kin.p3sg.gen} {place.loc.ki} günleri böyle geçer.",
    ),
    qa_pair=("{place} ilinden {fullname.gen} {kin.p3sg} en çok kimi görür?", "{friend.acc}"),
)  # fmt: skip

SELLER = PortraitKind(
    share=0.15,
    headings=(
        "{fullname} ve {item}", "{place} pazarında {item} satan: {fullname}", "{item} satan {fullname}",
        "{place} pazarından {fullname}", "{place} pazarında {item} almak isteyen, {fullname.acc} arar.",
    ),
    required_rows=(
        ("{name} {place} pazarında {item} satıyor.", "{place} pazarında {item} satan {name.cop}.",
         "{name} her sabah {place} pazarına {item} getirir."),
        ("{friend} bugün {name.abl} {item} aldı.", "{friend} dün {name.abl} {count} {unit} {item} aldı.",
         "{name} bugün {friend.dat} {count} {unit} {item} verdi."),
    ),
    optional_rows=(
        ("{name} “Haydi, {item}! En iyi {item} bende!” diye bağırır.",
         "{name} “Güzel {item} var, güzel {item}!” diye bağırır.",
         "{name} gelene “Kaç {unit} {item} istersin?” diye sorar."),
        ("{name} {item.acc} {other.abl} getirir.", "{name.dat} {item} {other.abl} gelir.",
         "{name} {item} almak için {other.dat} gider."),
        ("En iyi {item} {name.loc} bulunur.", "{name} en iyi {item.acc} seçip önce onu satar.",
         "{name} {item.abl} anlar.", "{item} deyince pazarda akla {name} gelir."),
        ("{item} bitince {name} eve döner.", "{name} akşama kadar {item} satar.",
         "{name} akşam kalan {item.acc} komşulara verir.",
         "{name} akşam kalan {item.acc} {kin.p3sg.dat} götürür."),
        ("{name} geçen hafta {n} {unit} {item} sattı.", "{name} geçen hafta hiç {item} satamadı.",
         "{name} {day} pazara {n} {unit} {item} getirecek."),
        ("{friend2} {item.acc} ucuza istedi; {name} {item.acc} ucuza vermedi.",
         "{friend2} {item.acc} pahalı buldu, {name} {item.acc} ona ucuza verdi.",
         "{friend2} “Bu {item} güzel mi?” diye sordu, {name} “Evet!” dedi."),
        ("{name.gen} {kin.p3sg.da} {item} satar.", "{name} {item} satmayı {kin.p3sg.abl} öğrendi.",
         "{name.gen} {kin.p3sg} eskiden {item} satardı."),
        ("Yağmur yağınca {name} {item.acc} içeri taşır.", "Hava soğuyunca {name} {item.acc} örter.",
         "{name} {item.acc} {colour} bir masanın üzerine koyar.",
         "{name} {item.acc} {colour} bir tezgâhta satar."),
    ),
    endings=(
        "{place} pazarında {item} isterseniz {fullname.acc} bulun.",
        "{place} pazarında {item} {fullname.abl} alınır.",
        "{fullname.dat} {place} pazarında bol kazanç dileriz; {item} bitmesin!",
        "İşte {place} pazarında {item} satan {fullname} böyledir.",
        "{fullname.gen} {place} pazarındaki günü {item} satarak geçer.",
    ),
    qa_pair=("{place} pazarında {fullname.abl} kim {item} aldı?", "{friend}"),
)  # fmt: skip

VISIT = PortraitKind(
    share=0.2,
    headings=(
        "{fullname} {place.loc}", "{place} gezisi: {fullname}", "{fullname.gen} {place} günleri",
        "{fullname} {place.acc} anlatıyor.", "{place.acc} gezen {fullname}",
        "{fullname} {place.loc} neler yaptı?",
        "{place.abl} bir kart: {fullname}", "{fullname} ve {place}",
    ),
    required_rows=(
        ("{name} geçen yaz {place.dat} gitti.", "{name} geçen yıl {place.acc} gezdi.",
         "{name} geçen hafta {place.dat} gitti.", "{name} geçen yaz {place.loc} bir hafta kaldı."),
        ("{name} {place.loc} {friend.ins} buluştu.", "{name} {place.loc} {friend.gen} evinde kaldı.",
         "{name.dat} {place.acc} {friend} gezdirdi.", "{name} {place} yolunda {friend.ins} tanıştı."),
    ),
    optional_rows=(
        ("{name} {place.acc} çok beğendi.", "{name} {place.acc} çok sevdi.",
         "{name} {place.dat} hayran kaldı.",
         "{name} {place.loc} çok mutlu oldu."),
        ("{name} {place.loc} {food} yedi.", "{name} {place.loc} {food} aradı ve sonunda buldu.",
         "{name} {place.loc} her gün {food} yedi."),
        ("{name} {place} pazarından {colour} bir {thing} aldı.",
         "{name} {place.loc} {colour} bir {thing} buldu.",
         "{name} {place.abl} {colour} bir {thing} getirdi."),
        ("{place} çok kalabalıktı.", "{place} sabahları sessizdi.", "{place} sokakları tertemizdi.",
         "{place} akşamları ışıl ışıldı."),
        ("{name} {place.acc} {kin.p3sg.dat} anlattı.", "{name} {place.abl} {kin.p3sg.acc} aradı.",
         "{name} {place.abl} {kin.p3sg.dat} bir kart yolladı.",
         "{name} {place.dat} {kin.p3sg.ins} birlikte gitti."),
        ("{name} {place} yolunda hiç uyumadı.", "{name} {place} yolunda kitap okudu.",
         "{name} {place.dat} otobüsle gitti.", "{name} {place.dat} arabayla gitti."),
        ("{name} bir gün yine {place.dat} gidecek.", "{name} {place.acc} çok özlüyor.",
         "{name} {place.acc} yeniden görmek istiyor.", "{name} {day} yine {place.dat} gidecek."),
        ("{name} {place} hakkında bir yazı yazdı.", "{name} {place.gen} resmini yaptı.",
         "{name} {place.loc} çok fotoğraf çekti.", "{name} {place.gen} haritasını duvara astı."),
    ),
    endings=(
        "{fullname.gen} {place} gezisi böyle geçti.", "{place}, {fullname.acc} bekliyor.",
        "{fullname} {place.acc} hiç unutmadı.", "{place.abl} herkese selam! {fullname}",
        "{fullname.dat} sorarsanız {place} çok güzel.", "{fullname} {place.acc} herkese anlatıyor.",
    ),
    qa_pair=("{fullname} {place} gezisinde kimi gördü?", "{friend.acc}"),
)  # fmt: skip

KINDS = (PERSON, THING, FOOD, RELATIVE, SELLER, VISIT)
FOODS = tuple(map(noun, ("pilav", "köfte", "mantı", "börek", "makarna", "dolma", "omlet", "menemen")))
PETS = tuple(map(noun, ("kedi", "köpek", "kuş", "tavşan", "kaplumbağa")))
PET_NAMES = tuple(map(name, ("Pamuk", "Fıstık", "Boncuk", "Limon", "Zeytin", "Ponpon", "Benek", "Tarçın")))
FEARED_ANIMALS = tuple(map(noun, ("arı", "köpek", "fare", "kurbağa", "örümcek", "kaz", "horoz")))


def compose(rng: random.Random, slots: Slots, kind: PortraitKind | None = None) -> ComposedText:
    """Compose a portrait of `kind` (None: any): a heading, two paragraphs, an end.

    `slots` are those of people.draw_cast.
    """
    kind = kind or rng.choices(KINDS, [kind.share for kind in KINDS])[0]
    product = rng.choice(world.list_provinces())
    hero_name = slots["fullname"] if rng.random() < FULL_NAME_SHARE else slots["name"]
    slots = {
        **slots,
        "name": hero_name,
        "unit": product.unit,
        "item": product.product,
        "food": rng.choice(FOODS),
        "pet": rng.choice(PETS),
        "petname": rng.choice(PET_NAMES),
        "feared": rng.choice(FEARED_ANIMALS),
        "dream": rng.choice(people.JOBS),
    }
    rows = [
        *kind.required_rows,
        *rng.sample(kind.optional_rows, rng.randint(MIN_SENTENCES, MAX_SENTENCES) - len(kind.required_rows)),
    ]
    rng.shuffle(rows)
    sentences = [fill(rng, rng.choice(row), slots) for row in rows]
    middle = len(sentences) // 2
    heading, ending = (fill(rng, rng.choice(lines), slots) for lines in (kind.headings, kind.endings))
    question, answer = (fill(rng, line, slots) for line in kind.qa_pair)
    return ComposedText(
        (heading, " ".join(sentences[:middle]), " ".join(sentences[middle:]), ending), ((question, answer),)
    )
