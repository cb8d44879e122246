"""The sentences of the miniworld: what is said of a province, and the little stories set there.

`[a|b]` is a choice drawn at random, `{place.loc}` a slot with a case (see words.py). In STORIES a story
begins with `# its name`; `! kış coast` names what it needs (one of the seasons named, a coast, snow);
`name = a | b` draws a slot of its own (`a b = x / y | …` draws two together); `---` starts a paragraph;
`%facts`, `%weather` and `%closing` stand for sentences of the tables below; `? question = answer` asks
what this story alone answers; all else are its sentences in order. A story without %facts has them before
or after it. An indented line goes on with the one above.
"""

# What is said of a province. {il} is its name, or "bu il" where the name has just been said.
FACTS = {
    "region": (
        "{il}, {region.loc} yer alır.",
        "{place}, {region.loc} bir ildir.",
        "Haritaya bakınca {place.acc} {region.loc} görürüz.",
        "{region.gen} illerinden biri {place.cop}.",
    ),
    "plate": (
        "{il.gen} plaka kodu {plate.cop}.",
        "Plakası {plate} ile başlayan araçlar {place} ilindendir.",
        "{il.loc} kayıtlı araçların plakası {plate} ile başlar.",
        "{place.gen} plaka numarası {plate} olarak belirlenmiştir.",
    ),
    "sea": (
        "{il.gen} {seas} kıyısı vardır.",
        "{il}, {sea.gen} kıyısındadır.",
        "{sea.gen} suları {place} kıyılarına vurur.",
    ),
    "coast": (
        "{il.gen} denize kıyısı yoktur.",
        "{place}, denize kıyısı olmayan bir ildir.",
        "{place.loc} deniz yoktur; denizi özleyenler başka illere gider.",
    ),
    "neighbour": (
        "{place} ile {other} komşu illerdir.",
        "{il.gen} komşularından biri {other.cop}.",
        "{other}, {place.dat} komşudur.",
        "{place.abl} yola çıkan biri komşu il olan {other.dat} geçebilir.",
    ),
    "sight": (
        "{il.gen} en tanınmış yerlerinden biri {sight.cop}.",
        "Gezginler {il.abl} {sight.acc} görmeden dönmez.",
        "{place} denince akla {sight} gelir.",
        "{il.loc} gezilecek yerlerin başında {sight} gelir.",
    ),
    "product": (
        "{il}, {product.poss.ins} tanınır.",
        "{il.gen} {product.poss} meşhurdur.",
        "{place.abl} dönenler çoğu zaman {product} getirir.",
        "{place} denince birçok kişinin aklına {product} gelir.",
    ),
    "district": (
        "{district}, {il.gen} ilçelerinden biridir.",
        "{district} ilçesi {place.dat} bağlıdır.",
        "{il.gen} ilçeleri arasında {district.too} vardır.",
    ),
}

# Before the facts that have a paragraph of their own.
LEADS = (
    "{full}, {place.acc} [arkadaşlarına|misafirlerine|öğrencilere] [hep|sık sık] şöyle tanıtır:",
    "{full} ile {friend}, {place} için şunları söyler:",
    "{who.gen} {colour} kaplı defterinde {place} için şunlar yazılıdır:",
    "{full.gen} anlattığı {place} şöyle bir yer:",
)

WEATHER = {
    "kış": (
        "Hava [soğuktu|ayazdı] ve [sokaklar erkenden boşalmıştı|pencereler buğulanmıştı].",
        "Sabahtan beri [ince bir|soğuk bir] yağmur yağıyordu.",
    ),
    "ilkbahar": (
        "[Ağaçlar çiçek açmıştı|Kırlar yeşermişti] ve hava ılıktı.",
        "Hava bir güneşli, bir yağmurluydu.",
    ),
    "yaz": (
        "Hava [çok sıcaktı|sıcaktı] ve gölgeler [kısalmıştı|kısacıktı].",
        "Güneş [daha sabahtan|erkenden] ortalığı ısıtmıştı.",
    ),
    "sonbahar": (
        "[Yapraklar sararmıştı|Leylekler göçmüştü] ve akşamlar serindi.",
        "Gökyüzü [griydi|bulutluydu], rüzgâr yaprakları savuruyordu.",
    ),
}

