"""Documents of a folder as paragraphs: text, Markdown, HTML, PDF, Word, tables and JSON lines."""

import importlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from lxml import etree

from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import Translatable
from pipeline.common.library_messages import describe_system_error, recognize
from pipeline.readers.decompress import DamagedFile, content_suffix, is_compressed, open_decompressed
from pipeline.readers.json_rows import read_json_rows
from pipeline.readers.rows import Note, Row
from pipeline.text.normalize import normalize_text

MAX_FILE_BYTES = 64 << 20  # of one document; corpora of many come as Parquet or JSON lines
TEXT_COLUMNS = ("text", "metin", "content", "body")
TITLE_COLUMNS = ("title", "başlık", "baslik")
INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "td", "th", "time",
    "tt", "u", "var", "wbr",
})  # fmt: skip
CELLS = frozenset({"td", "th"})
HTML_LEVELS = {f"h{level}": level for level in range(1, 7)}
SKIPPED = frozenset({
    "head", "script", "style", "noscript", "template", "svg", "nav", "footer", "button", "select", "textarea",
    "iframe",
})  # fmt: skip
HEADING = re.compile(r"(#{1,6})[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$")
# A word that a line's end divides. PDFium has U+FFFE for such a hyphen, and no line's end.
HYPHENATED = re.compile(r"(?<=[^\W\d_])(?:[-\u00ad\u2010]\n|\ufffe\n?)(?=[^\W\d_A-ZÇĞİÖŞÜ])")


FENCE = re.compile(r"\s*(?:```[^`]*|~~~.*)$")  # begins and ends a block of code


class Paragraph(NamedTuple):
    """A paragraph, or a heading (`level` 1 to 6; 0: none). `place` is its page, line or row, from 1 on."""

    text: str
    place: int
    level: int = 0


class Document(NamedTuple):
    """A document of a file. `name` tells it from others of its file, and is empty for the only one."""

    name: str
    title: str
    place_kind: str  # what places count: page, line, row or paragraph
    paragraphs: list[Paragraph]
    note: str = ""  # what could not be read of it


class UnreadableFile(UserError):
    """A file that holds no text that can be read. The message is what is wrong, without the file's name."""


Reader = Callable[[Path], Iterable[Document]]


def read_documents(path: Path) -> Iterator[Document]:
    """Yield the documents of a file, their texts normalized.

    Raises UnreadableFile for a format that is not known, and for a file that is damaged, encrypted, too large
    or without text.
    """
    reader = READERS.get(content_suffix(path))
    if reader is None:
        raise UnreadableFile("no format that is read ({readers})", readers=", ".join(sorted(READERS)))
    if is_compressed(path) and reader in (read_pdf, read_docx, read_parquet):
        raise UnreadableFile("compressed; unpack it")
    count = 0
    try:
        for document in reader(path):
            paragraphs = [
                paragraph._replace(text=text)
                for paragraph in document.paragraphs
                if (text := normalize_text(paragraph.text).strip())
            ]
            if paragraphs:
                count += 1
                yield document._replace(title=normalize_text(document.title), paragraphs=paragraphs)
    except DamagedFile as error:
        raise UnreadableFile(error.message) from None
    except OSError as error:
        raise UnreadableFile("{reason}", reason=describe_system_error(error)) from None
    if not count:
        raise UnreadableFile("no text in it")


def read_bytes(path: Path) -> bytes:
    """Return a file's content, decompressed. Raises UnreadableFile where it is too large for one document."""
    with open_decompressed(path) as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableFile(
            "more than {limit} MB of one text; divide it, or make it JSON lines of documents",
            limit=MAX_FILE_BYTES >> 20,
        )
    return content


def decode(content: bytes) -> str:
    """Return a text file's text: UTF-8 or UTF-16 by its mark, else UTF-8, else Windows' Turkish code page."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1254", "replace")


def read_text(path: Path) -> Iterator[Document]:
    """Yield a plain text: its paragraphs are what empty lines divide."""
    text = decode(read_bytes(path))
    if "\0" in text:
        raise UnreadableFile("no text file: it has zero bytes; if it is UTF-16, save it as UTF-8")
    yield Document("", "", "line", list(split_paragraphs(text)))


def split_paragraphs(text: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of a text with their first lines."""
    lines: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.strip():
            lines.append(line.strip())
        elif lines:
            yield Paragraph("\n".join(lines), number - len(lines))
            lines = []


def read_markdown(path: Path) -> Iterator[Document]:
    """Yield a Markdown text with its headings."""
    paragraphs: list[Paragraph] = []
    lines: list[str] = []
    is_code = False

    def close(number: int) -> None:
        if lines:
            paragraphs.append(Paragraph("\n".join(lines), number - len(lines)))
            lines.clear()

    for number, line in enumerate([*decode(read_bytes(path)).splitlines(), ""], start=1):
        is_code ^= bool(FENCE.match(line))
        heading = None if is_code else HEADING.match(line)
        if heading or not line.strip():
            close(number)
        if heading:
            paragraphs.append(Paragraph(heading[2], number, len(heading[1])))
        elif line.strip():
            lines.append(line.strip())
    yield Document("", "", "line", paragraphs)


