"""Presets: overlays that change some of params.yaml, its comments kept."""

import shlex
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from pipeline.cli.check import AllParams, check
from pipeline.cli.graph import GRAPH, after
from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.common.io import write_whole
from pipeline.common.params import PARAMS_FILE, nearest, read_yaml

PRESETS = Path("presets")
# Dicts whose keys are names of the user's own: an overlay that has one replaces it whole.
NAMED = {("corpus", "sources"), ("sft", "sources"), ("eval", "tasks")}

Change = tuple[tuple[str, ...], Any, Any]  # path, old, new; ABSENT where there is none
ABSENT = object()


def round_trip() -> YAML:
    """A YAML reader and writer that keeps comments and layout."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def names(presets: Path = PRESETS) -> list[str]:
    """All presets there are. Raises UserError where there is no folder of them."""
    if not presets.is_dir():
        raise UserError(f"{presets}: no such folder; run from the project's folder")
    return sorted(path.stem for path in presets.glob("*.yaml"))


def read_preset(name: str, presets: Path = PRESETS) -> dict[str, Any]:
    """One overlay as plain dicts. Raises UserError for a broken one, or naming the nearest preset."""
    path = presets / f"{name}.yaml"
    if not path.exists():
        known = names(presets)
        near = nearest(name, known) or f"; there are {', '.join(known)}"
        raise UserError(f"{path}: no such preset{near}")
    return read_yaml(path)


def merge(base: Any, overlay: dict[str, Any], name: str, path: tuple[str, ...] = ()) -> None:
    """Put `overlay` into `base` in place. Raises UserError for a key that params.yaml lacks."""
    for key, value in overlay.items():
        here = (*path, key)
        if key not in base and path not in NAMED:
            raise UserError(f"presets/{name}.yaml: {'.'.join(here)}: unknown key{nearest(key, list(base))}")
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            if here in NAMED and not value:
                base[key] = CommentedMap()  # emptied in place, a block is dumped as broken YAML
                base[key].fa.set_flow_style()
            elif here in NAMED:
                for old in [old for old in base[key] if old not in value]:
                    del base[key][old]
                base[key].update(
                    {new: value[new] for new in value if plain(base[key].get(new)) != value[new]}
                )
            else:
                merge(base[key], value, name, here)
        elif base.get(key, ABSENT) != value:
            base[key] = value


def plain(value: Any) -> Any:
    """A YAML node as plain dicts and lists, to compare."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def changes(old: Any, new: Any, path: tuple[str, ...] = ()) -> list[Change]:
    """Every value that differs between two plain dicts."""
    if not (isinstance(old, dict) and isinstance(new, dict)) or (path in NAMED and not new):
        return [] if old == new else [(path, old, new)]
    found: list[Change] = []
    for key in [*old, *(key for key in new if key not in old)]:
        found += changes(old.get(key, ABSENT), new.get(key, ABSENT), (*path, str(key)))
    return found


def apply(presets: list[str], params: Path = PARAMS_FILE) -> tuple[str, list[Change]]:
    """params.yaml with the presets put in, in their order: its text, and what changed."""
    document = read_yaml(params, round_trip())
    before = plain(document)
    for name in presets:
        merge(document, read_preset(name), name)
    return dumped(document), changes(before, plain(document))


def dumped(document: Any) -> str:
    """The text of a params.yaml that was read with `round_trip`, comments kept."""
    text = StringIO()
    round_trip().dump(document, text)
    return text.getvalue()


def checked(text: str) -> AllParams:
    """What a params.yaml of this text asks for. Raises UserError for its first fault."""
    return check(values=YAML(typ="safe", pure=True).load(text))


def inline(value: Any) -> str:
    """A value as Hydra's override grammar reads it (DVC's `-S` is Hydra's)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(inline(item) for item in value) + "]"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return repr(value)


def flags(found: list[Change]) -> list[str]:
    """The changes as overrides for `dvc exp run -S`: `~key`, `+key=value`, `key=value`."""
    result = []
    for path, old, new in found:
        key = ".".join(path)
        if new is ABSENT:
            result.append(f"~{key}")
        else:
            result.append(f"{'+' if old is ABSENT else ''}{key}={inline(new)}")
    return result


def rerun(found: list[Change], graph: Path = GRAPH) -> list[str]:
    """The stages that the changes make stale, in dvc.yaml's order: those whose params hold a changed
    key, and all that read what these write."""
    sections = {path[0] for path, _, _ in found}
    stages = read_yaml(graph)["stages"].items()
    return list(after([name for name, stage in stages if sections & set(stage.get("params", []))], graph))


def run(chosen: list[str], as_flags: bool) -> None:
    """What `tezgah preset` does. Raises UserError before anything is written."""
    if not chosen:
        print(translate("presets: " + ", ".join(names())))
        return
    text, found = apply(chosen)
    checked(text)
    if as_flags:
        print(" ".join(f"-S {shlex.quote(flag)}" for flag in flags(found)))
        return
    if not found:
        print(translate("params.yaml has these values already"))
        return
    for path, old, new in found:
        shown = ["none" if value is ABSENT else inline(value) for value in (old, new)]
        print(f"{'.'.join(path)}: {shown[0]} -> {shown[1]}")
    stale = rerun(found)
    write_whole(PARAMS_FILE, text)
    print(translate("these changes re-run: " + (", ".join(stale) or "nothing")))
    if any(path[0] == "tokenizer" for path, _, _ in found):
        print(translate("another vocabulary: the tokenizer is trained anew, and everything after it"))
