"""Read the weights that others have saved. Nothing in their files is ever run."""

import json
import pickle
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.common.params import explain
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder

# In a Hugging Face folder, the first that is there; an index names the parts of a large model.
FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
STATE = ("model", "state_dict", "model_state_dict")  # where a checkpoint keeps its weights
WRAPPERS = re.compile(r"^(?:module\.|_orig_mod\.)+")  # DistributedDataParallel's, torch.compile's
TABLES = "rotary_emb.inv_freq"  # older files hold the rotary angles, which follow from the configuration


def read_file(path: Path) -> Any:
    """What a safetensors or torch file holds, on the CPU.

    Raises UserError where there is none, it is damaged, or holds more than tensors and plain values:
    a pickle may run any code when it is loaded.
    """
    if not path.is_file():
        raise UserError(f"{path}: {'a folder; name a file' if path.is_dir() else 'no such file'}")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise damaged(path, error) from None
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pickle protocols
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            named = re.search(r"GLOBAL (\S+)", str(error))
            file.seek(0)
            if named is None and file.read(1) != pickle.PROTO:
                raise damaged(path, error) from None
            holds = named[1] if named else "a pickle that torch.save did not write"
            raise UserError(
                f"{path}: refused, as loading it may run code: it holds {holds};"
                " save its state_dict alone, or as safetensors"
            ) from None
        except Exception as error:  # whatever a reader of binary files stumbles over in a broken one
            raise damaged(path, error) from None


def damaged(path: Path, error: Exception) -> UserError:
    """What to say of a file that cannot be read."""
    reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
    return UserError(f"{path}: damaged, or no file of weights ({reason}); fetch it again")


def weights_in(content: Any, path: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint, or of a bare state_dict, by their names. Raises UserError for neither."""
    if isinstance(content, dict):
        for inner in (*(content.get(key) for key in STATE), content):
            if isinstance(inner, dict) and any(isinstance(value, Tensor) for value in inner.values()):
                found = {WRAPPERS.sub("", str(key)): value for key, value in inner.items()}
                return {key: value for key, value in found.items() if not key.endswith(TABLES)}
    holds = ", ".join(map(str, list(content)[:5])) if isinstance(content, dict) else type(content).__name__
    raise UserError(f"{path}: no weights in it (it holds {holds or 'nothing'}); name a model's checkpoint")


def read_folder(folder: Path) -> tuple[Path, dict[str, Tensor]]:
    """Which file of a Hugging Face folder has its weights (or lists them), and the weights.

    Raises UserError where there is none, or a part is missing or damaged.
    """
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None:
        raise UserError(f"{folder}: no weights there; fetch {FILES[0]} or {FILES[2]} into it")
    parts = [path] if path.suffix != ".json" else [folder / name for name in parts_of(path)]
    weights: dict[str, Tensor] = {}
    for part in parts:
        weights.update(weights_in(read_file(part), part))
    return path, weights


def parts_of(index: Path) -> list[str]:
    """The files that an index names. Raises UserError where it is none, or one is not beside it."""
    content = read_json(index)
    files = content.get("weight_map")
    if not isinstance(files, dict) or not files:
        raise UserError(f"{index}: weight_map: names no file; fetch it again")
    for name in (names := sorted(set(map(str, files.values())))):
        if Path(name).name != name or not (index.parent / name).is_file():
            raise UserError(f"{index}: weight_map: {name}: no such file beside it; fetch all parts")
    return names


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises UserError where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise damaged(path, error) from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}, no configuration; name a model folder")
    return content


def sizes(weights: dict[str, Tensor], key: str, path: Path, axes: int = 2) -> tuple[int, ...]:
    """The shape of a matrix (of a vector: `axes` 1). Raises UserError where it is missing or none."""
    found = weights.get(key)
    if not isinstance(found, Tensor):
        raise UserError(f"{path}: {key}: missing; the file is incomplete, or of another architecture")
    if found.ndim != axes or 0 in found.shape:
        raise UserError(f"{path}: {key}: of shape {tuple(found.shape)}, which is of another architecture")
    return tuple(found.shape)


def layers_in(keys: Collection[str], prefix: str) -> int:
    """How many layers names such as `blocks.3.q_proj.weight` tell of, where `prefix` is `blocks`."""
    numbered = re.compile(re.escape(prefix) + r"\.(\d+)\.")
    return len({found[1] for key in keys if (found := numbered.match(key))})


def model_params(path: Path, **values: Any) -> ModelParams:
    """A decoder's configuration. Raises UserError where the values of `path` are none."""
    try:
        return ModelParams(**values)
    except ValidationError as error:
        fault = explain(error, "model", ModelParams, values)
        raise UserError(f"{path}: {fault}; this decoder cannot hold the model") from None


def fitted(
    weights: dict[str, Tensor], names: dict[str, str], config: ModelParams, vocab_size: int, path: Path
) -> dict[str, Tensor]:
    """The weights in fp32 under our names, checked against our decoder.

    `names` maps our names to the file's, where they differ. Raises UserError naming the file's key for one
    that is missing, unknown, of another shape or kind, or that holds no numbers.
    """
    with torch.device("meta"):
        expected = Decoder(config, vocab_size).state_dict()
    if config.tie_embeddings:
        del expected["lm_head.weight"]
    theirs = {ours: names.get(ours, ours) for ours in expected}
    for ours, weight in expected.items():
        found = sizes(weights, theirs[ours], path, weight.ndim)
        if found != tuple(weight.shape):
            raise UserError(
                f"{path}: {theirs[ours]}: of shape {found}, where {tuple(weight.shape)} belongs;"
                " the file is of another architecture"
            )
    if unknown := sorted(weights.keys() - set(theirs.values())):
        raise UserError(
            f"{path}: {unknown[0]}: this program's {config.arch} has no such weights; choose another model"
        )
    return {ours: plain(weights[key], key, path) for ours, key in theirs.items()}


def plain(weight: Tensor, key: str, path: Path) -> Tensor:
    """A weight in fp32. Raises UserError where it is quantised or not finite."""
    if not weight.is_floating_point():
        raise UserError(f"{path}: {key}: of type {weight.dtype}; fetch the model's weights unquantised")
    if not torch.isfinite(weight).all():
        raise UserError(f"{path}: {key}: not all of it are numbers; the training diverged: take one before")
    return weight.float().contiguous()


def tied(weights: dict[str, Tensor], embedding: str) -> bool:
    """Whether tokens are read and predicted with one matrix; if so, its second copy is taken out."""
    head = weights.get("lm_head.weight")
    if isinstance(head, Tensor) and not torch.equal(head.float(), weights[embedding].float()):
        return False
    weights.pop("lm_head.weight", None)
    return True