def read_html(path: Path) -> Iterator[Document]:
    """Yield a page's text with its headings, without scripts, menus and forms. Nothing in it is run."""
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True
    )
    root = etree.fromstring(decode(read_bytes(path)).replace("\0", "").encode("utf-8", "replace"), parser)
    if root is None:  # an empty page
        return
    paragraphs: list[Paragraph] = []
    pieces: list[str] = []
    level, line = 0, 1
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if element.tag not in INLINE:
            if text := " ".join("".join(pieces).split()):
                paragraphs.append(Paragraph(text, line, level))
            pieces, line = [], element.sourceline or line
            level = HTML_LEVELS.get(element.tag, 0) if event == "start" else 0
        if event == "start" and element.tag in SKIPPED:
            walk.skip_subtree()
            continue
        separator = " " if element.tag in CELLS else ""
        pieces.append(separator + ((element.text if event == "start" else element.tail) or ""))
    title = " ".join("".join(root.xpath("//head/title//text()")).split())
    yield Document("", title, "line", paragraphs)


def read_pdf(path: Path) -> Iterator[Document]:
    """Yield the text of a PDF, page by page. Words that a line's end divides are joined."""
    pdfium = import_reader("pypdfium2")
    try:
        with pdfium.PdfDocument(path) as file:
            pages = [file[number].get_textpage().get_text_range() for number in range(len(file))]
            title = file.get_metadata_value("Title")
    except pdfium.PdfiumError as error:
        if "password" in str(error):
            raise UnreadableFile("encrypted; save it without a password") from None
        raise UnreadableFile("a damaged PDF: {error}", error=recognize(one_line(error))) from None
    texts = [HYPHENATED.sub("", page.replace("\r\n", "\n")).replace("\ufffe", "-") for page in pages]
    pictures = sum(not text.strip() for text in texts)
    if pictures == len(texts):
        raise UnreadableFile("a PDF of pictures, without text; have its letters recognized (OCR) first")
    note = ""
    if pictures:
        note = Translatable(
            "pages without text (OCR them first): {pictures} of {pages}", pictures=pictures, pages=len(texts)
        )
    yield Document("", title, "page", [Paragraph(text, i) for i, text in enumerate(texts, 1)], note)


def read_docx(path: Path) -> Iterator[Document]:
    """Yield a Word document: headings, paragraphs and tables in their order, a line for each row."""
    docx = import_reader("docx")
    try:
        document = docx.Document(str(path))
        paragraphs = []
        for number, part in enumerate(document.iter_inner_content(), start=1):
            if hasattr(part, "rows"):
                rows = [" | ".join({cell._tc: cell.text for cell in row.cells}.values()) for row in part.rows]
                paragraphs.append(Paragraph("\n".join(rows), number))
            else:
                style = re.fullmatch(
                    r"(?:Heading|Başlık) ([1-6])|(Title)", part.style.name if part.style else ""
                )
                level = 0 if not style else int(style[1] or 1)
                paragraphs.append(Paragraph(part.text, number, level))
        title = document.core_properties.title or ""
    except Exception as error:  # a damaged file raises anything
        raise UnreadableFile(
            "a damaged Word document: {error}", error=recognize(one_line(error)) or type(error).__name__
        ) from None
    yield Document("", title, "paragraph", paragraphs)


def import_reader(name: str) -> ModuleType:
    """Return a library of the extra `search`. Raises UnreadableFile where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise UnreadableFile(
            "{name}: to read these files it takes `pip install -e '.[search]'`", name=name
        ) from None


def read_json_lines(path: Path) -> Iterator[Document]:
    """Yield a document for each object of JSON lines that has a text. The last tells what was left out."""
    messages: list[str] = []
    last = None
    with open_decompressed(path) as stream:
        rows = (row for row in read_json_rows(stream, path.name) if not isinstance(row, Note))
        for number, row in enumerate(rows, start=1):
            if isinstance(row, Row):
                document = make_document(row.values, number)
                if document is None:
                    messages.append(Translatable("{location}: no text in it", location=row.location))
                elif last:
                    yield last
                last = document or last
            else:
                messages.append(row.message)
    note = ""
    if messages:
        note = Translatable(
            "rows that could not be read: {count}; the first: {fault}",
            count=len(messages),
            fault=messages[0],
        )
    if last:
        yield last._replace(note=note)
    elif note:
        raise UnreadableFile(note)


def read_parquet(path: Path) -> Iterator[Document]:
    """Yield a document for each row of a Parquet file that has a text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file, number = pq.ParquetFile(path), 0
        columns = [name for name in file.schema_arrow.names if name in ("id", *TEXT_COLUMNS, *TITLE_COLUMNS)]
        for batch in file.iter_batches(batch_size=256, columns=columns):
            for values in batch.to_pylist():
                number += 1
                if document := make_document(values, number):
                    yield document
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise UnreadableFile("a damaged Parquet file: {error}", error=recognize(one_line(error))) from None


def make_document(values: dict[str, Any], number: int) -> Document | None:
    """Return the document of a row, if one of TEXT_COLUMNS has its text."""
    text = next((values[key] for key in TEXT_COLUMNS if isinstance(values.get(key), str)), None)
    if text is None:
        return None
    title = next((values[key] for key in TITLE_COLUMNS if isinstance(values.get(key), str)), "")
    name = str(number if values.get("id") is None else values["id"])
    return Document(name, title, "row", [part._replace(place=number) for part in split_paragraphs(text)])


READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".jsonl": read_json_lines,
    ".parquet": read_parquet,
}
