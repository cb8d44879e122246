"""What is known of a trained model: the params of its run out of dvc.lock, and the figures of its reports."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Facts:
    """The run that a model folder is the output of. All is empty where it is of none that is known here."""

    stage: str = ""
    params: dict[str, Any] = field(default_factory=dict)  # of all stages, as they ran
    metrics: dict[str, Any] = field(default_factory=dict)  # by stage
    timing: dict[str, Any] = field(default_factory=dict)  # by stage, where it is noted here
    md5: str = ""  # of the folder, as dvc.lock has it
    commit: str = ""

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


def source_license(source: dict[str, Any]) -> str:
    """Return the license of a source of text or conversations; nothing where none is noted."""
    return "Apache-2.0" if source["kind"] == GENERATED else source.get("license") or ""


def read_facts(folder: Path, root: Path = Path()) -> Facts:
    """Return what is known of a model folder: of models/base, models/sft and models/encoder of a project."""
    stage = next((stage for own, stage in STAGE_OF.items() if same_folder(root / own, folder)), "")
    lock = root / DVC_LOCK_FILE
    stages = (read_yaml(lock).get("stages") or {}) if stage and lock.is_file() else {}
    if stage not in stages:
        return Facts()
    params: dict[str, Any] = {}
    for name in reversed(STAGES):  # what a stage itself has run with stands, not what later ones tell of it
        params |= stages.get(name, {}).get("params", {}).get(str(PARAMS_FILE), {})
    outputs = {Path(out["path"]): out.get("md5", "") for out in stages[stage]["outs"]}
    own = next(path for path, of in STAGE_OF.items() if of == stage)
    return Facts(
        stage,
        params,
        read_reports(root, "metrics.json"),
        read_reports(root, "timing.json"),
        outputs.get(own, ""),
        find_commit(root),
    )


def same_folder(a: Path, b: Path) -> bool:
    """Tell if two paths are one folder."""
    return a.resolve() == b.resolve()


def read_reports(root: Path, file: str) -> dict[str, Any]:
    """Return a JSON file of each stage's report, by stage, of those that are there and can be read."""
    reports = {}
    for stage in STAGES:
        path = root / REPORTS / stage / file
        try:
            reports[stage] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    return reports


def find_commit(root: Path) -> str:
    """Return the commit of a project, with + after it where files differ from it; nothing without git."""
    commands = (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    done = [
        subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=False)
        for command in commands
    ]
    if any(each.returncode for each in done):
        return ""
    return done[0].stdout.strip() + "+" * bool(done[1].stdout.strip())
