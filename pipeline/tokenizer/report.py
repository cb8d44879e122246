"""How well a vocabulary fits Turkish, measured on text it was not trained on."""

import re
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer

from pipeline.errors import UserError
from pipeline.tokenizer.tokenizer import SPACE, Tokenizer

WORD = re.compile(r"\S+")


def text_report(tokenizer: Tokenizer, texts: Iterable[str]) -> dict[str, float]:
    """Compression and fidelity over `texts`; shares are between 0 and 1.

    `fast_form_equal` and `exact_round_trip` are shares of documents and must be 1.
    """
    fast = FastTokenizer.from_file(str(tokenizer.folder / "tokenizer.json"))
    fast.encode_special_tokens = True  # a literal <s> is text
    n_texts = n_bytes = n_tokens = n_words = single = fallback = exact = equal = 0
    for text in texts:
        ids = tokenizer.encode(text)
        words = WORD.findall(text)
        n_texts += 1
        n_bytes += len(text.encode("utf-8"))
        n_tokens += len(ids)
        n_words += len(words)
        single += sum(len(tokenizer.encode_word(" " + word)) == 1 for word in words)
        fallback += sum(map(tokenizer.is_byte, ids)) - text.count("\n")  # a newline is a byte by design
        exact += tokenizer.decode(ids) == text
        equal += fast.encode(text, add_special_tokens=False).ids == ids
    if not n_words:
        raise UserError("data/corpus/val: no words in it; raise corpus.val_fraction or add text")
    return {
        "documents": n_texts,
        "bytes_per_token": n_bytes / n_tokens,
        "tokens_per_word": n_tokens / n_words,
        "single_piece_words": single / n_words,
        "byte_fallback_rate": fallback / n_tokens,
        "exact_round_trip": exact / n_texts,
        "fast_form_equal": equal / n_texts,
    }


def read_segmentations(path: Path) -> list[tuple[str, list[str]]]:
    """Rows `form<TAB>segment|segment…` whose segments join to the form; other rows are left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        form, _, segments = line.partition("\t")
        parts = segments.split("\t")[0].split("|")
        if "".join(parts) == form:
            rows.append((form, parts))
    return rows


def cuts(parts: list[str]) -> set[int]:
    """Character offsets of the boundaries inside a form made of `parts`."""
    ends, offset = set(), 0
    for part in parts[:-1]:
        offset += len(part)
        ends.add(offset)
    return ends


def morpheme_report(tokenizer: Tokenizer, rows: list[tuple[str, list[str]]]) -> dict[str, float]:
    """Precision, recall and F1 of token boundaries against morpheme boundaries inside words.

    A word is encoded as it stands in a sentence, after a space. Words that need byte pieces count
    with the boundaries between whole characters only.
    """
    found = gold = both = 0
    for form, parts in rows:
        pieces = [tokenizer.piece(i).removeprefix(SPACE) for i in tokenizer.encode_word(" " + form)]
        if "".join(pieces) != form:  # byte pieces
            continue
        mine, right = cuts([p for p in pieces if p]), cuts(parts)
        found, gold, both = found + len(mine), gold + len(right), both + len(mine & right)
    precision, recall = both / max(1, found), both / max(1, gold)
    return {
        "forms": len(rows),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(1e-9, precision + recall),
    }
