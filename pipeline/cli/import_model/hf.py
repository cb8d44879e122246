"""Reading of Llama, Qwen and Mistral models as `transformers` saves them. The names of weights equal ours."""

from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.cli.import_model.weights import count_layers, pop_tied_head, shape_of
from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message
from pipeline.model.config import ModelParams
from pipeline.model.hf_config import from_hf_config
from pipeline.model.hf_io import EMBEDDING

FIRST_LAYER = "model.layers.0"
DEFAULT_HEAD_DIM = 64  # the usual one, where the weights do not show it


def parse_config(
    stock: dict[str, Any], weights: dict[str, Tensor], path: Path, source: Path
) -> tuple[ModelParams, int]:
    """Return the model params and the vocabulary size of a config.json.

    Removes a tied `lm_head` from `weights`. `path` is the file of the configuration, `source` that of the
    weights. Raises UserError, naming key and value, for another architecture and for settings that our
    decoder does not support.
    """
    params, vocab_size = from_hf_config(stock, path)
    shape_of(weights, EMBEDDING, source)
    one_matrix = pop_tied_head(weights, EMBEDDING)
    if stock.get("tie_word_embeddings") is True and not one_matrix:
        raise UserError(
            "{source}: lm_head.weight differs from {embedding}, but {path} has tie_word_embeddings: true; "
            "set it to false there",
            source=source,
            embedding=EMBEDDING,
            path=path,
        )
    return params.model_copy(update={"tie_embeddings": one_matrix}), vocab_size


def infer_config(weights: dict[str, Tensor], heads: int | None, path: Path) -> dict[str, Any]:
    """Return a config.json for weights without one.

    Values that the weights do not show are the usual ones, which are printed. Raises UserError where weights
    that show the shape are missing, or heads do not fit.
    """
    vocab_size, width = shape_of(weights, EMBEDDING, path)
    ffn, _ = shape_of(weights, f"{FIRST_LAYER}.mlp.gate_proj.weight", path)
    queries, _ = shape_of(weights, f"{FIRST_LAYER}.self_attn.q_proj.weight", path)
    keys, _ = shape_of(weights, f"{FIRST_LAYER}.self_attn.k_proj.weight", path)
    query_norm = f"{FIRST_LAYER}.self_attn.q_norm.weight"
    arch = "qwen3" if query_norm in weights else "llama"
    if f"{FIRST_LAYER}.self_attn.q_proj.bias" in weights:
        arch = "qwen2"
    if arch == "qwen3":
        (head_dim,) = shape_of(weights, query_norm, path, axes=1)
        if heads is not None and heads * head_dim != queries:
            raise UserError(
                "--heads: {heads}: {path} has {count}; leave the option out",
                heads=heads,
                path=path,
                count=queries // head_dim,
            )
    else:
        head_dim = DEFAULT_HEAD_DIM if heads is None else queries // max(heads, 1)
    if not head_dim or queries % head_dim or keys % head_dim or heads not in (None, queries // head_dim):
        raise UserError(
            "{path}: heads {head_dim} wide do not make {queries} queries and {keys} keys; "
            "give --heads as trained",
            path=path,
            head_dim=head_dim,
            queries=queries,
            keys=keys,
        )
    config: dict[str, Any] = {
        "model_type": arch,
        "vocab_size": vocab_size,
        "hidden_size": width,
        "intermediate_size": ffn,
        "num_hidden_layers": count_layers(weights, "model.layers"),
        "num_attention_heads": queries // head_dim,
        "num_key_value_heads": keys // head_dim,
        "head_dim": head_dim,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
    }
    print_message(
        "{path}: weights alone; taken to be usual: {heads} heads, context 2048, rope_theta 10000.0, "
        "norm_eps 1e-06; other heads: --heads; the others: edit config.json",
        path=path,
        heads=queries // head_dim,
    )
    return config
