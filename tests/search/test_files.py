import gzip
import json
import sys

import docx
import pyarrow as pa
import pyarrow.parquet as pq
import pypdf
import pytest

from pipeline.search import files
from pipeline.search.files import UnreadableFile, read_documents


def write_pdf(path, pages, **encryption):
    """A PDF with a line of text for each line of `pages`."""
    writer = pypdf.PdfWriter()
    for text in pages:
        page = writer.add_blank_page(300, 300)
        lines = [f"({line}) Tj T*" for line in text.split("\n")]
        content = pypdf.generic.DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 14 TL 20 280 Td {' '.join(lines)} ET".encode())
        font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
        names = {pypdf.generic.NameObject(k): pypdf.generic.NameObject(v) for k, v in font.items()}
        fonts = pypdf.generic.DictionaryObject(
            {pypdf.generic.NameObject("/F1"): pypdf.generic.DictionaryObject(names)}
        )
        page[pypdf.generic.NameObject("/Resources")] = pypdf.generic.DictionaryObject(
            {pypdf.generic.NameObject("/Font"): fonts}
        )
        page[pypdf.generic.NameObject("/Contents")] = writer._add_object(content)
    if encryption:
        writer.encrypt(**encryption)
    writer.write(path)


def paragraphs(path):
    return [tuple(paragraph) for document in read_documents(path) for paragraph in document.paragraphs]


def test_pdf_pages_have_their_numbers_and_whole_words(tmp_path):
    write_pdf(tmp_path / "a.pdf", ["Kitap oku-\nmak iyidir. Turk-\nIslam", "Ikinci sayfa"])
    assert paragraphs(tmp_path / "a.pdf") == [
        ("Kitap okumak iyidir. Turk-Islam", 1, 0),
        ("Ikinci sayfa", 2, 0),
    ]


def test_pdfs_without_text_and_with_a_password_are_told(tmp_path):
    write_pdf(tmp_path / "a.pdf", ["gizli"], user_password="parola", algorithm="RC4-128")
    with pytest.raises(UnreadableFile, match=r"^encrypted; save it without a password$"):
        paragraphs(tmp_path / "a.pdf")
    write_pdf(tmp_path / "b.pdf", ["", ""])
    with pytest.raises(UnreadableFile, match=r"^a PDF of pictures, without text; .*OCR"):
        paragraphs(tmp_path / "b.pdf")


def test_pages_of_pictures_among_others_are_told(tmp_path):
    write_pdf(tmp_path / "a.pdf", ["Bir", "", "Iki"])
    (document,) = read_documents(tmp_path / "a.pdf")
    assert [(part.text, part.place) for part in document.paragraphs] == [("Bir", 1), ("Iki", 3)]
    assert document.note == "pages without text (OCR them first): 1 of 3"


def test_word_documents_have_headings_and_tables_in_order(tmp_path):
    document = docx.Document()
    document.add_heading("Yönetmelik", 1)
    document.add_paragraph("Birinci madde.")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells), ("Ad", "Yaş", "Ayşe", "30"), strict=True
    ):
        cell.text = text
    document.save(tmp_path / "a.docx")
    assert paragraphs(tmp_path / "a.docx") == [
        ("Yönetmelik", 1, 1), ("Birinci madde.", 2, 0), ("Ad | Yaş\nAyşe | 30", 3, 0),
    ]  # fmt: skip
    (tmp_path / "b.docx").write_bytes(b"PK no")
    with pytest.raises(UnreadableFile, match=r"^a damaged Word document: "):
        paragraphs(tmp_path / "b.docx")


def test_html_is_read_without_what_runs_and_leads_elsewhere(tmp_path):
    (tmp_path / "a.html").write_text(
        "<head><title>Başlık</title><style>x{}</style></head><nav>menü</nav><h2>Göl</h2>"
        "<p>Bir <b>göl</b>ün\nkıyısı.<script>alert(1)</script></p><table><tr><td>Ad<td>Yaş</tr></table>",
        encoding="utf-8",
    )
    (document,) = read_documents(tmp_path / "a.html")
    assert document.title == "Başlık"
    assert [(p.text, p.level) for p in document.paragraphs] == [
        ("Göl", 2),
        ("Bir gölün kıyısı.", 0),
        ("Ad Yaş", 0),
    ]


