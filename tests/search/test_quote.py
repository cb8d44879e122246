"""Answers out of documents: which sentence is quoted, and when none is."""

import pytest

from pipeline.search.find import open_index
from pipeline.search.index import update_index
from pipeline.search.quote import find_quote, is_for_documents

TEXT = """# Kütüphane yönetmeliği

## İade

Ödünç alınan kitaplar en geç on beş gün içinde iade edilir. Geciken her gün için 2 lira ödenir.

## Saatler

Kütüphane hafta içi 09.00 ile 18.00 arasında açıktır. Pazar günleri kapalıdır.

## Üyelik

Üyelik ücretsizdir. Öğrenciler kimlikle, öğretmenler yazıyla üye olur. Evde çalışanlar da üye olabilir.
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents")
    (folder / "belgeler").mkdir()
    (folder / "belgeler/yönetmelik.md").write_text(TEXT, encoding="utf-8")
    update_index(folder / "search.sqlite", folder / "belgeler", None, True, lambda *_: None)
    with open_index(folder / "search.sqlite") as opened:
        yield opened


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("Kitaplar ne zaman iade edilir?", "Ödünç alınan"),
        ("kitap kac gunde iade edilmeli", "Ödünç alınan"),
        ("gecikme ücreti ne kadar?", "Geciken her gün"),
        ("pazar gunu acik mi", "Pazar günleri"),
        ("kütüphane saat kaçta kapanıyor", "Kütüphane hafta içi"),  # saat stands in the heading
        ("öğretmen nasıl üye olur", "Öğrenciler kimlikle"),
    ],
)
def test_find_quote_as_people_ask(index, question, begins):
    quote = find_quote(index, question)
    assert quote is not None
    assert quote.sentence.startswith(begins)


@pytest.mark.parametrize(
    "question",
    ["Fransa'nın başkenti neresi?", "en yüksek dağ hangisi", "bugün hava nasıl", "Ali kaç yaşında"],
)
def test_find_quote_refuses_what_is_not_told(index, question):
    assert find_quote(index, question) is None


def test_find_quote_looks_in_the_given_passages_alone(index):
    hits = index.search("iade edilir", 5)
    others = [hit for hit in hits if "İade" not in hit.heading]
    assert find_quote(index, "Kitaplar ne zaman iade edilir?", others) is None
    assert find_quote(index, "Kitaplar ne zaman iade edilir?", []) is None


def test_is_for_documents(index):
    for message in ("kitap", "Fransa'nın başkenti neresi?", "bu ne kadar"):
        assert is_for_documents(index, message)
    for message in ("merhaba", "teşekkürler", "???"):
        assert not is_for_documents(index, message)


def test_knows_word_in_any_form(index):
    assert index.knows_word("kitaplardan")
    assert not index.knows_word("merhaba")
    assert not index.knows_word("???")
