"""Reading of weights saved by other programs. No code in their files is ever run."""

import pickle
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder
from pipeline.model.hf_folder import read_index, read_safetensors

# In a Hugging Face folder. The first that exists is read. An index names the parts of a large model.
WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
STATE_KEYS = ("model", "state_dict", "model_state_dict")  # where a checkpoint keeps its weights
WRAPPERS = re.compile(r"^(?:module\.|_orig_mod\.)+")  # DistributedDataParallel's, torch.compile's
ROTARY_TABLE = "rotary_emb.inv_freq"  # in older files; it follows from the configuration


def read_file(path: Path) -> Any:
    """Return the content of a safetensors or torch file, on the CPU.

    Raises UserError where the file is missing or damaged, or holds more than tensors and plain values: a
    pickle may run any code when it is loaded.
    """
    if path.is_dir():
        raise UserError("{path}: a folder; name a file", path=path)
    if not path.is_file():
        raise UserError("{path}: no such file", path=path)
    if path.suffix == ".safetensors":
        return read_safetensors(path, damaged_file_error)
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about pickle protocols
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            class_name = re.search(r"GLOBAL (\S+)", str(error))
            file.seek(0)
            if class_name is None and file.read(1) != pickle.PROTO:
                raise damaged_file_error(path, error) from None
            unknown = Translatable("a pickle that torch.save did not write")
            raise UserError(
                "{path}: refused, as loading it may run code: it holds {content}; save its state_dict alone, "
                "or as safetensors",
                path=path,
                content=class_name[1] if class_name else unknown,
            ) from None
        except Exception as error:  # a reader of binary files may raise anything
            raise damaged_file_error(path, error) from None


def damaged_file_error(path: Path, error: Exception) -> UserError:
    """Return the error about a file that cannot be read."""
    return UserError(
        "{path}: damaged, or no file of weights ({error}); fetch it again",
        path=path,
        error=type(error).__name__,
    )


def find_weights(content: Any, path: Path) -> dict[str, Tensor]:
    """Return the weights of a checkpoint or a state_dict by name. Raises UserError where there are none."""
    if isinstance(content, dict):
        for inner in (*(content.get(key) for key in STATE_KEYS), content):
            if isinstance(inner, dict) and any(isinstance(value, Tensor) for value in inner.values()):
                weights = {WRAPPERS.sub("", str(key)): value for key, value in inner.items()}
                return {key: value for key, value in weights.items() if not key.endswith(ROTARY_TABLE)}
    holds = ", ".join(map(str, list(content)[:5])) if isinstance(content, dict) else type(content).__name__
    raise UserError(
        "{path}: no weights in it (it holds {content}); name a model's checkpoint",
        path=path,
        content=holds or Translatable("nothing"),
    )


def read_folder_weights(folder: Path) -> tuple[Path, dict[str, Tensor]]:
    """Return the file of a Hugging Face folder that holds (or lists) its weights, and the weights.

    Raises UserError where there is none, or a part is missing or damaged.
    """
    path = next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)
    if path is None:
        raise UserError(
            "{folder}: no weights there; fetch {file} or {older_file} into it",
            folder=folder,
            file=WEIGHT_FILES[0],
            older_file=WEIGHT_FILES[2],
        )
    parts = (
        [path] if path.suffix != ".json" else [folder / name for name in read_index(path, damaged_file_error)]
    )
    weights: dict[str, Tensor] = {}
    for part in parts:
        weights.update(find_weights(read_file(part), part))
    return path, weights


def shape_of(weights: dict[str, Tensor], key: str, path: Path, axes: int = 2) -> tuple[int, ...]:
    """Return the shape of a weight with `axes` axes. Raises UserError where it is missing or has others."""
    weight = weights.get(key)
    if not isinstance(weight, Tensor):
        raise UserError(
            "{path}: {key}: missing; the file is incomplete, or of another architecture", path=path, key=key
        )
    if weight.ndim != axes or 0 in weight.shape:
        raise UserError(
            "{path}: {key}: of shape {shape}, which is of another architecture",
            path=path,
            key=key,
            shape=tuple(weight.shape),
        )
    return tuple(weight.shape)


def count_layers(keys: Collection[str], prefix: str) -> int:
    """Return the number of layers in names such as `blocks.3.q_proj.weight`, where `prefix` is `blocks`."""
    pattern = re.compile(re.escape(prefix) + r"\.(\d+)\.")
    return len({match[1] for key in keys if (match := pattern.match(key))})


def map_weights(
    weights: dict[str, Tensor], names: dict[str, str], config: ModelParams, vocab_size: int, path: Path
) -> dict[str, Tensor]:
    """Return the weights in fp32 under our names, checked against our decoder.

    `names` maps our names to the file's, where they differ. Raises UserError, naming the key of the file, for
    a weight that is missing, unknown, of another shape or type, or not finite.
    """
    with torch.device("meta"):
        expected = Decoder(config, vocab_size).state_dict()
    if config.tie_embeddings:
        del expected["lm_head.weight"]
    theirs = {ours: names.get(ours, ours) for ours in expected}
    for ours, weight in expected.items():
        shape = shape_of(weights, theirs[ours], path, weight.ndim)
        if shape != tuple(weight.shape):
            raise UserError(
                "{path}: {key}: of shape {shape}, where {expected} belongs; the file is of another "
                "architecture",
                path=path,
                key=theirs[ours],
                shape=shape,
                expected=tuple(weight.shape),
            )
    if unknown := sorted(weights.keys() - set(theirs.values())):
        raise UserError(
            "{path}: {key}: this program's {arch} has no such weights; choose another model",
            path=path,
            key=unknown[0],
            arch=config.arch,
        )
    return {ours: to_fp32(weights[key], key, path) for ours, key in theirs.items()}


def to_fp32(weight: Tensor, key: str, path: Path) -> Tensor:
    """Return a weight in fp32. Raises UserError where it is quantized or not finite."""
    if not weight.is_floating_point():
        raise UserError(
            "{path}: {key}: of type {dtype}; fetch the model's weights unquantised",
            path=path,
            key=key,
            dtype=weight.dtype,
        )
    if not torch.isfinite(weight).all():
        raise UserError(
            "{path}: {key}: not all of it are numbers; the training diverged: take one before",
            path=path,
            key=key,
        )
    return weight.float().contiguous()


def pop_tied_head(weights: dict[str, Tensor], embedding: str) -> bool:
    """Return true if `lm_head` is missing or equals the embedding, and remove it from `weights` then."""
    head = weights.get("lm_head.weight")
    if isinstance(head, Tensor) and not torch.equal(head.float(), weights[embedding].float()):
        return False
    weights.pop("lm_head.weight", None)
    return True
