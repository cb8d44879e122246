from pipeline.corpus.filters.boilerplate import remove_boilerplate
from tests.helpers.prose import PROSE


def test_remove_boilerplate_keeps_sentences():
    text = "\n".join([
        "Ana Sayfa", "Çerez politikamızı okuyun; sitemizde çerezler kullanılmaktadır.", PROSE.strip(),
        "» Devamını Oku…", "Facebook'ta Paylaş", "Bizi Twitter'da takip edin!",
        "© 2024 Tüm hakları saklıdır.",
    ])  # fmt: skip
    assert remove_boilerplate(text) == PROSE.strip()
    kept = "Çocuk kitabın devamını okudu.\nAnnesi çerez aldı.\nFacebook 2004 yılında kuruldu."
    kept += "\nGeçmiş Twitter hesaplarındaki paylaşımları söz konusu olmuş."
    assert remove_boilerplate(kept) == kept
