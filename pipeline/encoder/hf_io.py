"""Write and read the encoder's folder, which `SentenceTransformer(folder)` opens without code of ours.

The network is the chain ModernBERT, WordWeights, Pooling (mean), Normalize. The table of vectors is
StaticEmbedding, Normalize. `search.json` is ours: the weights of the cosines beside a word search.
"""

import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from tokenizers import Tokenizer
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.io import write_atomic, write_json
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.model import NORM_EPS, Encoder, EncoderConfig
from pipeline.encoder.table import TableConfig, VectorTable
from pipeline.encoder.vocabulary import TOKENIZER_FILE, add_start_token, remove_special_tokens
from pipeline.model.hf_folder import load_weights, parse_config, read_json, read_safetensors, require_file
from pipeline.tokenizer.special import BOS, BOS_TOKEN, EOS, EOS_TOKEN, PAD, PAD_TOKEN, UNK_TOKEN

HF_NAMES = {  # our names to the keys of config.json
    "vocab_size": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "ffn": "intermediate_size",
    "context": "max_position_embeddings",
    "rope_theta": "global_rope_theta",
}
MODULES_FILE, SEARCH_FILE, WEIGHTS_FILE = "modules.json", "search.json", "model.safetensors"
SEARCH_WEIGHTS = ("hybrid_weight", "prefix_weight")  # see TextEncoder
WORD_WEIGHTS, POOLING = "1_WordWeights", "2_Pooling"  # folders of modules
ADVICE = Translatable("run `dvc repro train_encoder`")


