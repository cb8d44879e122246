"""Measure how well a vocabulary fits Turkish, on text it was not trained on."""

import glob
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer as FastTokenizer

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.metrics import metric_key
from pipeline.text.normalize import normalize_text
from pipeline.tokenizer.tokenizer import METASPACE, Tokenizer

WORD = re.compile(r"\S+")
PIECES_PER_SECTION = 60  # of pieces.md
FALLBACK_CHARACTERS = 20  # listed there and in the metrics


def measure_text_fit(
    tokenizer: Tokenizer, documents: Iterable[dict[str, str]]
) -> tuple[dict[str, float], np.ndarray, Counter[str]]:
    """Return figures over documents (`id`, `text`), how often each piece was used [V], and byte fallback.

    The figures are compression and fidelity. Byte fallback is how often each character had no piece and was
    written as bytes. A newline is not counted, as it is a byte by design.
    Shares lie in [0, 1]. `fast_form_equal` and `exact_round_trip` are shares of documents and must be 1.
    Raises UserError for a document with a word too long, and where no document has a word.
    """
    piece_counts = np.zeros(tokenizer.vocab_size, np.int64)
    fallback: Counter[str] = Counter()
    fast = FastTokenizer.from_file(str(tokenizer.folder / "tokenizer.json"))
    fast.encode_special_tokens = True  # a literal <s> is text
    n_texts = n_bytes = n_tokens = n_words = n_single_piece = n_exact = n_equal = 0
    for document in documents:
        text = document["text"]
        try:
            ids = tokenizer.encode(text)
        except UserError as error:
            raise UserError(
                "data/corpus/val: document {id}: {error}", id=document["id"], error=error
            ) from None
        words = WORD.findall(text)
        n_texts += 1
        n_bytes += len(text.encode("utf-8"))
        n_tokens += len(ids)
        piece_counts += np.bincount(ids, minlength=len(piece_counts))
        n_words += len(words)
        n_single_piece += sum(len(tokenizer.encode_word(" " + word)) == 1 for word in words)
        fallback.update(tokenizer.decode([token for token in ids if tokenizer.is_byte(token)]))
        n_exact += tokenizer.decode(ids) == text
        n_equal += fast.encode(text, add_special_tokens=False).ids == ids
    if not n_words:
        raise UserError("data/corpus/val: no words in it; raise corpus.val_fraction or add text")
    del fallback["\n"]
    n_fallback = sum(count * len(character.encode("utf-8")) for character, count in fallback.items())
    text_ids = text_token_ids(tokenizer)
    metrics = {
        "documents": n_texts,
        "bytes_per_token": n_bytes / n_tokens,
        "tokens_per_word": n_tokens / n_words,
        "single_piece_words": n_single_piece / n_words,
        "byte_fallback_rate": n_fallback / n_tokens,
        "exact_round_trip": n_exact / n_texts,
        "fast_form_equal": n_equal / n_texts,
        "renyi_efficiency": renyi_efficiency(piece_counts),
        "unused_pieces": int((piece_counts[text_ids] == 0).sum()),
        "longest_piece_chars": max(len(tokenizer.id_to_piece(token)) for token in text_ids),
    }
    return metrics, piece_counts, fallback


def commonest_fallback(fallback: Counter[str]) -> list[tuple[str, str, int]]:
    """Return the characters most often written as bytes: (character, code as U+00DC, count), commonest first.

    Of equal counts the lower code comes first.
    """
    ranked = sorted(fallback.items(), key=lambda item: (-item[1], item[0]))[:FALLBACK_CHARACTERS]
    return [(character, f"U+{ord(character):04X}", count) for character, count in ranked]


def renyi_efficiency(piece_counts: np.ndarray, alpha: float = 2.5) -> float:
    """Rényi entropy of the pieces' use, as a share of the entropy of even use (1: all used alike).

    Of several tokenizers the one with the highest efficiency served machine translation best (Zouhar et al.
    2023, arXiv 2306.16842, section 4, which also gives the alpha).
    """
    share = piece_counts / piece_counts.sum()
    return float(np.log((share**alpha).sum()) / (1 - alpha) / np.log(len(piece_counts)))


def text_token_ids(tokenizer: Tokenizer) -> list[int]:
    """Return the ids of the pieces that are text: no special token, no byte."""
    return [token for token in range(tokenizer.vocab_size) if not tokenizer.is_special(token)]


