"""TanAI-Lite checkpoints: `{step, model, optimizer, extra}`, written by its `save_checkpoint`.

https://github.com/TanayAyitmaz/TanAI-LLM-Lite (a4693ba), `tanailite/model/tanai_gpt.py`. The architecture is
our `tanai`; only the names differ.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.cli.import_model.weights import layers_in, model_params, sizes, tied
from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.model.config import ModelParams

EMBEDDING = "tok_emb.weight"  # by which a TanAI-Lite model is recognised
HEADS = 8  # TanAI-Lite's default
OUTSIDE = {
    "model.embed_tokens": "tok_emb",
    "model.embed_positions": "pos_emb",
    "model.norm": "norm",
    "lm_head": "lm_head",
}
BLOCK = {
    "input_layernorm": "norm_attn",
    "self_attn.q_proj": "q_proj",
    "self_attn.k_proj": "k_proj",
    "self_attn.v_proj": "v_proj",
    "self_attn.o_proj": "o_proj",
    "post_attention_layernorm": "norm_mlp",
    "mlp.up_proj": "ff_up",
    "mlp.down_proj": "ff_down",
}


def names(layers: int) -> dict[str, str]:
    """Our names of all weights to TanAI-Lite's."""
    inside = {
        f"model.layers.{layer}.{ours}": f"blocks.{layer}.{theirs}"
        for layer in range(layers)
        for ours, theirs in BLOCK.items()
    }
    return {f"{ours}.weight": f"{theirs}.weight" for ours, theirs in (OUTSIDE | inside).items()}


def configuration(
    weights: dict[str, Tensor], content: dict[str, Any], heads: int | None, path: Path
) -> tuple[ModelParams, int]:
    """The shape of a TanAI-Lite model and its number of pieces; takes a tied `lm_head` out of `weights`.

    The number of heads is not in the weights: it is what `extra` says, or `heads`, or 8; which one, is
    printed. Raises UserError where weights that tell the shape are missing, or heads do not fit.
    """
    vocab_size, width = sizes(weights, EMBEDDING, path)
    context, _ = sizes(weights, "pos_emb.weight", path)
    ffn, _ = sizes(weights, "blocks.0.ff_up.weight", path)
    noted = noted_in(content.get("extra"))
    heads = heads_of(noted.get("n_heads"), heads, width, path)
    config = model_params(
        path,
        arch="tanai",
        width=width,
        layers=layers_in(weights, "blocks"),
        heads=heads,
        kv_heads=heads,
        head_dim=width // heads,
        ffn=ffn,
        context=context,
        rope_theta=10000.0,  # unused: positions are learned
        norm_eps=noted.get("rms_eps", 1e-6),
        tie_embeddings=tied(weights, EMBEDDING),
    )
    return config, vocab_size


def noted_in(extra: Any) -> dict[str, Any]:
    """The configuration among what a checkpoint notes beside its weights; empty where there is none."""
    places = [extra, *extra.values()] if isinstance(extra, dict) else []
    return next((place for place in places if isinstance(place, dict) and "n_heads" in place), {})


def heads_of(noted: Any, asked: int | None, width: int, path: Path) -> int:
    """The number of heads that a checkpoint notes, or that was asked for, or the default; says which.

    Raises UserError where those two differ, or heads do not divide the width.
    """
    if noted is not None and asked is not None and noted != asked:
        raise UserError(f"--heads: {asked}: {path} was trained with {noted}; leave the option out")
    heads = noted if noted is not None else HEADS if asked is None else asked
    if type(heads) is not int or heads < 1 or width % heads:
        raise UserError(f"{path}: {heads} heads do not divide its width {width}; give --heads as trained")
    if noted is not None:
        print(translate(f"{path}: {heads} heads, as it notes itself"))
    elif asked is not None:
        print(translate(f"{path}: {heads} heads, as --heads says"))
    else:
        print(translate(f"{path}: how many heads is not noted in it; taken to be {heads}; other: --heads"))
    return heads
