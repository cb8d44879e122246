"""Text to token ids and back.

The canonical encoding is per word: pieces never cross a space, so a text is encoded by encoding
its words one by one. For BPE this equals SentencePiece on the whole text; for unigram it is the
definition (whole texts differ there in rare ties between equally likely segmentations).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import sentencepiece
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from sentencepiece.sentencepiece_model_pb2 import ModelProto, TrainerSpec  # type: ignore[attr-defined]

from pipeline.common.errors import UserError

UNK, BOS, EOS, PAD = 0, 1, 2, 3
WORD = re.compile(r" [^ \n]*|\n|[^ \n]+")  # a word carries the space before it; a newline is a byte
SPACE = "\u2581"  # how a space is written inside a piece
LONGEST_WORD = 1 << 16  # UTF-8 bytes; what is longer is no text, and takes SentencePiece gigabytes


def check_words(words: Iterable[bytes]) -> None:
    """Raise UserError for a word that is too long to be one."""
    for word in words:
        if len(word) > LONGEST_WORD:
            begins = word[:20].decode("utf-8", errors="ignore")
            raise UserError(
                f"text: {len(word):,} bytes without a space or newline ({begins.strip()}…); at most"
                f" {LONGEST_WORD:,} make a word, so this is no text; remove it"
            )


class Tokenizer:
    """A trained SentencePiece model. Nothing in a text is ever read as a special token."""

    def __init__(self, model: bytes, folder: Path) -> None:
        self.folder = folder
        self.sp = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.vocab_size: int = self.sp.vocab_size()
        is_bpe = ModelProto.FromString(model).trainer_spec.model_type == TrainerSpec.BPE
        self.kind = "bpe" if is_bpe else "unigram"
        self.encode_word = lru_cache(maxsize=1 << 18)(self._encode_word)

    @classmethod
    def load(cls, folder: Path | str) -> "Tokenizer":
        """Open a tokenizer folder. Raises UserError where there is none, or a damaged one."""
        folder = Path(folder)
        path = folder / "tokenizer.model"
        if not path.exists():
            raise UserError(f"{path}: no such file; run `dvc repro train_tokenizer`")
        model = path.read_bytes()
        try:
            if model:  # none would be a tokenizer without pieces
                return cls(model, folder)
        except (RuntimeError, DecodeError):
            pass
        raise UserError(f"{path}: damaged, no SentencePiece model; run `dvc repro --force train_tokenizer`")

    def _encode_word(self, word: str) -> tuple[int, ...]:
        return tuple(self.sp.encode(word))

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, none added. Raises UserError for a lone surrogate or a word of 64 KiB."""
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UserError(
                f"text: lone surrogate {text[error.start]!r} at character {error.start};"
                " it is no Unicode text, remove it"
            ) from None
        # A U+2581 in a text means a space to SentencePiece; make that so before words are cut.
        words = WORD.findall(text.replace(SPACE, " "))
        if len(text) * 4 > LONGEST_WORD:  # bytes of a character, at most
            check_words(word.encode("utf-8") for word in words)
        return [i for word in words for i in self.encode_word(word)]

    def decode(self, ids: list[int]) -> str:
        """The text of `ids`; special tokens are left out, broken UTF-8 becomes U+FFFD."""
        return self.sp.decode(list(ids))

    def piece(self, token: int) -> str:
        """How the vocabulary writes a token (a space as U+2581, a byte as <0x0A>)."""
        return self.sp.id_to_piece(token)

    def is_special(self, token: int) -> bool:
        """Whether a token is no text of its own: a marker, or one byte of a character."""
        return self.sp.is_control(token) or self.sp.is_unknown(token) or self.sp.is_byte(token)

    def is_byte(self, token: int) -> bool:
        """Whether a token stands for one byte of a character that has no piece."""
        return self.sp.is_byte(token)
