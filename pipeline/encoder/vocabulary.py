"""The encoder's vocabulary: a stock `tokenizer.json`, so that every program cuts a text as training did.

`tokenizer`  the pieces of models/tokenizer, for text in Turkish lower case
`prefix5`    the first five letters of every word; where they are rare, a shorter start and single letters

Either way *İSTANBUL'DA* and *istanbul* begin with the same piece, and a word has the same pieces wherever it
stands in a text.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from pipeline.common.errors import UserError
from pipeline.encoder.lexical import PREFIX, split_prefixes
from pipeline.tokenizer.special import BOS, BOS_TOKEN, EOS_TOKEN, PAD_TOKEN, UNK_TOKEN

VocabularyKind = Literal["tokenizer", "prefix5"]

TOKENIZER_FILE = "tokenizer.json"
CONTROL_TOKENS = [UNK_TOKEN, BOS_TOKEN, EOS_TOKEN, PAD_TOKEN]  # ids 0 to 3
SHORTER_STARTS = (4, 3, 2)  # letters of a start that stands for rare prefixes
SHORTER_SHARE = 0.15  # of the vocabulary, for such starts


def build_vocabulary(
    kind: VocabularyKind, size: int, texts: Iterable[str], tokenizer_folder: Path
) -> Tokenizer:
    """Return the vocabulary of a kind: `prefix5` of at most `size` pieces of `texts`, or the tokenizer's.

    Raises UserError where the folder has no tokenizer, or where the texts have no word.
    """
    if kind == "tokenizer":
        return lower_case_vocabulary(tokenizer_folder)
    return train_prefix_vocabulary(texts, size)


def lower_case() -> list[normalizers.Normalizer]:
    """Return the normalizers that bring a text into Turkish lower case, composed (NFC).

    The last one removes the dot that a lower() without Turkish leaves over: "İ".lower() is two characters.
    """
    return [
        normalizers.NFC(),
        normalizers.Replace("İ", "i"),
        normalizers.Replace("I", "ı"),
        normalizers.Lowercase(),
        normalizers.Replace("i\u0307", "i"),
    ]


def lower_case_vocabulary(folder: Path) -> Tokenizer:
    """Return the tokenizer of a tokenizer folder, for text in lower case with one space before each word.

    Raises UserError where the folder has none.
    """
    path = folder / TOKENIZER_FILE
    if not path.exists():
        raise UserError("{path}: no such file; run `dvc repro train_tokenizer`", path=path)
    tokenizer = Tokenizer.from_file(str(path))
    spaces = [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip(), normalizers.Prepend(" ")]
    tokenizer.normalizer = normalizers.Sequence([*lower_case(), *spaces, tokenizer.normalizer])
    tokenizer.encode_special_tokens = True  # a literal <s> in a text is three characters
    return tokenizer


def train_prefix_vocabulary(texts: Iterable[str], size: int) -> Tokenizer:
    """Return a vocabulary of at most `size` pieces: the commonest prefixes of words, and shorter starts.

    A rare prefix becomes the longest start that is a piece, and single letters (WordPiece; Wu et al. 2016,
    arXiv 1609.08144). Nothing but letters and digits counts. All letters are pieces, so a very small `size`
    is exceeded. Raises UserError where the texts have no word.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(split_prefixes(text))
    by_count = rank_by_count(counts)
    if not by_count:
        raise UserError("data/corpus/train: no word in its documents; add text")
    letters = sorted({letter for prefix in counts for letter in prefix})
    pieces = dict.fromkeys([*CONTROL_TOKENS, *letters, *(f"##{letter}" for letter in letters)])
    common = by_count[: max(0, int(size * (1 - SHORTER_SHARE)) - len(pieces))]
    pieces |= dict.fromkeys(common)
    starts: Counter[str] = Counter()
    for prefix in by_count[len(common) :]:
        for length in SHORTER_STARTS:
            if length < len(prefix):
                starts[prefix[:length]] += counts[prefix]
    for piece in [*rank_by_count(starts), *by_count]:
        if len(pieces) >= size:
            break
        pieces[piece] = None
    return make_prefix_tokenizer(list(pieces))


def rank_by_count(counts: Counter[str]) -> list[str]:
    """Return what was counted, the commonest first; of equal counts in the order of the alphabet."""
    return sorted(counts, key=lambda text: (-counts[text], text))


def make_prefix_tokenizer(pieces: Sequence[str]) -> Tokenizer:
    """Return the tokenizer that cuts words to their prefixes, and these into `pieces`."""
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token=UNK_TOKEN, max_input_chars_per_word=PREFIX))
    tokenizer.normalizer = normalizers.Sequence(lower_case())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\w+"), "removed", invert=True),
            pre_tokenizers.Split(Regex(rf"(?<=\w{{{PREFIX}}})\w+"), "removed"),
        ]
    )
    return tokenizer


def add_start_token(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer with a start token before every text, as the network reads it."""
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in CONTROL_TOKENS])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS_TOKEN} $A", special_tokens=[(BOS_TOKEN, BOS)]
    )
    tokenizer.encode_special_tokens = True
    return tokenizer


def remove_special_tokens(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer without special tokens: a table of vectors has no use for them."""
    content = json.loads(tokenizer.to_str()) | {"added_tokens": [], "post_processor": None}
    return Tokenizer.from_str(json.dumps(content))


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str]) -> list[np.ndarray]:
    """Return the token ids of each text, without special tokens."""
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [np.array(encoding.ids, np.int32) for encoding in encodings]
