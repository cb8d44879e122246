"""A decoder as one HTML file that chats offline in a browser tab: open it, and it answers.

The file holds the weights in 8 bits, the tokenizer, and the pass through the network in plain JavaScript
(page/model.js). Each row of a matrix is rounded to whole numbers from -127 to 127 times a scale of its own.
"""

import base64
import html
import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.export.source import check_chat_model, check_computable
from pipeline.inference.prompts import normalize_argument
from pipeline.inference.sampling import CHAT_SAMPLING
from pipeline.model.decoder import Decoder, parameter_count
from pipeline.model.hf_io import load_decoder, read_config
from pipeline.tokenizer.chat_template import ROLES
from pipeline.tokenizer.special import BOS, END_OF_TURN, FIRST_TEXT_TOKEN
from pipeline.tokenizer.tokenizer import Tokenizer

PARTS = Path(__file__).parent / "page"
ARCHITECTURES = ("qwen3", "llama", "qwen2", "mistral")
MAX_WEIGHTS = 16_000_000  # 21 MB of text, which people can mail, and a browser reads 50 times a second


def check_page(folder: Path) -> None:
    """Raise UserError for a model folder that no page can hold. Reads no weights."""
    check_chat_model(folder)
    params = check_computable(
        folder, Translatable("the page"), ARCHITECTURES, Translatable("use `tezgah serve`")
    )
    _, vocab_size = read_config(folder)
    tokenizer = Tokenizer.load(folder)
    if tokenizer.kind != "bpe":
        raise UserError(
            "{folder}: a unigram tokenizer, and the page merges BPE pieces alone. Train with "
            "tokenizer.kind: bpe",
            folder=folder,
        )
    if tokenizer.vocab_size != vocab_size:
        raise UserError(
            "{folder}: {tokens:,} tokens in tokenizer.model, {expected:,} in config.json; copy the tokenizer "
            "that the model was trained with",
            folder=folder,
            tokens=tokenizer.vocab_size,
            expected=vocab_size,
        )
    if (weights := params.count_weights(vocab_size)) > MAX_WEIGHTS:
        raise UserError(
            "{folder}: {weights:,} weights, and a page holds {max_weights:,} at most; use "
            "`tezgah export gguf` or `tezgah serve`",
            folder=folder,
            weights=weights,
            max_weights=MAX_WEIGHTS,
        )


def write_page(path: Path, folder: Path, name: str) -> None:
    """Write the model of a folder to `path` as a page that calls it `name`.

    Raises UserError for damaged weights. `check_page` says what a page can hold.
    """
    name = normalize_argument("--name", name)
    model, tokenizer = load_decoder(folder), Tokenizer.load(folder)
    shapes, packed = pack_weights(model)
    parts = {
        "title": html.escape(name),
        "description": escape_json(describe_model(model, tokenizer, name, shapes)),
        "weights": base64.b64encode(packed).decode("ascii"),
        **{file: (PARTS / file).read_text(encoding="utf-8") for file in ("style.css", "model.js", "chat.js")},
    }
    template = (PARTS / "index.html").read_text(encoding="utf-8")
    page = re.sub(r"\{\{([\w.]+)\}\}", lambda place: parts[place[1]], template)
    path.write_bytes(page.encode("utf-8"))


def describe_model(
    model: Decoder, tokenizer: Tokenizer, name: str, shapes: dict[str, list[int]]
) -> dict[str, Any]:
    """Return all that the page must know beside the weights, whose order and `shapes` it needs too."""
    params = model.params
    return {
        "name": name,
        "parameters": parameter_count(model),
        "width": params.width,
        "layers": params.layers,
        "heads": params.heads,
        "kv_heads": params.kv_heads,
        "head_dim": params.head_dim,
        "context": params.context,
        "rope_theta": params.rope_theta,
        "norm_eps": params.norm_eps,
        "bos": BOS,
        "roles": ROLES,
        "end_of_turn": END_OF_TURN,
        "stop_ids": sorted(tokenizer.stop_ids),
        "forbidden_ids": tokenizer.forbidden_ids,
        "first_byte": FIRST_TEXT_TOKEN,
        "sampling": {
            "temperature": CHAT_SAMPLING.temperature,
            "top_p": CHAT_SAMPLING.top_p,
            "min_p": CHAT_SAMPLING.min_p,
        },
        "tensors": shapes,
        # By rank: of two merges the one whose piece comes first is made first.
        "pieces": [tokenizer.id_to_piece(token) for token in range(tokenizer.vocab_size)],
    }


def escape_json(value: Any) -> str:
    """Return a value as JSON that may stand in a <script>: a piece such as </s> must not end it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def pack_weights(model: Decoder) -> tuple[dict[str, list[int]], bytes]:
    """Return the shapes of a model's tensors, in order, and their numbers.

    First come all numbers in fp32: of a norm or bias its own, of a matrix the scales of its rows. After them
    stand the whole numbers of the matrices.
    """
    tensors = model.state_dict()
    if model.params.tie_embeddings:
        del tensors["lm_head.weight"]  # the page then multiplies by the embeddings
    floats, whole_numbers = [], []
    for tensor in tensors.values():
        numbers = tensor.detach().float().cpu()
        if tensor.ndim == 2:
            rows, numbers = quantize_rows(numbers)
            whole_numbers.append(rows.numpy().tobytes())
        floats.append(numbers.numpy().astype("<f4").tobytes())
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    return shapes, b"".join([*floats, *whole_numbers])


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of a matrix in int8, and the scale [rows] in fp32 that each is multiplied by."""
    scales = weight.abs().amax(dim=1).clamp(min=1e-12) / 127
    return (weight / scales[:, None]).round().to(torch.int8), scales


def round_weights(model: Decoder) -> Decoder:
    """Return a copy of a model whose matrices have the values that the page computes with, in fp32."""
    rounded = deepcopy(model)
    with torch.no_grad():
        for weight in rounded.parameters():
            if weight.ndim == 2:
                rows, scales = quantize_rows(weight)
                weight.copy_(rows * scales[:, None])
    return rounded
