"""Text to token ids and back.

The canonical encoding is per word: pieces never cross a space, so a text is encoded by encoding
its words one by one. For BPE this equals SentencePiece on the whole text; for unigram it is the
definition (whole texts differ there in rare ties between equally likely segmentations).
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import sentencepiece
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from sentencepiece.sentencepiece_model_pb2 import ModelProto, TrainerSpec  # type: ignore[attr-defined]

from pipeline.common.errors import UserError
from pipeline.tokenizer.chat_template import ROLES, Message
from pipeline.tokenizer.special import (
    ASSISTANT,
    BOS,
    END_OF_TURN,
    EOS,
    FIRST_TEXT_TOKEN,
    PAD,
    SPECIAL_TOKENS,
    UNK,
)

WORD = re.compile(r" [^ \n]*|\n|[^ \n]+")  # a word carries the space before it; a newline is a byte
METASPACE = "\u2581"  # stands for a space inside a piece
MAX_WORD_BYTES = 1 << 16  # of UTF-8; a longer word is no text, and SentencePiece needs gigabytes for it


def check_word_lengths(words: Iterable[bytes]) -> None:
    """Raise UserError for a word longer than MAX_WORD_BYTES."""
    for word in words:
        if len(word) > MAX_WORD_BYTES:
            start = word[:20].decode("utf-8", errors="ignore")
            raise UserError(
                "text: {count:,} bytes without a space or newline ({start}…); at most "
                "{max_word_bytes:,} make a word, so this is no text; remove it",
                count=len(word),
                start=start.strip(),
                max_word_bytes=MAX_WORD_BYTES,
            )


class Tokenizer:
    """A trained SentencePiece model. Nothing in a text is ever read as a special token."""

    stop_ids: Collection[int] = frozenset({EOS, END_OF_TURN})
    forbidden_ids: Sequence[int] = [
        UNK,
        BOS,
        PAD,
    ]  # never generated, whatever score an untrained row gives them

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
            raise UserError("{path}: no such file; run `dvc repro train_tokenizer`", path=path)
        model = path.read_bytes()
        try:
            if model:  # an empty file would open as a tokenizer without pieces
                return cls(model, folder)
        except (RuntimeError, DecodeError):
            pass
        raise UserError(
            "{path}: damaged, no SentencePiece model; run `dvc repro --force train_tokenizer`", path=path
        )

    def _encode_word(self, word: str) -> tuple[int, ...]:
        return tuple(self.sp.encode(word))

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`, with no special token added.

        Raises UserError for a lone surrogate or a word longer than MAX_WORD_BYTES.
        """
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UserError(
                "text: lone surrogate {text} at character {start}; it is no Unicode text, remove it",
                text=repr(text[error.start]),
                start=error.start,
            ) from None
        # SentencePiece reads a U+2581 in a text as a space; do the same before the split into words.
        words = WORD.findall(text.replace(METASPACE, " "))
        if len(text) * 4 > MAX_WORD_BYTES:  # a character has four bytes at most
            check_word_lengths(word.encode("utf-8") for word in words)
        return [i for word in words for i in self.encode_word(word)]

    def encode_start(self, text: str) -> list[int]:
        """Return the ids of plain text that a model continues: `<s>` and its tokens."""
        return [BOS, *self.encode(text)]

    def encode_conversation(self, messages: Sequence[Message]) -> tuple[list[int], list[range]]:
        """Return a conversation's ids, and where in them each answer of the assistant stands.

        An answer is the words and the `<|end|>` after them, without the marker, which the program sets.
        """
        ids, answers = [BOS], []
        for message in messages:
            ids.append(ROLES[message["role"]])
            start = len(ids)
            ids += [*self.encode(message["content"].strip()), END_OF_TURN]
            if message["role"] == "assistant":
                answers.append(range(start, len(ids)))
        return ids, answers

    def encode_prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the ids that an answer continues: the conversation so far and the assistant's marker."""
        return [*self.encode_conversation(messages)[0], ASSISTANT]

    def decode(self, ids: list[int]) -> str:
        """Return the text of `ids`. Special tokens are left out, broken UTF-8 becomes U+FFFD."""
        return self.sp.decode(list(ids))

    def id_to_piece(self, token: int) -> str:
        """Return a token as the vocabulary writes it (a space as U+2581, a byte as <0x0A>)."""
        return self.sp.id_to_piece(token)

    def show_token(self, token: int) -> str | None:
        """Return how the vocabulary writes a special token, None for a token of text."""
        return SPECIAL_TOKENS[token] if token < FIRST_TEXT_TOKEN else None

    def is_special(self, token: int) -> bool:
        """Return true for a token that is no text of its own: a special token, or one byte of a character."""
        return self.sp.is_control(token) or self.sp.is_unknown(token) or self.sp.is_byte(token)

    def is_byte(self, token: int) -> bool:
        """Return true for a token that stands for one byte of a character without a piece."""
        return self.sp.is_byte(token)
