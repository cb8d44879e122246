"""Load one section of params.yaml against the model of the room that owns it.

Every room defines its own section (`pipeline/corpus/params.py`, …), so that a new training knob
leaves the corpus stage's code as it was. This file knows no section.
"""

import difflib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.common.errors import UserError, one_line

PARAMS_FILE = Path("params.yaml")
SEED_LIMIT = 2**63  # generators of random numbers take no larger seed


class Section(BaseModel):
    """Base of every section: unknown keys are refused, types are not guessed, values do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


S = TypeVar("S", bound=Section)


def read(path: Path | str = PARAMS_FILE) -> dict[str, Any]:
    """The whole of params.yaml as plain dicts. Raises UserError where it is missing or no YAML."""
    return read_yaml(path)


def read_yaml(path: Path | str, yaml: YAML | None = None) -> dict[str, Any]:
    """A YAML file of sections, empty for an empty file; `yaml` reads it, plain dicts unless given.

    Raises UserError where it is missing, no UTF-8, no YAML, or holds something else than keys of text.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such file; run from the project's folder")
    try:
        content = (yaml or YAML(typ="safe", pure=True)).load(path.read_text(encoding="utf-8"))
        unnamed = other_key(content)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except MarkedYAMLError as error:
        place = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        fault = ", ".join(filter(None, [error.context, error.problem]))
        raise UserError(f"{path}{place}: not valid YAML: {one_line(fault)}") from None
    except (YAMLError, ValueError) as error:  # ValueError: a date of month 13, say
        raise UserError(f"{path}: not valid YAML: {one_line(error)}") from None
    except RecursionError:
        raise UserError(f"{path}: not valid YAML: nested too deep, or inside itself") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected sections (corpus, model, …), found a {type(content).__name__}")
    if unnamed:
        raise UserError(f"{path}: {unnamed}: a key must be text; correct it or put it in quotes")
    return content


def other_key(content: Any) -> str:
    """Where a key that is no text lies, such as `train.1`; empty where there is none."""
    if isinstance(content, list):
        return next(filter(None, map(other_key, content)), "")
    if not isinstance(content, dict):
        return ""
    for key, value in content.items():
        if not isinstance(key, str):
            return str(key)
        if inner := other_key(value):
            return f"{key}.{inner}"
    return ""


def load(section: str, model: type[S], path: Path | str = PARAMS_FILE) -> S:
    """One section of params.yaml, checked against `model`.

    Raises UserError naming file, key, value and the nearest known key.
    """
    params = read(path)
    if section not in params:
        raise UserError(f"{path}: section '{section}' is missing")
    return parse(params[section], section, model, path)


def parse(values: Any, section: str, model: type[S], path: Path | str = PARAMS_FILE) -> S:
    """Check the already read `values` of a section (see `load`)."""
    try:
        return model.model_validate(values if values is not None else {})
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error, section, model, values)}") from None


def seed(path: Path | str = PARAMS_FILE) -> int:
    """The run's seed, the one value at the top level."""
    value = read(path).get("seed")
    if type(value) is not int or not 0 <= value < SEED_LIMIT:
        raise UserError(f"{path}: seed: {value!r} is not a whole number from 0 to {SEED_LIMIT - 1}")
    return value


def explain(error: ValidationError, section: str, model: type[BaseModel], values: Any) -> str:
    """The first fault of a validation error in one line. `section` is empty for the whole file."""
    # A misspelt key also leaves its right name missing: the misspelling says more.
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    key = ".".join(filter(None, [section, *key_path(fault["loc"], values)]))
    match fault["type"]:
        case "extra_forbidden":
            near = nearest(str(fault["loc"][-1]), known_keys(model))
            return f"{key}: unknown key{near}"
        case "missing":
            return f"{key}: missing"
        case "union_tag_not_found":
            return f"{key}.kind: missing"
        case "union_tag_invalid":
            return f"{key}.kind: {fault['ctx']['tag']!r}: must be {fault['ctx']['expected_tags']}"
        case _:
            message = fault["msg"].removeprefix("Value error, ")
            if isinstance(fault["input"], dict):  # a rule over several keys names them itself
                return f"{key}: {message}"
            return f"{key}: {fault['input']!r}: {message}"


def key_path(loc: Sequence[int | str], values: Any) -> list[str]:
    """Where a fault lies in the file. pydantic's own path also names the kind of union it tried."""
    path: list[str] = []
    for place, part in enumerate(loc):
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            if place < len(loc) - 1:
                continue
        path.append(str(part))
    return path


def known_keys(model: type[BaseModel]) -> set[str]:
    """Every field name of a model and of the models inside it."""
    keys: set[str] = set()
    pending: list[Any] = [model]
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys |= set(kind.model_fields)
            pending += [field.annotation for field in kind.model_fields.values()]
        else:
            pending += getattr(kind, "__args__", ())
    return keys


def nearest(name: str, names: set[str] | list[str]) -> str:
    """`; did you mean …?` with the nearest of `names`, or an empty string.

    Empty also for one of `names` itself: it is known elsewhere and not misspelt.
    """
    if name in names:
        return ""
    near = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


def check_all(stage: str) -> None:
    """Check all of params.yaml before a stage starts, so that a typo does not surface hours later, and say
    where in the run it stands.

    Runs `tezgah check` as a subprocess: it reads every room's section, and importing them here
    would make each stage depend on every room's code.
    """
    done = subprocess.run([sys.executable, "-m", "pipeline.cli", "check", "--stage", stage], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
