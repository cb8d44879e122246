"""The model that is tuned: the base of this project or a model from elsewhere, all of it or with LoRA."""

import glob
import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.paths import BASE_MODEL, RAW_MODEL
from pipeline.device.device import autocast, pick_device, pick_precision
from pipeline.model.decoder import Decoder
from pipeline.model.hf_folder import read_json, require_file
from pipeline.model.hf_io import (
    COMPANION_FILES,
    find_weight_files,
    load_decoder,
    read_all_weights,
    read_config,
    save_decoder,
    write_model_folder,
)
from pipeline.pretrained.adapter import add_adapter, check_adapter, merged_weights, write_adapter
from pipeline.pretrained.quantize import check_widths
from pipeline.pretrained.tokenizer import PretrainedTokenizer, has_own_tokenizer, load_chat_tokenizer
from pipeline.sft.params import SftParams, check_context
from pipeline.tokenizer.chat_template import ChatTokenizer

KEY = "params.yaml: sft.init_from"
ADAPTER = "adapter"  # the folder beside the merged weights
FROZEN_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def check_base(params: SftParams, root: Path = Path()) -> None:
    """Raise UserError where the model of `sft.init_from` cannot be tuned so. `root`: the project's folder.

    Weights are not read, and of the base of this project nothing: it may not be there yet.
    """
    if params.lora.adapter is not None:
        list_files("params.yaml: sft.lora.adapter", params.lora.adapter, root)
        check_adapter(root / params.lora.adapter, params.lora)
    if params.init_from == str(BASE_MODEL):
        return
    list_files(KEY, params.init_from, root)
    folder = root / params.init_from
    model_params, _ = read_config(folder)
    find_weight_files(folder, Translatable("fetch the model's safetensors too"))
    check_context(params, model_params.context)
    if not has_own_tokenizer(folder):
        require_file(folder / "tokenizer.json", Translatable("fetch the model's tokenizer too"))
        if not has_chat_template(folder):
            raise UserError(
                "{key}: {init_from}: no chat template, as in models that were not tuned; put one "
                "beside it as chat_template.jinja, or choose the version for chats (often named "
                "instruct)",
                key=KEY,
                init_from=params.init_from,
            )
    if params.lora.bits == 4:
        check_widths(model_params, params.init_from)


def has_chat_template(folder: Path) -> bool:
    """Return whether a model folder has a chat template, in a file of its own or among the tokenizer's."""
    path = folder / "tokenizer_config.json"
    return (folder / "chat_template.jinja").is_file() or (
        path.is_file() and bool(read_json(path).get("chat_template"))
    )


def list_base_files(params: SftParams) -> list[Path]:
    """Return the files that the tuning depends on: those of the model, and of an adapter to go on from."""
    folders = {KEY: params.init_from, "params.yaml: sft.lora.adapter": params.lora.adapter}
    return [file for key, name in folders.items() if name for file in list_files(key, name)]


def list_files(key: str, folder: str, root: Path = Path()) -> list[Path]:
    """Return the files of a model folder. `key`: the param that names it. `root`: the project's folder.

    Raises UserError where there is none, or they are outside the folder that DVC tracks.
    """
    folder = folder.rstrip("/")
    if not (root / folder).exists() and (root / f"{folder}.dvc").is_file():
        raise UserError(
            "{key}: {folder}: its data is absent; run `dvc pull {folder}.dvc`", key=key, folder=folder
        )
    if folder == str(BASE_MODEL):
        return sorted(path for path in (root / folder).iterdir() if path.is_file())
    return matching_files(key, [f"{glob.escape(folder)}/*.*"], RAW_MODEL, root)


def load_base(params: SftParams, seed: int, device_name: str) -> tuple[Decoder, ChatTokenizer]:
    """Return the model to tune and its tokenizer. With LoRA its own weights are frozen, in 16 or 4 bits.

    Raises UserError where it cannot be tuned so.
    """
    check_base(params)
    folder = Path(params.init_from)
    model_params, vocab_size = read_config(folder)
    check_context(params, model_params.context)
    if params.lora.bits == 4:
        check_widths(model_params, params.init_from)
    tokenizer = load_chat_tokenizer(folder)
    if isinstance(tokenizer, PretrainedTokenizer) and max(tokenizer.probe_ids) >= vocab_size:
        token = max(tokenizer.probe_ids)
        raise UserError(
            "{key}: {init_from}: its chat template has the token {token}, and the model has "
            "{vocab_size}; take the tokenizer that belongs to it",
            key=KEY,
            init_from=params.init_from,
            token=token,
            vocab_size=vocab_size,
        )
    if params.lora.rank == 0:
        model = load_decoder(folder)
    else:
        device = pick_device(device_name)
        model = load_decoder(folder, dtype=FROZEN_DTYPES[pick_precision(params.precision, device)])
        add_adapter(model, params.lora, seed, device)
    model.set_activation_checkpointing(params.checkpointing)
    return model, tokenizer


def answering_precision(model: Decoder, params: SftParams) -> AbstractContextManager[Any]:
    """Return a context in which the tuned model answers: with LoRA in the precision of its training."""
    device = next(model.parameters()).device
    precision = pick_precision(params.precision, device)
    return autocast(device, precision) if params.lora.rank else nullcontext()


def write_tuned(folder: Path, model: Decoder, params: SftParams) -> None:
    """Write the tuned model to a folder. With LoRA it is merged, and its adapter lies beside it.

    Configuration, tokenizer and the precision of each weight are those of `sft.init_from`.
    """
    base = Path(params.init_from)
    if params.lora.rank:
        write_adapter(folder / ADAPTER, model, params.lora, params.init_from)
        changed = dict(merged_weights(model))
    elif has_own_tokenizer(base):
        save_decoder(folder, model, base)
        return
    else:
        changed = model.state_dict()
    weights = {
        name: changed.get(name, weight).detach().to("cpu", weight.dtype).contiguous()
        for name, weight in read_all_weights(base).items()
    }
    write_model_folder(folder, weights, read_json(base / "config.json"))
    for name in COMPANION_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