def save_encoder(folder: Path, encoder: TextEncoder) -> None:
    """Write weights, configuration and vocabulary into the existing `folder`.

    Modules and keys have their older names throughout, which sentence-transformers 2 to 6 read; a table
    takes 3.2 or later.
    """
    model = encoder.model
    if isinstance(model, Encoder):
        save_network(folder, model, encoder.tokenizer)
    else:
        save_weights(folder / WEIGHTS_FILE, model.state_dict())
        write_json(folder / MODULES_FILE, list_modules({"": "StaticEmbedding", "1_Normalize": "Normalize"}))
        write_json(folder / "1_Normalize" / "config.json", {})
        tokenizer = remove_special_tokens(encoder.tokenizer)
        write_atomic(folder / TOKENIZER_FILE, tokenizer.to_str(pretty=True) + "\n")
    similarity: dict[str, Any] = {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"}
    write_json(folder / "config_sentence_transformers.json", similarity)
    write_json(folder / SEARCH_FILE, {name: getattr(encoder, name) for name in SEARCH_WEIGHTS})


def save_network(folder: Path, encoder: Encoder, tokenizer: Tokenizer) -> None:
    """Write what is particular to the network: ModernBERT, its word weights, pooling, and the vocabulary."""
    config = encoder.config
    save_weights(folder / WEIGHTS_FILE, encoder.state_dict())
    dtype = next(encoder.parameters()).dtype
    write_json(folder / "config.json", make_hf_config(config, dtype))
    modules = {"": "Transformer", WORD_WEIGHTS: "WordWeights", POOLING: "Pooling", "3_Normalize": "Normalize"}
    write_json(folder / MODULES_FILE, list_modules(modules))
    write_json(
        folder / "sentence_bert_config.json", {"max_seq_length": config.context, "do_lower_case": False}
    )
    # Every piece is named: for one that is not, WordWeights would look for its lower case.
    pieces = [tokenizer.id_to_token(i) for i in range(config.vocab_size)]
    weights = dict(zip(pieces, encoder.token_weights.tolist(), strict=True))
    word_weights = {"vocab": pieces, "word_weights": weights, "unknown_word_weight": 0.0}
    write_json(folder / WORD_WEIGHTS / "config.json", word_weights)
    save_weights(
        folder / WORD_WEIGHTS / WEIGHTS_FILE, {"emb_layer.weight": encoder.token_weights.float()[:, None]}
    )
    pooling = {
        "word_embedding_dimension": config.width,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    write_json(folder / POOLING / "config.json", pooling)
    write_json(folder / "3_Normalize" / "config.json", {})
    write_atomic(folder / TOKENIZER_FILE, add_start_token(tokenizer).to_str(pretty=True) + "\n")
    write_json(folder / "tokenizer_config.json", make_tokenizer_config(config.context))


def save_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Write tensors as safetensors."""
    content = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    write_atomic(path, save(content, metadata={"format": "pt"}))


def list_modules(types: dict[str, str]) -> list[dict[str, Any]]:
    """Return the content of `modules.json`: the chain of modules, from their folders to their types."""
    return [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{module_type}"}
        for i, (path, module_type) in enumerate(types.items())
    ]


def make_tokenizer_config(context: int) -> dict[str, Any]:
    """Return the `tokenizer_config.json` of the network, whose vocabulary is `tokenizer.json`."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "padding_side": "right",
        "truncation_side": "right",
        "unk_token": UNK_TOKEN,
        "bos_token": BOS_TOKEN,
        "eos_token": EOS_TOKEN,
        "pad_token": PAD_TOKEN,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,  # no text stands for a special token: a literal <s> is three characters
    }


def make_hf_config(config: EncoderConfig, dtype: torch.dtype) -> dict[str, Any]:
    """Return ModernBERT's `config.json`, its rotary base and attention pattern for transformers 4 and 5."""
    rope = {"rope_type": "default", "rope_theta": config.rope_theta}
    return {
        "architectures": ["ModernBertModel"],
        "model_type": "modernbert",
        "dtype": str(dtype).removeprefix("torch."),
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "intermediate_size": config.ffn,
        "max_position_embeddings": config.context,
        "hidden_activation": "gelu",
        "norm_eps": NORM_EPS,
        "norm_bias": False,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "embedding_dropout": 0.0,
        "mlp_dropout": 0.0,
        # transformers 4
        "global_attn_every_n_layers": 1,
        "global_rope_theta": config.rope_theta,
        "local_rope_theta": config.rope_theta,
        "reference_compile": False,
        # transformers 5
        "layer_types": ["full_attention"] * config.layers,
        "rope_parameters": {"full_attention": rope, "sliding_attention": dict(rope)},
        "bos_token_id": BOS,
        "cls_token_id": BOS,
        "eos_token_id": EOS,
        "sep_token_id": EOS,
        "pad_token_id": PAD,
    }


def load_encoder(folder: Path | str, device: torch.device | str = "cpu") -> TextEncoder:
    """Load an encoder that `save_encoder` wrote, in eval mode.

    Raises UserError where the folder is missing or damaged, holds another kind of model or one of an earlier
    version, or its weights do not fit its configuration.
    """
    folder = Path(folder)
    weights = read_search_weights(folder)
    tokenizer_path = require_file(folder / TOKENIZER_FILE, ADVICE)
    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise UserError(
            "{path}: damaged: {error}; {advice}", path=tokenizer_path, error=error, advice=ADVICE
        ) from None
    is_network = (folder / "config.json").exists()
    model = load_network(folder, tokenizer) if is_network else load_table(folder, tokenizer)
    tokenizer.encode_special_tokens = True
    return TextEncoder(model.to(device).eval(), tokenizer, **weights)


def read_search_weights(folder: Path) -> dict[str, float]:
    """Return the weights of `search.json`. Raises UserError where one is missing or no number."""
    search, weights = read_json(find_search_file(folder)), {}
    for name in SEARCH_WEIGHTS:
        try:
            weights[name] = float(search[name])
            if not math.isfinite(weights[name]):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise UserError(
                "{path}: {name} is no number; {advice}", path=folder / SEARCH_FILE, name=name, advice=ADVICE
            ) from None
    return weights


def find_search_file(folder: Path) -> Path:
    """Return the path of `search.json`. Raises UserError where the folder has none."""
    if (folder / MODULES_FILE).exists() and not (folder / SEARCH_FILE).exists():
        raise UserError(
            "{folder}: not an encoder of this version: no {file}; {advice}",
            folder=folder,
            file=SEARCH_FILE,
            advice=ADVICE,
        )
    return require_file(folder / SEARCH_FILE, ADVICE)


def load_network(folder: Path, tokenizer: Tokenizer) -> Encoder:
    """Load ModernBERT and its word weights."""
    path = folder / "config.json"
    hf_config = read_json(path)
    if hf_config.get("model_type") != "modernbert" or hf_config.get("global_attn_every_n_layers") != 1:
        raise UserError(
            "{path}: model_type {kind}: not an encoder written here",
            path=path,
            kind=repr(hf_config.get("model_type")),
        )
    encoder = Encoder(parse_config(hf_config, HF_NAMES, EncoderConfig, path))
    if encoder.config.vocab_size != tokenizer.get_vocab_size():
        raise UserError(
            "{path}: vocab_size {vocab_size}, but {file} has {pieces} pieces; {advice}",
            path=path,
            vocab_size=encoder.config.vocab_size,
            file=TOKENIZER_FILE,
            pieces=tokenizer.get_vocab_size(),
            advice=ADVICE,
        )
    path = require_file(folder / WEIGHTS_FILE, ADVICE)
    load_weights(encoder, read_safetensors(path), path, assign=True)
    path = require_file(folder / WORD_WEIGHTS / WEIGHTS_FILE, ADVICE)
    weights = read_safetensors(path).get("emb_layer.weight")
    if weights is None or weights.shape != (encoder.config.vocab_size, 1):
        raise UserError(
            "{path}: no weight for each of {pieces} pieces; {advice}",
            path=path,
            pieces=encoder.config.vocab_size,
            advice=ADVICE,
        )
    encoder.token_weights = weights[:, 0]
    return encoder


def load_table(folder: Path, tokenizer: Tokenizer) -> VectorTable:
    """Load a table of vectors, one for each piece of the vocabulary."""
    path = require_file(folder / WEIGHTS_FILE, ADVICE)
    weights = read_safetensors(path)
    vectors = weights.get("embedding.weight")
    if vectors is None or vectors.ndim != 2 or len(vectors) != tokenizer.get_vocab_size():
        raise UserError(
            "{path}: no vector for each of {pieces} pieces; not an encoder written here",
            path=path,
            pieces=tokenizer.get_vocab_size(),
        )
    table = VectorTable(TableConfig(vocab_size=len(vectors), width=vectors.shape[1]))
    load_weights(table, weights, path, assign=True)
    return table
