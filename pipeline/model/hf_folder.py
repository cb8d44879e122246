"""Reading of a model folder in the Hugging Face format: config.json and model.safetensors.

Every fault of a folder is a UserError of one line. The decoder, the encoder and `tezgah import` read so.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import Translatable
from pipeline.common.library_messages import recognize
from pipeline.common.params import SectionT

# From a file and why it cannot be read: the error to raise.
DescribeDamage = Callable[[Path, Exception], UserError]


def damaged_error(path: Path, error: Exception) -> UserError:
    """Return the error for a file that cannot be read, in a folder that this program wrote or imported."""
    return UserError(
        "{path}: damaged: {error}; run `dvc checkout --force {path}`, or import it again if you did",
        path=path.parent,
        error=recognize(one_line(error)),
    )


def require_file(path: Path, advice: str) -> Path:
    """Return `path`. Raises UserError, which ends in `advice`, where no file is there."""
    if not path.is_file():
        raise UserError("{path}: no such file; {advice}", path=path, advice=Translatable(advice))
    return path


def read_json(path: Path, damaged: DescribeDamage = damaged_error) -> dict[str, Any]:
    """Return the JSON object in a file. Raises UserError where it holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not JSON, or not UTF-8
        raise damaged(path, error) from None
    if not isinstance(content, dict):
        raise UserError(
            "{path}: holds a {kind}, no configuration; name a model folder",
            path=path,
            kind=type(content).__name__,
        )
    return content


def read_index(path: Path, damaged: DescribeDamage = damaged_error) -> list[str]:
    """Return the names of the files in an index of weights.

    Raises UserError for an invalid index, and for a missing file.
    """
    files = read_json(path, damaged).get("weight_map")
    if not isinstance(files, dict) or not files:
        raise UserError("{path}: weight_map: names no file; fetch it again", path=path)
    for name in (names := sorted(set(map(str, files.values())))):
        if Path(name).name != name or not (path.parent / name).is_file():
            raise UserError(
                "{path}: weight_map: {name}: no such file beside it; fetch all parts", path=path, name=name
            )
    return names


def parse_config(
    hf_config: dict[str, Any], names: dict[str, str], section: type[SectionT], path: Path
) -> SectionT:
    """Return a `section` with the values of config.json. `names` has the key there of each of our params.

    Raises UserError, naming `path`, where a key is missing or its value is not valid.
    """
    try:
        return section(**{ours: hf_config[theirs] for ours, theirs in names.items()})
    except (KeyError, ValidationError) as error:
        raise UserError(
            "{path}: no configuration that this program writes: {error}", path=path, error=one_line(error)
        ) from None


def read_safetensors(path: Path, damaged: DescribeDamage = damaged_error) -> dict[str, Tensor]:
    """Return the weights in a file by name, on the CPU. Raises UserError where they cannot be read."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise damaged(path, error) from None


def load_weights(module: nn.Module, weights: dict[str, Tensor], path: Path, assign: bool = False) -> None:
    """Load `weights`, read from `path`, into `module`. Raises UserError where names or shapes differ.

    `assign`: the module takes the tensors themselves, not copies in its own precision.
    """
    expected = module.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        ours, theirs = expected.get(name), weights.get(name)
        if ours is None or theirs is None or ours.shape != theirs.shape:
            theirs_shape, ours_shape = (
                str(tuple(t.shape)) if t is not None else Translatable("none") for t in (theirs, ours)
            )
            raise UserError(
                "{path}: weights of another architecture: {name} is {shape}, its configuration "
                "means {expected}",
                path=path,
                name=name,
                shape=theirs_shape,
                expected=ours_shape,
            )
    module.load_state_dict(weights, assign=assign)
