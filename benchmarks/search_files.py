"""The words that are read of PDF and Word files, with tables, columns, divided words and scanned pages.

    apt-get install chromium
    python -m benchmarks.search_files ../shared/data/corpus --files 50

Half of the files are printed by Chromium, half are written by python-docx. Every file has a heading,
paragraphs and a table. In the PDFs most paragraphs stand in two columns, with words divided at lines' ends.
Every fifth PDF has a scanned page in its midst: a picture, whose words cannot be read and are not counted.
The figure is the share of a file's words, with their repetitions, that the reader returns. pypdf is the
rival.
"""

import argparse
import base64
import html
import json
import random
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from statistics import mean

import docx
import pypdf

from benchmarks.texts import folder_texts
from pipeline.search.files import read_documents

CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
STYLE = """
body { font: 11pt serif; } table { border-collapse: collapse; } td { border: 1px solid; padding: 2pt 6pt; }
.columns { column-count: 2; text-align: justify; hyphens: manual; }
.scan { break-before: page; break-after: page; }
"""
# A consonant before a vowel begins a syllable: ki-tap-lar, ön-ce-ki.
SYLLABLE = re.compile(r"(?<=[^\W\d_])(?=[bcçdfgğhjklmnprsştvyz][aeıioöuü])")


def words_of(text: str) -> Counter[str]:
    """Return the words of a text with their numbers."""
    return Counter(re.findall(r"[^\W_]+", text))


def divide_words(paragraph: str) -> str:
    """Return a paragraph with soft hyphens where its words may be divided."""
    return SYLLABLE.sub("\u00ad", paragraph)


def make_parts(text: str, rng: random.Random) -> tuple[list[str], list[list[str]]]:
    """Return some paragraphs of a text, and a table of its words."""
    paragraphs = [line.strip() for line in text.split("\n") if len(line.split()) > 8]
    start = rng.randrange(max(1, len(paragraphs) - 14))
    words = text.split()
    table = [[f"{row + 1}.", *rng.sample(words, 3), str(rng.randrange(10_000))] for row in range(8)]
    return paragraphs[start : start + 14], table


def write_pdf(path: Path, title: str, paragraphs: list[str], table: list[list[str]], scan: bool) -> None:
    """Print a page with Chromium."""
    divided = [f"<p>{html.escape(divide_words(text))}</p>" for text in paragraphs[4:]]
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table
    )
    picture = ""
    if scan:
        page = path.with_suffix(".scan.html")
        page.write_text(f"<meta charset=utf-8><p>{html.escape(' '.join(paragraphs))}</p>", encoding="utf-8")
        image = path.with_suffix(".png")
        run_chromium(f"--screenshot={image}", "--window-size=600,400", page)
        data = base64.b64encode(image.read_bytes()).decode()
        picture = f'<div class="scan"><img src="data:image/png;base64,{data}"></div>'
        page.unlink()
        image.unlink()
    body = "".join(f"<p>{html.escape(text)}</p>" for text in paragraphs[:4])
    page = path.with_suffix(".html")
    page.write_text(
        f"<!doctype html><html lang=tr><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{body}{picture}<table>{rows}</table>"
        f'<div class="columns">{"".join(divided)}</div></html>',
        encoding="utf-8",
    )
    run_chromium(f"--print-to-pdf={path}", "--no-pdf-header-footer", page)
    page.unlink()


def run_chromium(*arguments: str | Path) -> None:
    """Run Chromium on a page."""
    command = [*CHROMIUM, *(str(argument) for argument in arguments)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def write_docx(path: Path, title: str, paragraphs: list[str], table: list[list[str]]) -> None:
    """Write a Word document."""
    document = docx.Document()
    document.add_heading(title, level=1)
    for text in paragraphs[:4]:
        document.add_paragraph(text)
    grid = document.add_table(rows=0, cols=len(table[0]))
    for row in table:
        for cell, text in zip(grid.add_row().cells, row, strict=True):
            cell.text = text
    for text in paragraphs[4:]:
        document.add_paragraph(text, style="List Bullet")
    document.save(str(path))


def main() -> None:
    """Write the files, read them, and print the shares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", type=Path, help="a folder of texts")
    parser.add_argument("--files", type=int, default=50)
    args = parser.parse_args()
    rng = random.Random(0)
    texts = [text for text in folder_texts(args.texts) if len(text.split()) > 400]
    shares: dict[str, list[float]] = {
        "pdf": [],
        "pdf with a scanned page": [],
        "docx": [],
        "pypdf, all PDFs": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(rng.sample(texts, args.files)):
            paragraphs, table = make_parts(text, rng)
            title = " ".join(paragraphs[0].split()[:4])
            written = words_of("\n".join([title, *paragraphs, *(" ".join(row) for row in table)]))
            if number % 2:
                kind, path = "docx", Path(folder, f"{number}.docx")
                write_docx(path, title, paragraphs, table)
            else:
                kind = "pdf with a scanned page" if number % 10 == 0 else "pdf"
                path = Path(folder, f"{number}.pdf")
                write_pdf(path, title, paragraphs, table, scan=kind != "pdf")
            texts_read = [part.text for document in read_documents(path) for part in document.paragraphs]
            read = words_of("\n".join(texts_read))
            shares[kind].append((written & read).total() / written.total())
            if kind != "docx":
                pages = [page.extract_text().replace("-\n", "") for page in pypdf.PdfReader(path).pages]
                theirs = words_of("\n".join(pages))
                shares["pypdf, all PDFs"].append((written & theirs).total() / written.total())
            if shares[kind][-1] < 0.98:
                print(f"{path.name}: {shares[kind][-1]:.3f}: missing {list(written - read)[:12]}")
    print("| files | number | words read, mean | lowest |\n|---|---|---|---|")
    for kind, values in shares.items():
        if values:
            print(f"| {kind} | {len(values)} | {mean(values):.4f} | {min(values):.4f} |")
    print(json.dumps(shares))


if __name__ == "__main__":
    main()
