"""What is known of a trained model: the params of its run out of dvc.lock, and the figures of its reports."""

import hashlib
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.common.metrics import read_object, read_timing
from pipeline.common.params import read_yaml
from pipeline.common.paths import (
    BASE_MODEL,
    DVC_LOCK_FILE,
    ENCODER_MODEL,
    PARAMS_FILE,
    REPORTS,
    SFT_MODEL,
    STAGES,
)

STAGE_OF = {BASE_MODEL: "train_base", SFT_MODEL: "train_sft", ENCODER_MODEL: "train_encoder"}
GENERATED = "miniworld"  # the kind of source that this program composes itself
# Params that name a model from elsewhere, by the stage whose model learns from it.
STARTS = {
    "train_base": ("train.init_from",),
    "train_sft": ("train.init_from", "sft.init_from", "sft.lora.adapter"),
    "train_encoder": ("encoder.teacher",),
}


@dataclass(frozen=True)
class Facts:
    """The run that a model folder is the output of. All is empty where it is of none that is known here."""

    stage: str = ""
    params: dict[str, Any] = field(default_factory=dict)  # of all stages, as they ran
    metrics: dict[str, Any] = field(default_factory=dict)  # by stage
    timing: dict[str, Any] = field(default_factory=dict)  # by stage, where it is noted here
    md5: str = ""  # of the folder, as dvc.lock has it
    commit: str = ""  # that has this dvc.lock

    @property
    def sources(self) -> dict[str, dict[str, Any]]:
        """The corpus's sources, by name."""
        return self.params.get("corpus", {}).get("sources", {})

    @property
    def conversations(self) -> dict[str, dict[str, Any]]:
        """The sources of conversations, by name; none of a model that was not tuned."""
        return self.params.get("sft", {}).get("sources", {}) if self.stage == "train_sft" else {}

    @property
    def all_licenses(self) -> set[str]:
        """The licenses of all data; an empty text for a source of which none is noted."""
        sources = [*self.sources.values(), *self.conversations.values()]
        return {source_license(source) for source in sources}

    @property
    def starts_from(self) -> list[str]:
        """The models from elsewhere that this one began as, or learned from."""
        return [name for path in STARTS.get(self.stage, ()) if (name := self._find_start(path))]

    def _find_start(self, path: str) -> str | None:
        """Return the model that a param names, unless it is this run's own."""
        value: Any = self.params
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return None if value == BASE_MODEL.as_posix() else value


def source_license(source: dict[str, Any]) -> str:
    """Return the license of a source of text or conversations; nothing where none is noted."""
    return "Apache-2.0" if source["kind"] == GENERATED else source.get("license") or ""


def read_facts(folder: Path, root: Path = Path()) -> Facts:
    """Return what is known of a model folder: of models/base, models/sft and models/encoder of a project.

    Nothing where its files are not those of the last run, by their hash in dvc.lock. Figures of the
    evaluation are left out where it has measured another model.
    """
    own = next((path for path in STAGE_OF if (root / path).resolve() == folder.resolve()), None)
    lock = root / DVC_LOCK_FILE
    stages = (read_yaml(lock).get("stages") or {}) if own and lock.is_file() else {}
    stage = STAGE_OF[own] if own else ""
    if own is None or stage not in stages:
        return Facts()
    md5 = find_md5(stages[stage]["outs"], own)
    if md5 != hash_folder(folder):
        return Facts()
    params: dict[str, Any] = {}
    for name in reversed(STAGES):  # what a stage itself has run with stands, not what later ones tell of it
        params |= stages.get(name, {}).get("params", {}).get(str(PARAMS_FILE), {})
    metrics = {
        name: found for name in STAGES if (found := read_object(root / REPORTS / name / "metrics.json"))
    }
    if md5 != find_md5(stages.get("evaluate", {}).get("deps", []), own):
        metrics.pop("evaluate", None)
    timing = {name: read_timing(name, root / REPORTS) for name in STAGES}
    return Facts(stage, params, metrics, timing, md5, find_lock_commit(root))


def find_md5(entries: list[dict[str, Any]], path: Path) -> str:
    """Return the hash that dvc.lock has for an output or a dependency; nothing where it has none."""
    return next((entry.get("md5", "") for entry in entries if Path(entry["path"]) == path), "")


def hash_folder(folder: Path) -> str:
    """Return the md5 that DVC gives a folder: that of the list of its files with theirs."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = [
        {"md5": hashlib.md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(folder).as_posix()}
        for path in files
    ]
    return hashlib.md5(json.dumps(rows, sort_keys=True).encode()).hexdigest() + ".dir"


def find_lock_commit(root: Path) -> str:
    """Return the commit that has the project's dvc.lock as it is; nothing where none has."""
    lock = DVC_LOCK_FILE.as_posix()
    commands = (["diff", "--quiet", "HEAD", "--", lock], ["log", "-1", "--format=%H", "--", lock])
    done = [
        subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=False)
        for command in commands
    ]
    return "" if any(each.returncode for each in done) else done[1].stdout.strip()
