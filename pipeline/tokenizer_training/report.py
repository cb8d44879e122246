"""How well a vocabulary fits Turkish, measured on text it was not trained on."""

import glob
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer as FastTokenizer

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.metrics import metric_key
from pipeline.tokenizer.tokenizer import SPACE, Tokenizer

WORD = re.compile(r"\S+")
SHOWN = 60  # pieces of a kind


def text_report(
    tokenizer: Tokenizer, documents: Iterable[dict[str, str]]
) -> tuple[dict[str, float], np.ndarray]:
    """Compression and fidelity over documents (`id`, `text`), and how often each piece was used.

    Shares are between 0 and 1; `fast_form_equal` and `exact_round_trip` are of documents and must be 1.
    Raises UserError for a document with a word too long, and for documents without a word.
    """
    used = np.zeros(tokenizer.vocab_size, np.int64)
    fast = FastTokenizer.from_file(str(tokenizer.folder / "tokenizer.json"))
    fast.encode_special_tokens = True  # a literal <s> is text
    n_texts = n_bytes = n_tokens = n_words = single = fallback = exact = equal = 0
    for document in documents:
        text = document["text"]
        try:
            ids = tokenizer.encode(text)
        except UserError as error:
            raise UserError(f"data/corpus/val: document {document['id']}: {error}") from None
        words = WORD.findall(text)
        n_texts += 1
        n_bytes += len(text.encode("utf-8"))
        n_tokens += len(ids)
        used += np.bincount(ids, minlength=len(used))
        n_words += len(words)
        single += sum(len(tokenizer.encode_word(" " + word)) == 1 for word in words)
        fallback += sum(map(tokenizer.is_byte, ids)) - text.count("\n")  # a newline is a byte by design
        exact += tokenizer.decode(ids) == text
        equal += fast.encode(text, add_special_tokens=False).ids == ids
    if not n_words:
        raise UserError("data/corpus/val: no words in it; raise corpus.val_fraction or add text")
    plain = plain_pieces(tokenizer)
    figures = {
        "documents": n_texts,
        "bytes_per_token": n_bytes / n_tokens,
        "tokens_per_word": n_tokens / n_words,
        "single_piece_words": single / n_words,
        "byte_fallback_rate": fallback / n_tokens,
        "exact_round_trip": exact / n_texts,
        "fast_form_equal": equal / n_texts,
        "renyi_efficiency": renyi_efficiency(used),
        "unused_pieces": int((used[plain] == 0).sum()),
        "longest_piece_chars": max(len(tokenizer.piece(token)) for token in plain),
    }
    return figures, used


def renyi_efficiency(used: np.ndarray, alpha: float = 2.5) -> float:
    """How evenly pieces are used: their Rényi entropy, as a share of what even use would have.

    Of several tokenizers the one with the highest served machine translation best (Zouhar et al. 2023, arXiv
    2306.16842, section 4, which also gives the alpha).
    """
    share = used / used.sum()
    return float(np.log((share**alpha).sum()) / (1 - alpha) / np.log(len(used)))


def plain_pieces(tokenizer: Tokenizer) -> list[int]:
    """Ids of the pieces that are text: no marker, no byte."""
    return [token for token in range(tokenizer.vocab_size) if not tokenizer.is_special(token)]


def pieces_page(tokenizer: Tokenizer, used: np.ndarray) -> str:
    """For reading: the longest pieces, the most used, and those that validation text never used."""
    plain = plain_pieces(tokenizer)
    longest = sorted(plain, key=lambda token: (-len(tokenizer.piece(token)), token))[:SHOWN]
    most = sorted(plain, key=lambda token: (-used[token], token))[:SHOWN]
    never = [token for token in plain if not used[token]]
    parts = [
        ("The longest pieces", longest),
        ("The most used on validation text", most),
        (f"Never used there: {len(never):,} of {len(plain):,}, such as", never[:SHOWN]),
    ]
    lines = ["# Pieces", "", f"After each piece, how often validation text used it. {SPACE} is a space."]
    for title, tokens in parts:
        shown = ", ".join(f"`{tokenizer.piece(token)}` {used[token]:,}" for token in tokens)
        lines += ["", f"## {title}", "", shown or "none"]
    return "\n".join(lines) + "\n"


def segmentation_files(folder: str) -> list[Path]:
    """The `*.tsv` files in `folder` (data/raw/morph), sorted; none is no mistake.

    Raises UserError for what DVC would not see (a symlinked folder) or has not fetched.
    """
    entries = sorted(path.name for path in Path(folder).glob("*") if not path.name.startswith("."))
    if not entries and not Path(folder).is_symlink():
        return []
    absent = [name.removesuffix(".dvc") for name in entries if name.endswith(".tsv.dvc")]
    patterns = [f"{folder}/*", *(f"{folder}/{glob.escape(name)}" for name in absent)]
    return [path for path in matching_files("segmentations", patterns, folder) if path.suffix == ".tsv"]


def read_segmentations(path: Path) -> list[tuple[str, list[str]]]:
    """Rows `form<TAB>segment|segment…` whose segments join to the form; other rows are left out.

    An empty file has no rows. Raises UserError for one with lines but without such a row, or not UTF-8.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}: line {line}: not UTF-8; save the file as UTF-8") from None
    rows = []
    for row in text.split("\n"):
        form, segments, *_ = [*row.rstrip("\r").split("\t"), ""]
        parts = segments.split("|")
        if all(parts) and "".join(parts) == form:
            rows.append((form, parts))
    if content and not rows:
        raise UserError(
            f"{path}: no row of form<TAB>segment|segment whose segments join to the form;"
            " mend the file or remove it"
        )
    return rows


def read_tables(miniworld: Path, folder: str) -> dict[str, list[tuple[str, list[str]]]]:
    """The rows of every file that has some, by metric key: `miniworld`, and the names of the user's files."""
    files = [("miniworld", miniworld), *((metric_key(p.stem), p) for p in segmentation_files(folder))]
    seen: dict[str, Path] = {}
    for key, path in files:
        if key in seen:
            raise UserError(f"{path}: its figures are named {key!r}, as those of {seen[key]}; rename it")
        seen[key] = path
    tables = {key: read_segmentations(path) for key, path in files}
    return {key: rows for key, rows in tables.items() if rows}


def cuts(parts: list[str]) -> set[int]:
    """Character offsets of the boundaries inside a form made of `parts`."""
    ends, offset = set(), 0
    for part in parts[:-1]:
        offset += len(part)
        ends.add(offset)
    return ends


def morpheme_report(tokenizer: Tokenizer, rows: list[tuple[str, list[str]]]) -> dict[str, float]:
    """Precision, recall and F1 of token boundaries against morpheme boundaries inside words.

    A form is encoded as it stands in a sentence, after a space. Forms whose pieces do not spell them
    (they need byte pieces) are left out: `forms` counts the scored ones, `skipped` the others.
    """
    found = gold = both = skipped = 0
    for form, parts in rows:
        pieces = [tokenizer.piece(i).removeprefix(SPACE) for i in tokenizer.encode_word(" " + form)]
        if "".join(pieces) != form:
            skipped += 1
            continue
        mine, right = cuts([p for p in pieces if p]), cuts(parts)
        found, gold, both = found + len(mine), gold + len(right), both + len(mine & right)
    precision, recall = both / max(1, found), both / max(1, gold)
    return {
        "forms": len(rows) - skipped,
        "skipped": skipped,
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(1e-9, precision + recall),
    }
