"""`tezgah preset`: overlays that change some values of params.yaml and keep its comments."""

import shlex
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from pipeline.cli.check import AllParams, check_params
from pipeline.cli.graph import stages_after
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, print_message
from pipeline.common.io import write_atomic
from pipeline.common.params import read_yaml, suggest_nearest
from pipeline.common.paths import DVC_FILE, PARAMS_FILE

PRESETS = Path("presets")
# Dicts whose keys are names given by the user. An overlay replaces such a dict as a whole.
USER_KEYED = {("corpus", "sources"), ("sft", "sources")}

Change = tuple[tuple[str, ...], Any, Any]  # path, old, new; ABSENT for a missing value
ABSENT = object()


def round_trip_yaml() -> YAML:
    """Return a YAML reader and writer that keeps comments and layout."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def list_presets(presets: Path = PRESETS) -> list[str]:
    """Return the names of all presets. Raises UserError where their folder is missing."""
    if not presets.is_dir():
        raise UserError("{folder}: no such folder; run from the project's folder", folder=presets)
    return sorted(path.stem for path in presets.glob("*.yaml"))


def read_preset(name: str, presets: Path = PRESETS) -> dict[str, Any]:
    """Return one overlay as plain dicts. Raises UserError for a broken one, and for an unknown name."""
    path = presets / f"{name}.yaml"
    if not path.exists():
        known = list_presets(presets)
        hint = suggest_nearest(name, known) or Translatable("; there are {names}", names=", ".join(known))
        raise UserError("{path}: no such preset{hint}", path=path, hint=hint)
    return read_yaml(path)


def merge(base: Any, overlay: dict[str, Any], name: str, path: tuple[str, ...] = ()) -> None:
    """Merge `overlay` into `base` in place. Raises UserError for a key that params.yaml lacks."""
    for key, value in overlay.items():
        key_path = (*path, key)
        if key not in base and path not in USER_KEYED:
            hint = suggest_nearest(key, list(base))
            raise UserError("{name}: {key}: unknown key{hint}", name=name, key=".".join(key_path), hint=hint)
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            if key_path in USER_KEYED and not value:
                base[key] = CommentedMap()  # a block emptied in place would be dumped as broken YAML
                base[key].fa.set_flow_style()
            elif key_path in USER_KEYED:
                for old in [old for old in base[key] if old not in value]:
                    del base[key][old]
                base[key].update(
                    {new: value[new] for new in value if to_plain(base[key].get(new)) != value[new]}
                )
            else:
                merge(base[key], value, name, key_path)
        elif base.get(key, ABSENT) != value:
            base[key] = value


def to_plain(value: Any) -> Any:
    """Return a YAML node as plain dicts and lists, to compare."""
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    return value


def list_changes(old: Any, new: Any, path: tuple[str, ...] = ()) -> list[Change]:
    """Return every value that differs between two plain dicts."""
    if not (isinstance(old, dict) and isinstance(new, dict)) or (path in USER_KEYED and not new):
        return [] if old == new else [(path, old, new)]
    changes: list[Change] = []
    for key in [*old, *(key for key in new if key not in old)]:
        changes += list_changes(old.get(key, ABSENT), new.get(key, ABSENT), (*path, str(key)))
    return changes


def apply_presets(presets: list[str], params: Path = PARAMS_FILE) -> tuple[str, list[Change]]:
    """Return the text of params.yaml with the presets merged in order, and the changes."""
    return apply_overlays([(f"presets/{name}.yaml", read_preset(name)) for name in presets], params)


def apply_overlays(
    overlays: list[tuple[str, dict[str, Any]]], params: Path = PARAMS_FILE
) -> tuple[str, list[Change]]:
    """Return the text of params.yaml with the named overlays merged in order, and the changes.

    Raises UserError, with the name of the overlay, for a key that params.yaml lacks.
    """
    document = read_yaml(params, round_trip_yaml())
    before = to_plain(document)
    for name, overlay in overlays:
        merge(document, overlay, name)
    return dump_yaml(document), list_changes(before, to_plain(document))


def dump_yaml(document: Any) -> str:
    """Return the text of a document; the comments of one that `round_trip_yaml` has read are kept."""
    text = StringIO()
    round_trip_yaml().dump(document, text)
    return text.getvalue()


def check_params_text(text: str) -> AllParams:
    """Return the params of a params.yaml of this text. Raises UserError for its first fault."""
    return check_params(values=YAML(typ="safe", pure=True).load(text))


def to_hydra(value: Any) -> str:
    """Return a value in Hydra's override grammar, which DVC's `-S` uses."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{to_hydra(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(to_hydra(item) for item in value) + "]"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return repr(value)


def format_flags(changes: list[Change]) -> str:
    """Return the changes as options of `dvc exp run`, quoted for a shell."""
    return " ".join(f"-S {shlex.quote(flag)}" for flag in to_flags(changes))


def to_flags(changes: list[Change]) -> list[str]:
    """Return the changes as overrides for `dvc exp run -S`: `~key`, `+key=value`, `key=value`."""
    result = []
    for path, old, new in changes:
        key = ".".join(path)
        if new is ABSENT:
            result.append(f"~{key}")
        else:
            result.append(f"{'+' if old is ABSENT else ''}{key}={to_hydra(new)}")
    return result


def stages_to_rerun(changes: list[Change], dvc_file: Path = DVC_FILE) -> list[str]:
    """Return the stages that the changes make stale, in dvc.yaml's order.

    Those that list a changed section or key among their params, and all that read their outputs.
    """

    def is_changed(param: str) -> bool:
        """Tell if a change is of this param, or of a key inside it or around it."""
        parts = tuple(param.split("."))
        return any(path[: len(parts)] == parts[: len(path)] for path, _, _ in changes)

    stages = read_yaml(dvc_file)["stages"].items()
    changed = [name for name, stage in stages if any(map(is_changed, stage.get("params", [])))]
    return list(stages_after(changed, dvc_file))


def run_preset(chosen: list[str], as_flags: bool) -> None:
    """Merge the chosen presets into params.yaml, or print them as flags. Without presets, list all.

    Raises UserError before anything is written.
    """
    if not chosen:
        print_message("presets: {names}", names=", ".join(list_presets()))
        return
    text, changes = apply_presets(chosen)
    check_params_text(text)
    if as_flags:
        print(format_flags(changes))
        return
    write_changes(text, changes)


def write_changes(text: str, changes: list[Change]) -> None:
    """Write the text of params.yaml, and print what changes and what that re-runs."""
    if not changes:
        print_message("params.yaml has these values already")
        return
    for path, old, new in changes:
        before, after = (Translatable("none") if value is ABSENT else to_hydra(value) for value in (old, new))
        print_message("{key}: {before} -> {after}", key=".".join(path), before=before, after=after)
    stale = stages_to_rerun(changes)
    write_atomic(PARAMS_FILE, text)
    print_message("these changes re-run: {stages}", stages=", ".join(stale) or Translatable("nothing"))
    if any(path[0] == "tokenizer" for path, _, _ in changes):
        print_message("another vocabulary: the tokenizer is trained anew, and everything after it")
