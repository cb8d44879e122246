"""Reading of TanAI-Lite checkpoints: `{step, model, optimizer, extra}`, written by its `save_checkpoint`.

https://github.com/TanayAyitmaz/TanAI-LLM-Lite (a4693ba), `tanailite/model/tanai_gpt.py`. The architecture is
our `tanai`. Only the names of weights differ.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.cli.import_model.weights import count_layers, pop_tied_head, shape_of
from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message
from pipeline.model.config import ModelParams
from pipeline.model.hf_config import make_model_params

EMBEDDING = "tok_emb.weight"  # in every TanAI-Lite model
DEFAULT_HEADS = 8  # TanAI-Lite's default
OUTER_NAMES = {
    "model.embed_tokens": "tok_emb",
    "model.embed_positions": "pos_emb",
    "model.norm": "norm",
    "lm_head": "lm_head",
}
BLOCK_NAMES = {
    "input_layernorm": "norm_attn",
    "self_attn.q_proj": "q_proj",
    "self_attn.k_proj": "k_proj",
    "self_attn.v_proj": "v_proj",
    "self_attn.o_proj": "o_proj",
    "post_attention_layernorm": "norm_mlp",
    "mlp.up_proj": "ff_up",
    "mlp.down_proj": "ff_down",
}


def weight_names(layers: int) -> dict[str, str]:
    """Return the names of all weights: ours to TanAI-Lite's."""
    inside = {
        f"model.layers.{layer}.{ours}": f"blocks.{layer}.{theirs}"
        for layer in range(layers)
        for ours, theirs in BLOCK_NAMES.items()
    }
    return {f"{ours}.weight": f"{theirs}.weight" for ours, theirs in (OUTER_NAMES | inside).items()}


def infer_config(
    weights: dict[str, Tensor], content: dict[str, Any], heads: int | None, path: Path
) -> tuple[ModelParams, int]:
    """Return the model params and the vocabulary size of a TanAI-Lite model.

    Removes a tied `lm_head` from `weights`. The number of heads is not in the weights. It is that of `extra`,
    else `heads`, else 8, and is printed. Raises UserError where weights that show the shape are missing, or
    heads do not fit.
    """
    vocab_size, width = shape_of(weights, EMBEDDING, path)
    context, _ = shape_of(weights, "pos_emb.weight", path)
    ffn, _ = shape_of(weights, "blocks.0.ff_up.weight", path)
    noted = find_noted_config(content.get("extra"))
    heads = resolve_heads(noted.get("n_heads"), heads, width, path)
    config = make_model_params(
        path,
        arch="tanai",
        width=width,
        layers=count_layers(weights, "blocks"),
        heads=heads,
        kv_heads=heads,
        head_dim=width // heads,
        ffn=ffn,
        context=context,
        rope_theta=10000.0,  # unused: positions are learned
        norm_eps=noted.get("rms_eps", 1e-6),
        tie_embeddings=pop_tied_head(weights, EMBEDDING),
    )
    return config, vocab_size


def find_noted_config(extra: Any) -> dict[str, Any]:
    """Return the configuration in the `extra` of a checkpoint, or an empty dict."""
    candidates = [extra, *extra.values()] if isinstance(extra, dict) else []
    return next((value for value in candidates if isinstance(value, dict) and "n_heads" in value), {})


def resolve_heads(noted: Any, asked: int | None, width: int, path: Path) -> int:
    """Return the number of heads that a checkpoint notes, else the one asked for, else the default.

    Prints which. Raises UserError where the first two differ, or heads do not divide the width.
    """
    if noted is not None and asked is not None and noted != asked:
        raise UserError(
            "--heads: {asked}: {path} was trained with {noted}; leave the option out",
            asked=asked,
            path=path,
            noted=noted,
        )
    heads = noted if noted is not None else DEFAULT_HEADS if asked is None else asked
    if type(heads) is not int or heads < 1 or width % heads:
        raise UserError(
            "{path}: {heads} heads do not divide its width {width}; give --heads as trained",
            path=path,
            heads=heads,
            width=width,
        )
    if noted is not None:
        print_message("{path}: {heads} heads, as it notes itself", path=path, heads=heads)
    elif asked is not None:
        print_message("{path}: {heads} heads, as --heads says", path=path, heads=heads)
    else:
        print_message(
            "{path}: how many heads is not noted in it; taken to be {heads}; other: --heads",
            path=path,
            heads=heads,
        )
    return heads