def format_pieces_page(tokenizer: Tokenizer, piece_counts: np.ndarray, fallback: Counter[str]) -> str:
    """Return pieces.md: the longest pieces, the most used, the never used, and characters without a piece."""
    text_ids = text_token_ids(tokenizer)
    longest = sorted(text_ids, key=lambda token: (-len(tokenizer.id_to_piece(token)), token))[
        :PIECES_PER_SECTION
    ]
    most_used = sorted(text_ids, key=lambda token: (-piece_counts[token], token))[:PIECES_PER_SECTION]
    never_used = [token for token in text_ids if not piece_counts[token]]
    sections = [
        ("The longest pieces", longest),
        ("The most used on validation text", most_used),
        (
            f"Never used there: {len(never_used):,} of {len(text_ids):,}, such as",
            never_used[:PIECES_PER_SECTION],
        ),
    ]
    lines = ["# Pieces", "", f"After each piece, how often validation text used it. {METASPACE} is a space."]
    for title, tokens in sections:
        listed = ", ".join(f"`{tokenizer.id_to_piece(token)}` {piece_counts[token]:,}" for token in tokens)
        lines += ["", f"## {title}", "", listed or "none"]
    listed = ", ".join(
        f"`{character}` {code} {count:,}" if character.isprintable() else f"{code} {count:,}"
        for character, code, count in commonest_fallback(fallback)
    )
    lines += ["", f"## Characters without a piece, written as bytes: {len(fallback):,}", "", listed or "none"]
    return "\n".join(lines) + "\n"


def find_segmentation_files(folder: Path | str) -> list[Path]:
    """Return the `*.tsv` files in `folder` (data/raw/morph), sorted. There may be none.

    Raises UserError for a symlinked folder, in which DVC sees no change, and for a file not fetched by DVC.
    """
    entries = sorted(path.name for path in Path(folder).glob("*") if not path.name.startswith("."))
    if not entries and not Path(folder).is_symlink():
        return []
    absent = [name.removesuffix(".dvc") for name in entries if name.endswith(".tsv.dvc")]
    patterns = [f"{folder}/*", *(f"{folder}/{glob.escape(name)}" for name in absent)]
    return [path for path in matching_files("segmentations", patterns, folder) if path.suffix == ".tsv"]


def read_segmentations(path: Path) -> list[tuple[str, list[str]]]:
    """Return the rows `form<TAB>segment|segment…` whose segments join to the form; others are left out.

    An empty file has no rows. Raises UserError for a file of lines without such a row, or not in UTF-8.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            "{path}: line {line}: not UTF-8; save the file as UTF-8", path=path, line=line
        ) from None
    rows = []
    for row in text.split("\n"):
        form, joined, *_ = [*map(normalize_text, row.rstrip("\r").split("\t")), ""]
        segments = joined.split("|")
        if all(segments) and "".join(segments) == form:
            rows.append((form, segments))
    if content and not rows:
        raise UserError(
            "{path}: no row of form<TAB>segment|segment whose segments join to the form; fix "
            "the file or remove it",
            path=path,
        )
    return rows


def read_segmentation_tables(miniworld: Path, folder: Path | str) -> dict[str, list[tuple[str, list[str]]]]:
    """Return the rows of every file that is not empty, by metric key: `miniworld` or the user's file name."""
    files = [("miniworld", miniworld), *((metric_key(p.stem), p) for p in find_segmentation_files(folder))]
    seen: dict[str, Path] = {}
    for key, path in files:
        if key in seen:
            raise UserError(
                "{path}: its figures are named {key}, as those of {seen}; rename it",
                path=path,
                key=repr(key),
                seen=seen[key],
            )
        seen[key] = path
    tables = {key: read_segmentations(path) for key, path in files}
    return {key: rows for key, rows in tables.items() if rows}


def boundary_offsets(segments: list[str]) -> set[int]:
    """Character offsets of the boundaries inside a form made of `segments`."""
    offsets, offset = set(), 0
    for segment in segments[:-1]:
        offset += len(segment)
        offsets.add(offset)
    return offsets


def measure_morpheme_boundaries(tokenizer: Tokenizer, rows: list[tuple[str, list[str]]]) -> dict[str, float]:
    """Return precision, recall and F1 of token boundaries against morpheme boundaries inside words.

    A form is encoded as it stands in a sentence, after a space. Forms whose pieces do not spell them
    (they need byte pieces) are left out: `forms` counts the scored ones, `skipped` the others.
    """
    n_predicted = n_gold = n_both = n_skipped = 0
    for form, segments in rows:
        pieces = [tokenizer.id_to_piece(i).removeprefix(METASPACE) for i in tokenizer.encode_word(" " + form)]
        if "".join(pieces) != form:
            n_skipped += 1
            continue
        predicted, gold = boundary_offsets([p for p in pieces if p]), boundary_offsets(segments)
        n_predicted, n_gold = n_predicted + len(predicted), n_gold + len(gold)
        n_both += len(predicted & gold)
    precision, recall = n_both / max(1, n_predicted), n_both / max(1, n_gold)
    return {
        "forms": len(rows) - n_skipped,
        "skipped": n_skipped,
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(1e-9, precision + recall),
    }
