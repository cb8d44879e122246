"""The model that is tuned: the base of this project or a model from elsewhere, all of it or with LoRA."""

import glob
import shutil
from pathlib import Path
from typing import Any

import torch

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.paths import BASE_MODEL, RAW_MODEL
from pipeline.device.device import pick_device, pick_precision
from pipeline.model.decoder import Decoder
from pipeline.model.hf_folder import read_json
from pipeline.model.hf_io import (
    COMPANION_FILES,
    find_weight_files,
    load_decoder,
    read_config,
    save_decoder,
    write_model_folder,
)
from pipeline.pretrained.adapter import add_adapter, merge_adapter, write_adapter
from pipeline.pretrained.quantize import check_widths
from pipeline.pretrained.tokenizer import has_own_tokenizer, load_chat_tokenizer
from pipeline.sft.params import SftParams, check_context
from pipeline.tokenizer.chat_template import ChatTokenizer

KEY = "params.yaml: sft.init_from"
ADAPTER = "adapter"  # the folder beside the merged weights
FROZEN_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def check_base(params: SftParams, root: Path = Path()) -> None:
    """Raise UserError where the model of `sft.init_from` cannot be tuned so. `root`: the project's folder.

    Its weights are not read, and of the base of this project nothing: it may not be there yet.
    """
    if params.init_from == str(BASE_MODEL):
        return
    list_base_files(params, root)
    folder = root / params.init_from
    model_params, _ = read_config(folder)
    check_context(params, model_params.context)
    if not has_own_tokenizer(folder) and not has_chat_template(folder):
        raise UserError(
            f"{KEY}: {params.init_from}: no chat template, as in models that were not tuned; put one beside"
            " it as chat_template.jinja, or choose the version for chats (often named instruct)"
        )
    if params.lora.bits == 4:
        check_widths(model_params, params.init_from)


def has_chat_template(folder: Path) -> bool:
    """Return whether a model folder has a chat template, in a file of its own or among the tokenizer's."""
    path = folder / "tokenizer_config.json"
    return (folder / "chat_template.jinja").is_file() or (
        path.is_file() and bool(read_json(path).get("chat_template"))
    )


def list_base_files(params: SftParams, root: Path = Path()) -> list[Path]:
    """Return the files that the tuning depends on: those of the model, and of an adapter to go on from.

    Raises UserError where one is missing, or outside the folders that DVC tracks.
    """
    files = []
    folders = {KEY: params.init_from, "params.yaml: sft.lora.adapter": params.lora.adapter}
    for key, name in folders.items():
        if name is None:
            continue
        folder = name.rstrip("/")
        if not (root / folder).exists() and (root / f"{folder}.dvc").is_file():
            raise UserError(f"{key}: {name}: its data is absent; run `dvc pull {folder}.dvc`")
        if folder == str(BASE_MODEL):
            find_weight_files(root / folder)
            files += sorted(path for path in (root / folder).iterdir() if path.is_file())
        else:
            files += matching_files(key, [f"{glob.escape(folder)}/*.*"], RAW_MODEL, root)
    return files


def load_base(params: SftParams, seed: int, device_name: str) -> tuple[Decoder, ChatTokenizer]:
    """Return the model to tune and its tokenizer. With LoRA its own weights are frozen, in 16 or 4 bits.

    Raises UserError where it cannot be tuned so.
    """
    check_base(params)
    folder = Path(params.init_from)
    tokenizer = load_chat_tokenizer(folder)
    if params.lora.bits == 4:
        check_widths(read_config(folder)[0], params.init_from)
    if params.lora.rank == 0:
        model = load_decoder(folder)
    else:
        device = pick_device(device_name)
        model = load_decoder(folder, dtype=FROZEN_DTYPES[pick_precision(params.precision, device)])
        add_adapter(model, params.lora, seed, device)
    check_context(params, model.context)
    model.set_activation_checkpointing(params.checkpointing)
    return model, tokenizer


def write_tuned(folder: Path, model: Decoder, params: SftParams) -> None:
    """Write the tuned model to a folder, and with LoRA its adapter beside it.

    The adapter is merged into `model`, in place. Configuration and tokenizer are those of `sft.init_from`,
    and so is the precision of weights of a model from elsewhere.
    """
    base = Path(params.init_from)
    if params.lora.rank:
        write_adapter(folder / ADAPTER, model, params.lora, params.init_from)
        merge_adapter(model)
    if has_own_tokenizer(base):
        save_decoder(folder, model, base)
        return
    stock = read_json(base / "config.json")
    dtype = stored_dtype(stock)
    weights = {
        name: weight.detach().to("cpu", dtype).contiguous() for name, weight in model.state_dict().items()
    }
    if model.params.tie_embeddings:
        del weights["lm_head.weight"]
    write_model_folder(folder, weights, stock)
    for name in COMPANION_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)


def stored_dtype(stock: dict[str, Any]) -> torch.dtype:
    """Return the precision that a config.json names for its weights, fp32 where it names none."""
    name = str(stock.get("dtype") or stock.get("torch_dtype"))
    return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(name, torch.float32)
