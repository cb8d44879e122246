"""Lines of web pages that are no part of their text: menus, cookie notices, buttons to share and to go on."""

import re

from pipeline.turkish.normalise import duplicate_key

LONGEST = 300  # characters; a longer line is a paragraph
# As `duplicate_key` has them: small letters, no marks.
BUTTONS = frozenset(
    """
    devamını oku|devamını okuyun|devamı|haberin devamı|haberin devamı için tıklayınız|tamamını oku|daha fazla oku
    daha fazla|daha fazla göster|daha fazla bilgi|detaylı bilgi|detaylar|tümünü gör|tümünü göster|hepsini gör
    paylaş|facebookta paylaş|twitterda paylaş|whatsappta paylaş|linkedinde paylaş|telegramda paylaş|tweetle
    facebook|twitter|instagram|youtube|whatsapp|telegram|pinterest|linkedin|google news|bizi takip edin|takip et
    beğen|yorum yap|yorum yaz|yorumlar|yorum gönder|yorum ekle|cevapla|yanıtla|yoruma cevap ver|şikayet et
    ana sayfa|anasayfa|hakkımızda|iletişim|künye|gizlilik politikası|gizlilik|kullanım koşulları|kullanım şartları
    çerez politikası|kvkk|kvkk aydınlatma metni|aydınlatma metni|site haritası|reklam|reklamlar|sponsorlu|sponsor
    giriş yap|üye ol|kayıt ol|şifremi unuttum|oturum aç|üye girişi|abone ol|e bültene abone ol|bülten aboneliği
    ara|arama|menü|menu|kapat|kabul et|kabul ediyorum|tamam|yazdır|yazıcıya gönder|geri|ileri|önceki|sonraki
    önceki yazı|sonraki yazı|önceki haber|sonraki haber|ilgili haberler|ilgili yazılar|benzer haberler
    benzer yazılar|son haberler|son dakika haberleri|son dakika|en çok okunanlar|çok okunanlar|popüler haberler
    popüler yazılar|son yazılar|son yorumlar|etiketler|kategoriler|kategori|arşiv|galeri|foto galeri|video galeri
    sepete ekle|favorilere ekle|satın al|stokta yok|tükendi|sepetim|yukarı çık|başa dön|sayfa başına dön
    tüm hakları saklıdır|her hakkı saklıdır|bu içeriği paylaş|haberi paylaş|içeriği beğendiniz mi
    """.replace("\n", "|")
    .replace("    ", "")
    .strip("|")
    .split("|")
)
NOTICES = re.compile(
    r"çerez(?:ler)?(?:i|den|lerden|leri)?\b.*\b(?:kullan|kabul|politika|tercih|yönet)"
    r"|\bcookies?\b.*\b(?:kullan|kabul|politika|accept|policy|use)"
    r"|(?:tüm|her) hakk?(?:ı|ları) saklıdır|all rights reserved|izinsiz (?:kopyala|kullan|yayınla)namaz"
    r"|^copyright\b|^©|kaynak gösterilmeden (?:kullan|yayınla|kopyala)namaz"
    r"|yorum yap(?:abil)?mak için (?:giriş|üye|oturum)|e-?posta adresiniz (?:yayınlanmayacak|gizli)"
    r"|gerekli alanlar .{0,20}işaretlen|javascript.{0,40}(?:etkin|devre|aç|kapalı|enable)"
    r"|(?:facebook|twitter|instagram|whatsapp|youtube).{0,40}(?:takip ed|paylaş|abone ol)"
    r"|haberin devamı için|devamını oku(?:yun|mak)?\b.{0,20}$|tıklayınız\W*$|için tıklayın\W*$",
    re.IGNORECASE,
)
_HINTS = (
    "çerez", "ookie", "saklıdır", "reserved", "namaz", "opyright", "©", "rum yap", "posta adres", "erekli alan",
    "avascript", "avaScript", "acebook", "witter", "nstagram", "hatsapp", "hatsApp", "outube", "ouTube",
    "evamı", "ıklayın",
)  # fmt: skip


def without_boilerplate(text: str) -> str:
    """`text` without the lines that are boilerplate."""
    lines = text.split("\n")
    if len(lines) == 1:
        return text
    noticed = any(hint in text for hint in _HINTS)
    return "\n".join(line for line in lines if not is_boilerplate(line, noticed))


def is_boilerplate(line: str, noticed: bool = True) -> bool:
    """Whether a line is a button, or a notice (looked for if the text has been `noticed` to have one)."""
    if len(line) > LONGEST:
        return False
    if len(line) < 40 and duplicate_key(line) in BUTTONS:
        return True
    return noticed and NOTICES.search(line) is not None