def test_rows_are_documents_of_their_own(tmp_path):
    rows = [{"id": "x", "title": "Bir", "text": "Birinci."}, {"text": "İkinci."}, {"sayı": 3}]
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(json.dumps(row) for row in rows))
    pq.write_table(pa.Table.from_pylist(rows[:2]), tmp_path / "a.parquet")
    for name in ("a.jsonl.gz", "a.parquet"):
        documents = list(read_documents(tmp_path / name))
        assert [(d.name, d.title, d.paragraphs[0].place) for d in documents] == [
            ("x", "Bir", 1),
            ("2", "", 2),
        ]


def test_texts_are_read_in_the_encodings_of_windows(tmp_path):
    text = "Şu çığ\n\nİkinci"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1254"):
        (tmp_path / "a.txt").write_text(text, encoding=encoding)
        assert paragraphs(tmp_path / "a.txt") == [("Şu çığ", 1, 0), ("İkinci", 3, 0)]


def test_what_is_too_large_or_unknown_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 1 << 20)
    (tmp_path / "a.txt").write_text("a " * (1 << 20))
    with pytest.raises(UnreadableFile, match="more than 1 MB of one text; divide it"):
        paragraphs(tmp_path / "a.txt")
    (tmp_path / "a.xyz").write_text("a")
    with pytest.raises(UnreadableFile, match=r"^no format that is read \(\.docx, "):
        paragraphs(tmp_path / "a.xyz")


def test_rows_that_cannot_be_read_are_counted(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "bir"}\n{bozuk\n5\n{"id": 0, "text": "iki"}\n{"başka": 1}\n', encoding="utf-8")
    documents = list(read_documents(path))
    assert [(document.name, document.paragraphs[0].place) for document in documents] == [("1", 1), ("0", 4)]
    assert documents[-1].note.startswith("rows that could not be read: 3; the first: a.jsonl:2: not JSON")
    path.write_text("{bozuk\n")
    with pytest.raises(UnreadableFile, match="rows that could not be read: 1; the first"):
        list(read_documents(path))


def test_columns_that_are_no_text_are_not_read(tmp_path):
    far = pa.array([2**62], pa.timestamp("ms"))
    pq.write_table(pa.table({"text": ["metin"], "tarih": far}), tmp_path / "a.parquet")
    assert paragraphs(tmp_path / "a.parquet") == [("metin", 1, 0)]


def test_a_missing_library_leaves_the_other_files(tmp_path, monkeypatch):
    write_pdf(tmp_path / "a.pdf", ["Bir"])
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(UnreadableFile, match=r"pypdfium2: to read these files it takes `pip install"):
        paragraphs(tmp_path / "a.pdf")


def test_what_is_no_text_is_told(tmp_path):
    (tmp_path / "a.txt").write_bytes("UTF-16 imsiz".encode("utf-16-le"))
    (tmp_path / "a.pdf.gz").write_bytes(gzip.compress(b"%PDF"))
    with pytest.raises(UnreadableFile, match="no text file: it has zero bytes"):
        paragraphs(tmp_path / "a.txt")
    with pytest.raises(UnreadableFile, match="compressed; unpack it"):
        paragraphs(tmp_path / "a.pdf.gz")


def test_equal_cells_of_a_word_table_all_count(tmp_path):
    document = docx.Document()
    table = document.add_table(rows=1, cols=4)
    for cell, text in zip(table.rows[0].cells, ["Ali", "3", "3", "son"], strict=True):
        cell.text = text
    table.cell(0, 2).merge(table.cell(0, 3))
    document.save(str(tmp_path / "a.docx"))
    assert [text for text, *_ in paragraphs(tmp_path / "a.docx")] == ["Ali | 3 | 3\nson"]


def test_pages_of_forms_and_old_tags_are_read_whole(tmp_path):
    deep = "<div>" * 600 + "derin" + "</div>" * 600
    (tmp_path / "a.html").write_text(
        f"<form runat=server><p>ki<ins>tap</ins> <font>evi</font></p><select><option>x</select>{deep}</form>"
    )
    assert [text for text, *_ in paragraphs(tmp_path / "a.html")] == ["kitap evi", "derin"]


def test_markdown_headings_after_code(tmp_path):
    (tmp_path / "a.md").write_text("```x``` satır\n\n# C#\n\n~~~\n# yorum\n~~~\n\n## Son ##\n")
    assert [(text, level) for text, _, level in paragraphs(tmp_path / "a.md")] == [
        ("```x``` satır", 0), ("C#", 1), ("~~~\n# yorum\n~~~", 0), ("Son", 2),
    ]  # fmt: skip
