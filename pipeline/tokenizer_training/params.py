"""The `tokenizer` section."""

from typing import Literal

from pydantic import Field

from pipeline.common.params import Section
from pipeline.tokenizer.special import FIRST_TEXT_TOKEN

# Every vocabulary has a piece for each of these, however rare they are in the training text. Otherwise a
# capital such as Ü or Ğ would be two bytes, and no piece such as Ünye could be learned. ASCII is whole, so
# that code, markup and a literal "<s>" stay plain text. The marks are those of Turkish books and minutes.
TURKISH_LETTERS = "çğıöşüâîûÇĞİÖŞÜÂÎÛ"  # beyond ASCII
MARKS = "‘’“”«»…–—•·°×²₺€"
REQUIRED_CHARACTERS = "".join(map(chr, range(ord("!"), ord("~") + 1))) + TURKISH_LETTERS + MARKS

# The special tokens, 256 bytes, the space and the required characters.
BASE_VOCAB_SIZE = FIRST_TEXT_TOKEN + 256 + 1 + len(REQUIRED_CHARACTERS)


class TokenizerParams(Section):
    """The kind and size of the vocabulary, and the text that it is learned from."""

    kind: Literal["bpe", "unigram"]
    vocab_size: int = Field(gt=BASE_VOCAB_SIZE, le=1_000_000)  # pieces, bytes and special tokens included
    sample_bytes: int = Field(gt=0)  # UTF-8 bytes of training text it learns from
    morphemes: bool  # no piece is learned across a morpheme boundary, where the analyzer knows the word
    max_piece_chars: int = Field(gt=1, le=512)  # longest piece; 512 is SentencePiece's limit