CLOSINGS = (
    "{who} {place.loc} geçen o günü [hiç|uzun süre] unutmadı.",
    "[Akşam|Gece] {who} olanları {place} günlüğüne yazdı.",
    "{place} o gün {who.dat} [her zamankinden güzel|bambaşka] göründü.",
    "{who} o günden sonra {district.abl} her geçişinde {friend.acc} hatırladı.",
    "{friend} bu olayı {place.loc} [yıllarca|her bayramda] anlattı.",
    "[Gece|Uyumadan önce] {who} ile {friend} telefonda o günü konuştu.",
)

STORIES = """
# lost
gap = Akşama doğru | Ertesi sabah | İki gün sonra
spot = bir bankın altında | otobüs durağında | fırının önünde | çeşmenin yanında | parkın girişinde
%weather
{full}, {date} günü {place} [garajında|çarşısında|sokaklarında] {colour} {thing.poss.acc} kaybetti.
{who} [bütün {place.acc} dolaştı|{place.loc} sormadığı kimse bırakmadı], ama {thing.acc} gören
  [yoktu|çıkmadı].
{kin.poss} “[Üzülme|Telaşlanma] {who}, {place.loc} iyi insan çoktur; {thing} bulunur.” dedi.
{gap} {friend} adında bir {job} {district.abl} geldi; {who.gen} {thing.poss.acc} {spot} bulmuştu.
{who} [sevinçle|teşekkür edip] {friend.dat} {count} {unit} {good} [hediye etti|verdi].
%closing
? {full} {place.loc} neyini kaybetti? = {colour} {thing.poss.acc}
? {full.gen} {place.loc} kaybettiği {thing.acc} kim buldu? = {friend}

# market
%weather
{full} {day} {place} pazarına gitti; {kin.poss.dat} {product} alacaktı.
[Kalabalıkta|Tezgâhların arasında] {friend} adında bir satıcı {who.acc} [çağırdı|durdurdu]: “{place.loc}
  bundan
  iyi {product} bulamazsın, halis {district} malı bu!”
{who} {friend.ins} [biraz pazarlık etti|uzun uzun konuştu] ve {count} {unit} {product} aldı.
{who}, {place} pazarından çıkmadan {kin.poss.dat} {colour} bir {thing.too} [aldı|seçti].
[Evde|Akşam] {kin.poss} {who.acc} [öptü|kucakladı]: “{place.gen} {product.poss} bir başka oluyor!”
%closing
? {full} {place} pazarından ne aldı? = {count} {unit} {product}
? {full} {place} pazarında hangi satıcıdan alışveriş yaptı? = {friend}

# bus
reason = evden geç çıkmıştı | yanlış durakta beklemişti | bindiği dolmuşun lastiği patlamıştı |
  yolda cüzdanını düşürüp geri dönmüştü
{full} {date} sabahı {place.abl} {other.dat} gitmek için yola çıktı.
%weather
{who} {place} garajına vardığında saat {hour} otobüsü kalkmıştı; çünkü {reason}.
{place} garajında {friend} adında bir {job}, {who.gen} üzüldüğünü görüp ona [çay ısmarladı|simidinin yarısını
  verdi].
“{place} ile {other} komşudur, {who}; [acele|merak] etme, akşama varırsın.” dedi {friend}.
{who} {other.dat} giden sonraki otobüse {n} numaralı perondan bindi; {friend.gen} verdiği {colour} {thing}
  [çantasındaydı|elindeydi].
%closing
? {full} {place.abl} {other.dat} giderken otobüsü neden kaçırdı? = {reason}
? {full} {place} garajında kiminle tanıştı? = {friend}

# map
score = 85 | 90 | 95 | 100
table = mutfak masasında | salondaki masada | kütüphanede
{full}, {place.loc} ortaokula gidiyordu; öğretmeni {friend} ona {place} haritası çizmeyi ödev verdi.
{who} {district.acc} ve {sight.acc} [büyük bir kâğıda|bir kartona] yerleştirdi, {place.gen} sınırını
  {colour} kalemle
  çizdi.
[Yorulunca|Kalemi kırılınca] {kin.poss} {who.dat} yardım etti; {table} saat {hour.dat} kadar {place.acc}
  boyadılar.
Derste {who}, {friend} öğretmene {place.gen} {region.loc} olduğunu anlattı.
{friend} öğretmen {place} haritasına {score} puan verdi, {who.dat} {colour} bir {thing} hediye etti.
%closing
? {full.gen} {place} haritası kaç puan aldı? = {score}
? {full.dat} {place.loc} harita ödevini kim verdi? = {friend}

# kitten
pet = Pamuk | Boncuk | Tarçın | Karamel | Zeytin | Limon | Paşa | Fıstık | Bulut | Minnoş
{full}, {date} akşamı {place.loc} [postanenin|fırının|okulun] yanında [aç|yorgun|ürkek] bir kedi yavrusu
  buldu.
%weather
{who} yavruyu {colour} [hırkasına|havlusuna|eşarbına] sarıp eve götürdü ve adını {pet} koydu.
{kin.poss} “{place.loc} bu kadar kedi varken bu da nereden çıktı, {who}?” dedi, ama {pet} kucağında uyuyunca
  [yumuşadı|gülmeye başladı].
{district} yolundaki veteriner {friend}, {who.dat} {pet.gen} sağlıklı olduğunu [söyledi|müjdeledi].
[Bir ay|Üç hafta] sonra {place.loc} {who} ile {pet.acc} tanımayan kalmamıştı.
%closing
? {full.gen} {place.loc} bulduğu kedinin adı ne? = {pet}
? {full.gen} {place.loc} bulduğu kediye hangi veteriner baktı? = {friend}

# garden
! ilkbahar
plant = domates | biber | kabak | salatalık | çilek | patlıcan
cause remedy = toprak çok kuru / her akşam suladı | fideler gölgede kalmış / güneşli tarafa taşıdı |
  yabani otlar kökleri sarmış / otlardan temizledi | fideler çok sık dikilmiş / daha seyrek dikti
%weather
{full}, {place.loc} evinin bahçesine {n} tane {plant} fidesi dikti.
{place.loc} hava iyiydi, ama [ilk hafta|on gün sonra] yapraklar sarardı; {who} [çok üzüldü|ne yapacağını
  bilemedi].
{district.abl} gelen komşusu {friend}, {who.gen} bahçesine baktı ve “Bence {cause}, {who}.” dedi.
{who} fideleri {remedy}; yaz gelince {place.loc} {harvest} kilo {plant} topladı.
{who} bunların yarısını {friend.dat} verdi; {friend.too} ona {count} {unit} {good} ve {colour} bir {thing}
  getirdi.
%closing
? {full} {place.loc} bahçesine ne dikti? = {n} tane {plant} fidesi
? {full.gen} {place.loc} bahçesine bakıp öğüt veren komşu kim? = {friend}

# goalkeeper
score = 3-2 | 2-1 | 4-3 | 1-0 | 5-4 | 3-1 | 4-2
%weather
{date} günü {place.loc} {district} çocuk takımı ile {other.abl} gelen takım karşılaştı.
{place} sahasında kaleci {friend} hastalanınca kaleye {full} geçti.
{who} daha önce hiç kalede oynamamıştı, ama {kin.poss} “{place} sana güveniyor, {who}!” diye bağırdı.
Son dakikada {who} [köşeye giden|direğin dibine gelen] topu [çeldi|kurtardı] ve takımı maçı {score} kazandı.
{friend} {who.acc} [kucakladı|kutladı], ona {place.abl} alınmış {colour} bir {thing} hediye etti.
%closing
? {full.gen} kaleye geçtiği {place} maçı kaç kaç bitti? = {score}
? {full} {place} maçında kimin yerine kaleye geçti? = {friend.gen}

# note
year = 1961 | 1968 | 1973 | 1975 | 1979 | 1982 | 1984 | 1987
{full}, {place} İl Halk Kütüphanesinden eski bir [roman|masal kitabı|şiir kitabı] [aldı|ödünç aldı].
{who} kitabın arasında {year} yılında {place.loc} yazılmış bir not buldu: “Bunu bulan, {district} ilçesindeki
  {friend.acc} arasın.”
%weather
{who} {day} {place.abl} {district.dat} giden [ilk otobüse|öğle otobüsüne] bindi.
{who.dat} kapıyı açan {friend}, {colour} boyalı bir evde yaşayan [emekli|yaşlı] bir {job.was}.
{friend}, {place.loc} yazdığı notu görünce [ağladı|gülmeye başladı] ve {who.dat} {count} {unit} {good} verdi.
%closing
? {full.gen} {place.loc} kitapta bulduğu not hangi yıl yazılmıştı? = {year}
? {full.gen} {place.loc} kitapta bulduğu notu okuyunca aradığı kişi kim? = {friend}

# rainbow
! ilkbahar yaz sonbahar
food = peynir ekmek | börek | haşlanmış yumurta | kek | meyve | köfte ekmek
{full} ile {friend}, {date} sabahı {place.loc} buluşup {sight.dat} gitti.
{who} yanına {food}, {friend} ise {colour} bir {thing} almıştı.
{place.gen} {district} yolunda [gök gürledi|hava birden karardı] ve bardaktan boşanırcasına yağmur başladı.
Yaşlı bir {place.li}, {who} ile {friend.acc} evine aldı ve onlara [çay|sıcak süt|çorba] ikram etti.
Yağmur dinince {sight.gen} üzerinde gökkuşağı [belirdi|çıktı]; {friend} {thing.acc} {who.dat} verip
  “{place.acc}
  unutma.” dedi.
%closing
? {full} {place} gezisinde {sight.dat} kiminle gitti? = {friend.ins}
? {full} {place} gezisine çıkarken yanına yiyecek ne aldı? = {food}

# repair
item item_acc = radyo / radyoyu | duvar saati / duvar saatini | dikiş makinesi / dikiş makinesini |
  gramofon / gramofonu | daktilo / daktiloyu
fault = içi toz dolmuş | bir vidası düşmüş | bir parçası kırılmış | içine kum kaçmış
{full.gen} {kin.poss.abl} kalan {item} {date} günü {place.loc} bozuldu.
%weather
{who} {place.loc} üç dükkân gezdi, ama [hiçbir usta|kimse] onu onarmak istemedi.
{district} çarşısındaki {friend} usta kapağı açıp “Önemli değil, {who}; {fault}.” dedi.
{friend} usta işini [yarım saatte|çay soğumadan] bitirdi; {who.abl} para yerine {count} {unit} {good} istedi.
O gece {item} yeniden çalıştı ve {who}, {friend} ustaya {colour} bir {thing.too} götürmeye karar verdi.
%closing
? {full.gen} {place.loc} bozulan {item_acc} kim onardı? = {friend} usta
? {full.gen} {place.loc} onarılan eski eşyası neydi? = {item}

# letter
Sevgili {friend},
---
{place.abl} merhaba! [Üç gündür|Bir haftadır|{date} gününden beri] {place.loc} kalıyorum ve sana yazmak
  istedim.
%facts
{kin.my.ins} {district.dat} gittik, pazardan {count} {unit} {good} aldık.
{place.loc} {colour} {thing.my.acc} [düşürdüm|otobüste unuttum], ama bir {job} bulup [geri getirdi|bana
  ulaştırdı].
{sight.acc} görünce seni düşündüm, {friend}; keşke sen de {place.dat} gelseydin.
---
{place.abl} [sevgiyle|selamlarla], {full}
? {full.gen} {place.abl} yazdığı mektuba göre kaybettiği eşya neydi? = {colour} {thing}
? {full} {place.abl} kime mektup yazdı? = {friend.dat}

# diary
meal = menemen | omlet | börek | gözleme | krep
{full.gen} {place} günlüğü, {date}.
---
Bugün {place.loc} [erken|geç] kalktım; {kin.my} kahvaltıda {meal} yaptı.
Saat {hour.loc} {friend} [geldi|kapıyı çaldı] ve beni {sight.dat} götürdü.
%facts
{place} yolunda {other} plakalı bir kamyonun [lastiği patlamıştı|yükü devrilmişti]; {friend} ile şoföre
  yardım ettik.
Şoför bana {colour} bir {thing} verdi, {friend} “{place.gen} hediyesi bu, {who}!” diye güldü.
Yarın {friend.ins} {district.dat} gideceğiz, [şimdiden heyecanlıyım|umarım yağmur yağmaz].
? {full.gen} {place} günlüğüne göre şoför ona ne verdi? = {colour} bir {thing}
? {full.gen} {place} günlüğüne göre kahvaltıda ne vardı? = {meal}

# work
shop mistake lesson = fırında / ekmeklerin altını yaktı / fırını kısmayı |
  kitapçıda / iki müşterinin paketini karıştırdı / paketlerin üstüne isim yazmayı |
  lokantada / çorbaya iki kez tuz attı / yemeğin tadına önceden bakmayı |
  çiçekçide / gülleri susuz bıraktı / her sabah kovaları doldurmayı |
  postanede / mektupları yanlış mahalleye götürdü / sokak adlarını ezberlemeyi
{full}, {date} günü {place.loc} bir {shop} işe başladı.
%weather
[Daha ilk gün|Öğleye doğru] {who} heyecandan {mistake} ve [utancından kıpkırmızı oldu|ne yapacağını şaşırdı].
Ustası {friend} kızmadı, “Ben de {place.dat} geldiğimde aynı hatayı yapmıştım, {who}.” dedi.
{friend} {who.dat} {lesson} öğretti; bir ay sonra {district.loc} bile {who.acc} övüyorlardı.
{full} {place.loc} kazandığı ilk maaşla {kin.poss.dat} {colour} bir {thing}, {friend.dat} ise {count} {unit}
  {good} aldı.
%closing
? {full} {place.loc} nerede işe başladı? = bir {shop}
? {full} {place.loc} ilk maaşıyla {kin.poss.dat} ne aldı? = {colour} bir {thing}

# dark
food = börek | kek | kurabiye | gözleme | helva
light = mum | gaz lambası | el feneri
night = onda | on birde | on ikide
{date} gecesi {place.loc} elektrikler kesildi.
%weather
{full} ile {kin.poss} bir {light} yakıp pencereden karanlık {place.acc} [seyrettiler|izlediler].
[Çok geçmeden|Biraz sonra] komşuları {friend} elinde bir tabak {food} ile {who.gen} kapısını çaldı.
{kin.poss}, {who} ile {friend.dat} {sight} hakkında eski bir {place} masalı anlattı.
{place.gen} ışıkları saat {night} geri geldi, ama ne {who} ne {friend} yerinden kalkmak istedi.
%closing
? {place.loc} elektrikler kesilince {full.gen} kapısını kim çaldı? = {friend}
? {place.loc} elektrikler kesilince {full.dat} gelen komşu ne getirdi? = bir tabak {food}

# parcel
{full}, {place.loc} yaşıyordu ve {day} postacı ona [ağır|küçük|kocaman] bir paket getirdi.
Paketin üstünde {other.loc} oturan {friend.gen} adı yazıyordu; postacı {place} ile {other} paketlerini
  karıştırmıştı.
%weather
{full} paketi açmadı, {place} postanesinden {friend.gen} numarasını buldu.
{friend} çok sevindi, çünkü pakette {kin.poss.abl} gelen {colour} {thing} vardı.
{who} paketi {other.dat} giden ilk otobüsle yolladı; {friend.too} {place.dat} {count} {other_unit}
  {other_product}
  gönderdi.
%closing
? {full.dat} {place.loc} yanlışlıkla gelen paket kimindi? = {friend.gen}
? {full.dat} {place.loc} yanlışlıkla gelen pakette ne vardı? = {colour} {thing}

# fishing
! coast
boat = Martı | Yakamoz | Poyraz | Levrek | Umut | Dalga | Mercan
{full} ile {kin.poss}, {date} sabahı {place.loc} {boat} adlı tekneyle {sea.dat} açıldı.
%weather
[Öğleye kadar|Saatlerce] {boat.gen} ağına hiçbir şey takılmadı; {who} [sıkıldı|umudunu kesti].
{kin.poss} “Balıkçılığın yarısı sabırdır, {who}.” deyip ağı {place} açıklarında bir kez daha attı.
{who} bu kez ağdan {n} balık ve [paslı|eski] bir {thing} çıkardı.
{place} kıyısında bekleyen {friend}, {who.acc} [alkışladı|sevinçle karşıladı]; balıkları {district.loc}
  birlikte
  pişirdiler.
%closing
? {full} {place.loc} hangi tekneyle denize açıldı? = {boat}
? {place.loc} balıktan dönen {full.acc} kıyıda kim bekliyordu? = {friend}

# snow
! kış snow
craft = kaşık | sepet | yelek | örtü | oyuncak
{date} sabahı {full} uyandığında {place} bembeyazdı; {district} yolu kapanmıştı.
{who}, yaşlı komşusu {friend.gen} ilaçlarının bittiğini {kin.poss.abl} öğrendi.
{who} {colour} [atkısını|eldivenlerini|beresini] takıp kar altındaki {place} sokaklarından eczaneye kadar
  yürüdü.
Eczacı {who.dat} {friend.gen} ilaçlarını verdi, bir bardak da sıcak [çay|salep|ıhlamur] ikram etti.
{friend} “{place.loc} senin gibisi az bulunur, {who}.” dedi ve ona el emeği bir {craft} verdi.
%closing
? {full} {place.loc} karda kime ilaç götürdü? = {friend.dat}
? {place.loc} karda ilaç getiren {full.dat} ne hediye edildi? = el emeği bir {craft}

# tale
tale_job = terzi | çoban | oduncu | değirmenci | balıkçı | demirci | dokumacı
Bir varmış, bir yokmuş; {place.loc} {full} adında [yoksul|genç|yaşlı] bir {tale_job} yaşarmış.
{who} bir gün {sight.gen} yakınında {colour} bir {thing} bulmuş; meğer {thing} konuşuyormuş.
{thing}, “Beni {other.loc} yaşayan {friend.dat} götür, {who}; [dileğin gerçek olsun|yüzün gülsün].” demiş.
{who} {place.abl} çıkmış, {district.abl} geçmiş, [üç gece|yedi gün] sonra {friend.acc} bulmuş.
{friend} {who.dat} {count} {other_unit} {other_product} vermiş, {who.too} bunları {place.loc} komşularına
  dağıtmış.
Gökten üç elma düşmüş: biri {who.dat}, biri {friend.dat}, biri de bu {place} masalını okuyana.
? Masalda {full} {place.loc} ne bulmuş? = {colour} bir {thing}
? Masalda {full} {place.loc} bulduğu eşyayı kime götürmüş? = {friend.dat}

# talk
setting = bir çay bahçesinde | otobüs durağında | kütüphanenin önünde | bir parkta
{full} ile {friend}, {place.loc} {setting} konuşuyordu.
---
— {friend}, [{place} hangi bölgede, biliyor musun|{place.gen} yerini karıştırıyorum, hangi bölgedeydi]?
---
— [Tabii|Elbette] {who}, {region.loc}. Plaka kodu da {plate.cop}.
---
— Peki {friend}, {place.loc} nereyi [gezeyim|görmeliyim]?
---
— {sight.acc} gör, {who}; ben [geçen yıl|{day}] {kin.my.ins} gitmiştim.
---
— {place.abl} ne götürsem?
---
— {product} götür, {who}; {place} bununla tanınır, {district.loc} daha ucuzdur.
---
{who}, {friend.ins} vedalaşıp saat {hour} otobüsüne [koştu|bindi].
? {full} {place.loc} {setting} kiminle konuşuyordu? = {friend.ins}
? {full.dat} {place.loc} gezmek için neresi önerildi? = {sight}

# news
event = resim yarışması | satranç turnuvası | halk koşusu | bilgi yarışması | şiir yarışması | bisiklet yarışı
{place.gen} {district} ilçesinde {date} günü [bir|geleneksel] {event} düzenlendi.
{crowd} kişinin katıldığı etkinlikte birinciliği {full} kazandı.
{place} adına yarışan {who.dat} ödül olarak {colour} bir {thing} ve {count} {unit} {good} verildi.
Jüri başkanı {friend}, “{who} [çok çalıştı|hepimizi şaşırttı], {place} onunla gurur duyuyor.” dedi.
{full} ödülünü {place.loc} yaşayan {kin.poss.dat} armağan etti, {friend.dat} ise [teşekkür etti|çiçek verdi].
? {full} {place.loc} hangi etkinlikte birinci oldu? = {event}
? {full.gen} {place.loc} birinci olduğu etkinliğe kaç kişi katıldı? = {crowd}

# portrait
%facts
{district.loc} doğan {full}, {n} yıldır {place.loc} {job} olarak çalışıyor.
{who}, “{place.dat} gelen kimse {sight.acc} görmeden dönmesin.” diyor.
Komşusu {friend} ise {who.gen} misafirlerine hep {count} {unit} {good} veriyor.
{friend.dat} göre {place.acc} özel kılan, {who} gibi [konuksever|güler yüzlü|çalışkan] insanlar.
{who}, {kin.poss.abl} kalan {colour} {thing.acc} {place.dat} gelen [dostlarına|öğrencilere] göstermeyi
  seviyor.
? {full} {place.loc} ne iş yapıyor? = {job}
? {place.loc} yaşayan {full.dat} {kin.poss.abl} ne kaldı? = {colour} bir {thing}

# notice
[Duyuru|Bulunmuş eşya duyurusu]: {date} günü {place.loc}, {district} otobüsünde {colour} bir {thing}
  bulunmuştur.
Eşya, {place} garajında görevli {full} tarafından teslim alınmıştır.
{thing.gen} üzerinde {friend} adı [yazılıdır|okunmaktadır].
{friend} adlı yolcunun saat {hour.abl} önce {place} garajında {full.dat} başvurması [rica
  olunur|beklenmektedir].
{full}, {n} numaralı peronun yanındaki [danışmada|odada] [bulunmaktadır|görev yapmaktadır].
---
%facts
? {full.gen} {place.loc} teslim aldığı eşya ne? = {colour} bir {thing}
? {full.gen} {place.loc} teslim aldığı eşyanın üzerinde kimin adı var? = {friend.gen}

# quiz
points = 70-60 | 80-75 | 90-85 | 95-90 | 60-45
{full}, {place} adına [radyodaki|televizyondaki] bilgi yarışmasına katıldı; karşısına {other.abl} gelen
  {friend} çıktı.
%weather
Sunucu {place.gen} plaka kodunu sordu, {who} hemen “{plate}!” dedi.
{friend}, “{place} hangi bölgededir?” sorusunda takıldı; {who} “{region}.” diye yanıtladı.
{full}, {friend.acc} {points} yendi ve ödül olarak aldığı {colour} {thing.acc} {place.dat} götürdü.
[Çıkışta|Yayından sonra] {who}, {friend.dat} {count} {unit} {good} hediye etti.
%closing
? {full.gen} {place} adına katıldığı yarışmada rakibi kimdi? = {friend}
? {full} {place} adına katıldığı yarışmada ödül olarak ne aldı? = {colour} bir {thing}

# moving
food = börek | kurabiye | poğaça | baklava
corner = ütünün altından | tencerelerin arasından | yastık kılıfının içinden | halının arasından
{full}, {date} günü {kin.poss.ins} birlikte {other.abl} {place.dat} taşındı.
%weather
{who} {place.loc} kimseyi tanımıyordu; {colour} {thing.poss.acc} hangi koliye koyduğunu bile
  [bilmiyordu|unutmuştu].
Alt kattaki {friend}, “{place.dat} hoş geldin, {who}!” diyerek bir tepsi {food} getirdi.
{who} {place.loc} nereleri gezeceğini sorunca {friend} “Önce {sight.acc}, sonra {district.acc} gör.” dedi.
Koliler açılınca {thing} {corner} çıktı; o gün {who}, {friend.ins} {place.acc} gezmeye [çıktı|koştu].
%closing
? {full} {place.dat} nereden taşındı? = {other.abl}
? {place.dat} taşınan {full.acc} kim karşıladı? = {friend}
"""
