"""Write the folder that transformers opens: the same vocabulary in the `tokenizers` form."""

from pathlib import Path

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as FastTokenizer

from pipeline.common.io import write_atomic, write_json
from pipeline.tokenizer.chat_template import CHAT_TEMPLATE
from pipeline.tokenizer.special import (
    BOS,
    BOS_TOKEN,
    CHAT_MARKERS,
    EOS_TOKEN,
    PAD_TOKEN,
    SPECIAL_TOKENS,
    UNK,
    UNK_TOKEN,
)
from pipeline.tokenizer.tokenizer import METASPACE, Tokenizer

UNMATCHABLE_SCORE = -1e6  # log probability of a piece that no text may match


def derive_bpe_merges(ranks: dict[str, int]) -> list[tuple[str, str]]:
    """Return the BPE merges, best first, from the pieces and their ranks.

    SentencePiece merges the neighbors whose union has the best rank, the leftmost first.
    `tokenizers` needs every such pair, in order. Two pairs of one union can overlap in a text (the
    right part of one is the left part of the other). The order here lets the pair further left win
    in `tokenizers` too.
    """
    merges: list[tuple[str, str]] = []
    for piece in sorted(ranks, key=ranks.__getitem__):
        splits = [i for i in range(1, len(piece)) if piece[:i] in ranks and piece[i:] in ranks]
        splits.sort(key=lambda i: (not piece.startswith(piece[i:]), i))
        merges += [(piece[:i], piece[i:]) for i in splits]
    return merges


def build_fast_tokenizer(tokenizer: Tokenizer) -> FastTokenizer:
    """Return a `tokenizers` tokenizer with the ids of the SentencePiece model, for every text.

    A text that is not in NFC, as all training text is, is brought to it first.
    """
    pieces = [tokenizer.id_to_piece(i) for i in range(tokenizer.vocab_size)]
    if tokenizer.kind == "bpe":
        ranks = {piece: i for i, piece in enumerate(pieces) if not tokenizer.is_special(i)}
        vocab = {piece: i for i, piece in enumerate(pieces)}
        model: models.Model = models.BPE(
            vocab, derive_bpe_merges(ranks), unk_token=UNK_TOKEN, byte_fallback=True
        )
    else:
        scores = [
            (piece, UNMATCHABLE_SCORE if tokenizer.is_special(i) else tokenizer.sp.get_score(i))
            for i, piece in enumerate(pieces)
        ]
        model = models.Unigram(scores, unk_id=UNK, byte_fallback=True)
    fast = FastTokenizer(model)
    fast.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(" ", METASPACE)])
    fast.pre_tokenizer = pre_tokenizers.Split(
        Regex(f"{METASPACE}[^{METASPACE}\n]*|\n|[^{METASPACE}\n]+"), "isolated"
    )
    fast.decoder = decoders.Sequence(
        [decoders.Replace(METASPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    fast.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL_TOKENS])
    fast.post_processor = processors.TemplateProcessing(
        single=f"{BOS_TOKEN} $A", pair=f"{BOS_TOKEN} $A $B", special_tokens=[(BOS_TOKEN, BOS)]
    )
    return fast


def write_tokenizer_folder(folder: Path, model: bytes) -> None:
    """Write `tokenizer.model`, `tokenizer.json` and `tokenizer_config.json` into `folder`."""
    fast = build_fast_tokenizer(Tokenizer(model, folder))
    write_atomic(folder / "tokenizer.model", model)
    write_atomic(folder / "tokenizer.json", fast.to_str(pretty=True) + "\n")
    write_json(
        folder / "tokenizer_config.json",
        {
            # Named: transformers 5 would otherwise guess another class from the model type.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "unk_token": UNK_TOKEN,
            "bos_token": BOS_TOKEN,
            "eos_token": EOS_TOKEN,
            "pad_token": PAD_TOKEN,
            "additional_special_tokens": CHAT_MARKERS,
            "model_input_names": ["input_ids", "attention_mask"],  # no model here has token_type_ids
            "clean_up_tokenization_spaces": False,
            "split_special_tokens": False,  # true would split the markers of a rendered chat
            "padding_side": "left",  # generation continues at the right end
            "chat_template": CHAT_TEMPLATE,
        },
    )
