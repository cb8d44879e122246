"""Reading and validation of params.yaml.

Every package defines its own section (`pipeline/corpus/params.py`, …), so that a new param of training
leaves the code of the corpus stage as it was. This file knows no section.
"""

import copy
import difflib
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.common.errors import UserError, one_line
from pipeline.common.i18n import Translatable
from pipeline.common.library_messages import recognize
from pipeline.common.paths import PARAMS_FILE

SEED_LIMIT = 2**63  # random number generators take no larger seed


def check_prompt(prompt: str) -> str:
    """Return a text for a model to continue. Raises ValueError where there is none."""
    if not prompt.strip():
        raise UserError("empty; write how a text begins, or remove it")
    return prompt


Prompt = Annotated[str, AfterValidator(check_prompt)]


class Section(BaseModel):
    """Base class of sections: no unknown keys, no conversion of types, values do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    # Keys that change memory and speed, or what follows training, but no weight: an unfinished run resumes
    # across them.
    WITHOUT_EFFECT: ClassVar[tuple[str, ...]] = ()


SectionT = TypeVar("SectionT", bound=Section)


def read_params(path: Path | str = PARAMS_FILE) -> dict[str, Any]:
    """Return all of params.yaml as plain dicts. Raises UserError where it is missing or not YAML."""
    return read_yaml(path)


def read_yaml(path: Path | str, yaml: YAML | None = None) -> dict[str, Any]:
    """Return a YAML file of sections as a dict, empty for an empty file. `yaml` is the reader to use.

    Raises UserError where the file is missing, not UTF-8, not YAML, not a mapping, or has a key that is
    not a string.
    """
    path = Path(path)
    if not path.exists():
        raise UserError("{path}: no such file; run from the project's folder", path=path)
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.load(text) if yaml else copy.deepcopy(parse_yaml(text))
        bad_key = find_non_string_key(content)
    except UnicodeDecodeError as error:
        raise UserError(
            "{path}: not UTF-8 at byte {start}; save it as UTF-8", path=path, start=error.start
        ) from None
    except MarkedYAMLError as error:
        position = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(
            "{path}{position}: not valid YAML: {fault}",
            path=path,
            position=position,
            fault=describe_yaml_error(error),
        ) from None
    except (YAMLError, ValueError) as error:  # ValueError: a date of month 13, say
        raise UserError(
            "{path}: not valid YAML: {error}", path=path, error=recognize(one_line(error))
        ) from None
    except RecursionError:
        raise UserError("{path}: not valid YAML: nested too deep, or inside itself", path=path) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(
            "{path}: expected sections (corpus, model, …), found a {name}",
            path=path,
            name=type(content).__name__,
        )
    if bad_key:
        raise UserError(
            "{path}: {bad_key}: a key must be text; correct it or put it in quotes",
            path=path,
            bad_key=bad_key,
        )
    return content


def describe_yaml_error(error: Any) -> str:
    """Return what is wrong with a YAML text, by the error of ruamel or PyYAML."""
    return recognize(one_line(", ".join(filter(None, [error.context, error.problem]))))


@functools.lru_cache(maxsize=4)
def parse_yaml(text: str) -> Any:
    """Return the content of a YAML text. A process that reads params.yaml again does not parse it again."""
    return YAML(typ="safe", pure=True).load(text)


def find_non_string_key(content: Any) -> str:
    """Return the path of the first key that is not a string, such as `train.1`, or an empty string."""
    if isinstance(content, list):
        return next(filter(None, map(find_non_string_key, content)), "")
    if not isinstance(content, dict):
        return ""
    for key, value in content.items():
        if not isinstance(key, str):
            return str(key)
        if inner := find_non_string_key(value):
            return f"{key}.{inner}"
    return ""


def load_section(section: str, model: type[SectionT], path: Path | str = PARAMS_FILE) -> SectionT:
    """Return one section of params.yaml, validated by `model`.

    Raises UserError naming file, key, value and the nearest known key.
    """
    params = read_params(path)
    if section not in params:
        raise UserError("{path}: section '{section}' is missing", path=path, section=section)
    return parse_section(params[section], section, model, path)


def parse_section(
    values: Any, section: str, model: type[SectionT], path: Path | str = PARAMS_FILE
) -> SectionT:
    """Return the `values` of a section that is already read, validated by `model` (see `load_section`)."""
    try:
        return model.model_validate(values if values is not None else {})
    except ValidationError as error:
        raise UserError(
            "{path}: {validation_error}",
            path=path,
            validation_error=describe_validation_error(error, section, model, values),
        ) from None


def load_seed(path: Path | str = PARAMS_FILE) -> int:
    """Return the seed of the run, the one value at the top level.

    Raises UserError for what is not a whole number from 0 to SEED_LIMIT - 1.
    """
    value = read_params(path).get("seed")
    if type(value) is not int or not 0 <= value < SEED_LIMIT:
        raise UserError(
            "{path}: seed: {value} is not a whole number from 0 to {seed_limit}",
            path=path,
            value=repr(value),
            seed_limit=SEED_LIMIT - 1,
        )
    return value


def describe_validation_error(
    error: ValidationError, section: str, model: type[BaseModel], values: Any
) -> str:
    """Return the first fault of a validation error in one line. `section` is empty for the whole file."""
    # A misspelt key also leaves its right name missing. The misspelling is the better message.
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    key = ".".join(filter(None, [section, *key_path(fault["loc"], values)]))
    match fault["type"]:
        case "extra_forbidden":
            suggestion = suggest_nearest(str(fault["loc"][-1]), known_keys(model))
            return Translatable("{key}: unknown key{suggestion}", key=key, suggestion=suggestion)
        case "missing":
            return Translatable("{key}: missing", key=key)
        case "union_tag_not_found":
            return Translatable("{key}: missing", key=f"{key}.kind")
        case "union_tag_invalid":
            tag, tags = repr(fault["ctx"]["tag"]), fault["ctx"]["expected_tags"]
            return Translatable("{key}.kind: {value}: must be {choices}", key=key, value=tag, choices=tags)
        case kind:
            is_ours = kind == "value_error"
            message = one_line(fault["ctx"]["error"]) if is_ours else recognize(fault["msg"])
            if isinstance(fault["input"], dict):  # a rule over several keys names them itself
                return Translatable("{key}: {message}", key=key, message=message) if key else message
            value = repr(fault["input"])
            return Translatable("{key}: {value}: {message}", key=key, value=value, message=message)


def key_path(loc: Sequence[int | str], values: Any) -> list[str]:
    """Return the path of a fault in the file. pydantic's own path also names the kind of union it tried."""
    path: list[str] = []
    for i, part in enumerate(loc):
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            if i < len(loc) - 1:
                continue
        path.append(str(part))
    return path


def known_keys(model: type[BaseModel]) -> set[str]:
    """Return every field name of a model and of the models inside it."""
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


def nearest_divisors(number: int, target: int, count: int = 1) -> list[int]:
    """Return the `count` divisors of `number` nearest to `target`, ascending; of two as near, the smaller."""
    divisors = [divisor for divisor in range(1, number + 1) if number % divisor == 0]
    return sorted(sorted(divisors, key=lambda divisor: abs(divisor - target))[:count])


def describe_nearest(*numbers: int) -> str:
    """Return one number, or two, as a message: `2 or 4`."""
    if len(numbers) == 1:
        return str(numbers[0])
    below, above = numbers
    return Translatable("{below} or {above}", below=below, above=above)


def suggest_nearest(name: str, names: set[str] | list[str]) -> str:
    """Return `; did you mean …?` with the nearest of `names`, or an empty string.

    Also empty for one of `names` itself, which is a key of another section and not misspelt.
    """
    if name in names:
        return ""
    matches = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.5)
    return Translatable("; did you mean '{name}'?", name=matches[0]) if matches else ""
