"""A decoder as one GGUF file, which llama.cpp, Ollama and LM Studio open.

The layout is that of llama.cpp's own converter (github.com/ggml-org/llama.cpp, convert_hf_to_gguf.py): norms
and biases in fp32, matrices and embeddings in the type that is asked for.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.export.gguf_vocabulary import add_vocabulary, check_vocabulary
from pipeline.export.source import check_computable
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import load_decoder
from pipeline.tokenizer.chat_template import CHAT_TEMPLATE
from pipeline.tokenizer.tokenizer import Tokenizer

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType

OWN_TYPES = ("f32", "f16", "bf16", "q8_0")  # that are written here; others by llama-quantize
LLAMA_CPP_TYPES = ("q2_k", "q3_k_m", "q4_0", "q4_k_m", "q5_k_m", "q6_k", "iq4_nl", "iq4_xs")
TYPES = (*OWN_TYPES, *LLAMA_CPP_TYPES)
# Our architectures, and what llama.cpp calls them.
ARCHITECTURES = {"qwen3": "qwen3", "llama": "llama", "mistral": "llama", "qwen2": "qwen2"}
# The template of our chats without the tags for training masks, which llama.cpp does not know.
TEMPLATE = CHAT_TEMPLATE.replace("{% generation %}", "").replace("{% endgeneration %}", "")


def check_exportable(folder: Path) -> ModelParams:
    """Return the params of a model folder. Raises UserError for one that no GGUF file can hold."""
    advice = Translatable("use llama.cpp's convert_hf_to_gguf.py")
    params = check_computable(folder, "llama.cpp", ARCHITECTURES, advice)
    check_vocabulary(Tokenizer.load(folder))
    return params


def check_type(type: str) -> str:
    """Return a type as it is called here. Raises UserError for one not known, or whose tool is not there."""
    type = type.lower()
    if type not in TYPES:
        raise UserError("--type: {kind}: not one of {types}", kind=repr(type), types=", ".join(TYPES))
    if type in LLAMA_CPP_TYPES and shutil.which("llama-quantize") is None:
        raise UserError(
            "--type: {kind}: llama.cpp's llama-quantize makes it, and it is not on the PATH; "
            "install llama.cpp, or take one of {own_types}",
            kind=type,
            own_types=", ".join(OWN_TYPES),
        )
    return type


def write_gguf(path: Path, folder: Path, type: str, name: str) -> None:
    """Write the model of a folder to `path` as one of TYPES (`check_type`, `check_exportable`).

    Raises UserError for damaged weights, and where llama-quantize fails.
    """
    model, tokenizer = load_decoder(folder), Tokenizer.load(folder)
    if type in OWN_TYPES:
        write_model(path, model, tokenizer, type, name)
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as made:
        whole = Path(made, "f32.gguf")
        write_model(whole, model, tokenizer, "f32", name)
        done = subprocess.run(
            ["llama-quantize", whole, path, type.upper()], capture_output=True, text=True, check=False
        )
    if done.returncode or not path.is_file():
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise UserError(
            "llama-quantize: {fault}; take one of {own_types}",
            fault=lines[-1] if lines else Translatable("exit status {status}", status=done.returncode),
            own_types=", ".join(OWN_TYPES),
        )


def write_model(path: Path, model: Decoder, tokenizer: Tokenizer, type: str, name: str) -> None:
    """Write a model and its vocabulary to `path` in one of OWN_TYPES."""
    import gguf

    params = model.params
    arch = ARCHITECTURES[params.arch]
    writer = gguf.GGUFWriter(path, arch)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_languages(["tr"])
    prefix = "ALL" if type == "f32" else "MOSTLY"
    writer.add_file_type(gguf.LlamaFileType[f"{prefix}_{type.upper()}"])
    writer.add_vocab_size(model.vocab_size)
    writer.add_context_length(params.context)
    writer.add_embedding_length(params.width)
    writer.add_block_count(params.layers)
    writer.add_feed_forward_length(params.ffn)
    writer.add_head_count(params.heads)
    writer.add_head_count_kv(params.kv_heads)
    writer.add_key_length(params.head_dim)
    writer.add_value_length(params.head_dim)
    writer.add_rope_dimension_count(params.head_dim)
    writer.add_rope_freq_base(params.rope_theta)
    writer.add_layer_norm_rms_eps(params.norm_eps)
    add_vocabulary(writer, tokenizer)
    writer.add_chat_template(TEMPLATE)

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], params.layers)
    weights = model.state_dict()
    if params.tie_embeddings:
        del weights["lm_head.weight"]  # llama.cpp then multiplies by the embeddings
    for own_name, weight in weights.items():
        tensor = weight.detach().float().cpu().numpy()
        if arch == "llama" and ".q_proj." in own_name:
            tensor = permute_heads(tensor, params.heads)
        elif arch == "llama" and ".k_proj." in own_name:
            tensor = permute_heads(tensor, params.kv_heads)
        tensor, stored_as = quantize(tensor, type)
        stock_name = names.get_name(own_name, try_suffixes=(".weight", ".bias"))
        assert stock_name, own_name
        writer.add_tensor(stock_name, tensor, raw_dtype=stored_as)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def quantize(tensor: np.ndarray, type: str) -> tuple[np.ndarray, "GGMLQuantizationType"]:
    """Return a tensor as GGUF stores it, and its type.

    Norms and biases stay in fp32. A matrix whose rows do not divide into the blocks of a type is stored in
    fp16, as llama.cpp's converter does.
    """
    from gguf import GGMLQuantizationType, quants
    from gguf.constants import GGML_QUANT_SIZES

    stored_as = GGMLQuantizationType["F32" if tensor.ndim == 1 else type.upper()]
    block, _ = GGML_QUANT_SIZES[stored_as]
    if tensor.shape[-1] % block:
        stored_as = GGMLQuantizationType.F16
    return quants.quantize(tensor, stored_as), stored_as


def permute_heads(weight: np.ndarray, heads: int) -> np.ndarray:
    """Return the rows of a query or key matrix in the order that llama.cpp's `llama` turns them.

    Ours rotates number i of a head with number i + K/2, llama.cpp's number 2i with 2i + 1.
    """
    halves = weight.reshape(heads, 2, -1, *weight.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(weight.shape)
