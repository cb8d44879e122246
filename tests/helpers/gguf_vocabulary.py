"""Our vocabulary in a GGUF file, as llama.cpp reads it."""

from typing import TYPE_CHECKING

from pipeline.common.errors import UserError
from pipeline.tokenizer.special import BOS, EOS, PAD, UNK
from pipeline.tokenizer.tokenizer import Tokenizer

if TYPE_CHECKING:
    from gguf import GGUFWriter


def add_vocabulary(writer: "GGUFWriter", tokenizer: Tokenizer) -> None:
    """Write the pieces of a BPE tokenizer so that llama.cpp encodes every text into our ids.

    Its tokenizer model `llama` merges by score, as SentencePiece does; it must neither put a space before a
    text nor read `<s>` in it. Raises UserError for a unigram tokenizer: llama.cpp's ignores byte fallback.
    """
    from gguf import TokenType

    if tokenizer.kind != "bpe":
        raise UserError(
            f"{tokenizer.folder}: a unigram tokenizer; llama.cpp reads no unigram pieces with byte fallback."
            " Train with tokenizer.kind: bpe"
        )
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
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
