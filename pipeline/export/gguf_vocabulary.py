"""Our vocabulary in a GGUF file, so that llama.cpp encodes every text into our ids."""

from typing import TYPE_CHECKING

from pipeline.common.errors import UserError
from pipeline.tokenizer.special import BOS, END_OF_TURN, EOS, PAD, UNK
from pipeline.tokenizer.tokenizer import Tokenizer

if TYPE_CHECKING:
    from gguf import GGUFWriter


def check_vocabulary(tokenizer: Tokenizer) -> None:
    """Raise UserError for a unigram tokenizer: llama.cpp's unigram ignores byte fallback."""
    if tokenizer.kind != "bpe":
        raise UserError(
            "{folder}: a unigram tokenizer; llama.cpp reads no unigram pieces with byte "
            "fallback. Train with tokenizer.kind: bpe",
            folder=tokenizer.folder,
        )


def add_vocabulary(writer: "GGUFWriter", tokenizer: Tokenizer) -> None:
    """Write the pieces of a BPE tokenizer with their scores and kinds.

    llama.cpp's tokenizer model `llama` merges by score, as SentencePiece does. It must neither put a space
    before a text nor read `<s>` in it. Raises UserError for a unigram tokenizer.
    """
    from gguf import TokenType

    check_vocabulary(tokenizer)
    token_types = []
    for token in range(tokenizer.vocab_size):
        if tokenizer.is_byte(token):
            token_types.append(TokenType.BYTE)
        elif token == UNK:
            token_types.append(TokenType.UNKNOWN)
        else:
            token_types.append(TokenType.CONTROL if tokenizer.is_special(token) else TokenType.NORMAL)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(
        [tokenizer.id_to_piece(token).encode("utf-8") for token in range(tokenizer.vocab_size)]
    )
    writer.add_token_scores([tokenizer.sp.get_score(token) for token in range(tokenizer.vocab_size)])
    writer.add_token_types(token_types)
    writer.add_unk_token_id(UNK)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_eot_token_id(END_OF_TURN)
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
