"""The `tokenizer` section."""

from typing import Literal

from pydantic import Field

from pipeline.common.params import Section

# <unk> <s> </s> <pad>, four role markers, 256 bytes, and the printable ASCII characters.
SMALLEST_VOCAB = 4 + 4 + 256 + 95


class TokenizerParams(Section):
    """How the vocabulary is learned."""

    kind: Literal["bpe", "unigram"]
    vocab_size: int = Field(gt=SMALLEST_VOCAB, le=1_000_000)  # pieces, bytes and markers included
    sample_bytes: int = Field(gt=0)  # UTF-8 bytes of training text it learns from
    morphemes: bool  # no piece is learnt across a boundary of morphemes, where the analyser knows the word
    max_piece_chars: int = Field(gt=1, le=512)  # longest piece; 512 is SentencePiece's limit
