"""Write the folder that transformers opens: the same vocabulary in the `tokenizers` form."""

from pathlib import Path

from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as FastTokenizer

from pipeline.common.io import write_json, write_whole
from pipeline.tokenizer.chat_template import MARKERS, TEMPLATE
from pipeline.tokenizer.tokenizer import SPACE, Tokenizer

SPECIALS = ["<unk>", "<s>", "</s>", "<pad>", *MARKERS]
NEVER = -1e6  # log probability of a piece that text must not match


def merges(ranks: dict[str, int]) -> list[tuple[str, str]]:
    """BPE merges, best first, from the pieces and their ranks.

    SentencePiece merges the neighbours whose union has the best rank, the leftmost first;
    `tokenizers` wants every such pair in an order of its own. Pairs with one union are ordered so
    that, where two of them overlap in a text (the right part of one is the left part of the
    other), the one that lies further left wins there too.
    """
    result: list[tuple[str, str]] = []
    for piece in sorted(ranks, key=ranks.__getitem__):
        cuts = [i for i in range(1, len(piece)) if piece[:i] in ranks and piece[i:] in ranks]
        cuts.sort(key=lambda i: (not piece.startswith(piece[i:]), i))
        result += [(piece[:i], piece[i:]) for i in cuts]
    return result


def fast_tokenizer(tokenizer: Tokenizer) -> FastTokenizer:
    """The `tokenizers` twin of a SentencePiece model: the same ids for every text."""
    pieces = [tokenizer.piece(i) for i in range(tokenizer.vocab_size)]
    if tokenizer.kind == "bpe":
        ranks = {piece: i for i, piece in enumerate(pieces) if not tokenizer.is_special(i)}
        vocab = {piece: i for i, piece in enumerate(pieces)}
        model: models.Model = models.BPE(vocab, merges(ranks), unk_token="<unk>", byte_fallback=True)
    else:
        scores = [
            (piece, NEVER if tokenizer.is_special(i) else tokenizer.sp.get_score(i))
            for i, piece in enumerate(pieces)
        ]
        model = models.Unigram(scores, unk_id=0, byte_fallback=True)
    fast = FastTokenizer(model)
    fast.normalizer = normalizers.Replace(" ", SPACE)
    fast.pre_tokenizer = pre_tokenizers.Split(Regex(f"{SPACE}[^{SPACE}\n]*|\n|[^{SPACE}\n]+"), "isolated")
    fast.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    fast.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIALS])
    fast.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)]
    )
    return fast


def write_folder(folder: Path, model: bytes) -> None:
    """Write `tokenizer.model`, `tokenizer.json` and `tokenizer_config.json` into `folder`."""
    fast = fast_tokenizer(Tokenizer(model, folder))
    write_whole(folder / "tokenizer.model", model)
    write_whole(folder / "tokenizer.json", fast.to_str(pretty=True) + "\n")
    write_json(
        folder / "tokenizer_config.json",
        {
            # Named, because transformers 5 would guess another class from the model type.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "unk_token": "<unk>",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "pad_token": "<pad>",
            "additional_special_tokens": MARKERS,
            "clean_up_tokenization_spaces": False,
            "split_special_tokens": False,  # true would shatter the markers of a rendered chat
            "padding_side": "left",  # generation continues the right end
            "chat_template": TEMPLATE,
        },
    )
