"""The md5 of everything that the stages write, to show that a refactoring changed no output.

Clones a commit of this repository, runs the stages there on a list of settings that reaches what the
default run does not, and writes a JSON file of `{run: {path: md5}}`. Run it once before a refactoring and
once after, on one machine, then compare:

    python -m benchmarks.output_hashes run main~10 before.json
    python -m benchmarks.output_hashes run main after.json
    python -m benchmarks.output_hashes compare before.json after.json

Files of the shared development data are used where they lie beside the checkout; else those runs are left
out, by name. Takes half an hour on two cores, most of it the default run (`--skip default`).
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer
from ruamel.yaml import YAML

from pipeline.common.paths import STAGES

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
RENAMED = {"reports/evaluate/beside.json": "reports/evaluate/baseline_samples.json"}

SHORT = {"train": {"steps": 30, "warmup_steps": 2, "eval_every": 10}}
# What the decoder's training can be asked for, each as a change of `smoke`.
PRETRAINING: dict[str, dict[str, Any]] = {
    "best_fit": {"train": {"packing": "best_fit", "document_mask": True}},
    "llama": {"model": {"arch": "llama"}},
    "tanai": {"model": {"arch": "tanai", "kv_heads": 2}},
    "fp32": {"train": {"precision": "fp32"}},
    "adamw_cosine": {"train": {"optimizer": "adamw", "schedule": "cosine"}},
    "less_memory": {"train": {"checkpointing": True, "loss_chunks": 4, "batch_size": 4}},
    "init_from": {"train": {"init_from": "data/raw/model/base"}},
    "two_processes": {"runtime": {"processes": 2}, "train": {"batch_size": 8}},
    "fsdp": {"runtime": {"processes": 2}, "train": {"batch_size": 8, "sharding": "fsdp"}},
}

app = typer.Typer(add_completion=False)


def merge(into: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Set the values of `changes` in `into`, section by section; `sources` and `tasks` replace."""
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict) and key not in ("sources", "tasks"):
            merge(into[key], value)
        else:
            into[key] = value


def set_params(project: Path, *changes: Mapping[str, Any]) -> None:
    """Write params.yaml: the shipped values with `changes` in turn."""
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((project / "params.shipped.yaml").read_text(encoding="utf-8"))
    for change in changes:
        merge(params, change)
    with (project / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(params, file)


def run_stages(project: Path, *stages: str) -> None:
    """Run stages by their scripts, without DVC. Raises CalledProcessError where one fails."""
    for stage in stages:
        shutil.rmtree(project / ".scratch", ignore_errors=True)
        started = time.monotonic()
        environment = {**os.environ, "PYTHONPATH": str(project)}
        subprocess.run(
            [sys.executable, "-m", f"stages.{stage}"],
            cwd=project,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        print(f"  {stage} {time.monotonic() - started:.0f} s", flush=True)


def hash_files(project: Path, *folders: str) -> dict[str, str]:
    """The md5 of every file under `folders`, but what differs from run to run."""
    hashes = {}
    for folder in folders:
        for path in sorted((project / folder).rglob("*")):
            name = path.relative_to(project).as_posix()
            unlike = path.name in ("timing.json", ".gitkeep") or name.endswith("live/metrics.json")
            if path.is_file() and not unlike:
                hashes[name] = hashlib.md5(path.read_bytes()).hexdigest()
    return hashes


def make_corpus(project: Path, preset: Mapping[str, Any]) -> dict[str, Any]:
    """Lay real text under data/raw and return the settings that read it: gz, CSV, copies, a broken record."""
    raw = project / "data/raw"
    with gzip.open(SHARED / "corpus/tbmm_2018.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = [next(file) for _ in range(1600)]
    with gzip.open(raw / "corpus/tbmm_some.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines([*lines[:700], '{"id": "broken", "text": \n', *lines[700:1500]])
    texts = [json.loads(line)["text"] for line in [*lines[:200], *lines[1500:]]]
    near = [" ".join(word for i, word in enumerate(text.split(" ")) if i % 97) for text in texts]
    with (raw / "corpus/copies.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in near)
    for name in ("laws.txt.gz", "wiki_sentences.csv"):
        shutil.copy(SHARED / "corpus" / name, raw / "corpus" / name)
    shutil.copy(SHARED / "morph/ud_stem_boundary.tsv", raw / "morph")
    shutil.copy(SHARED / "eval/xquad.tr.json", raw / "eval")
    shutil.copy(SHARED / "eval/heldout.jsonl", raw / "eval")
    shutil.copytree(SHARED / "eval/turblimp", raw / "eval/turblimp")
    shutil.copy(SHARED / "sft/dialogues.jsonl", raw / "sft")
    shutil.copy(SHARED / "sft/nutuk_qa.jsonl", raw / "sft")
    sources = dict(preset["corpus"]["sources"])
    sources["tbmm"] = {**sources["tbmm"], "path": "data/raw/corpus/tbmm_some.jsonl.gz"}
    sources["copies"] = {"kind": "local", "path": "data/raw/corpus/copies.jsonl", "weight": 0.5}
    sources["miniworld"] = {"kind": "miniworld", "documents": 800, "weight": 0.5}
    return {"corpus": {"sources": sources, "max_bytes": 3_000_000, "on_error": "skip"}}


@app.command()
def run(ref: str, out: Path, skip: list[str] | None = None, only: list[str] | None = None) -> None:
    """Clone `ref`, run everything, and write the hashes to `out`."""
    project = Path(tempfile.mkdtemp(prefix="output-hashes-"))
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", ref], cwd=project, check=True)
    shutil.copy(project / "params.yaml", project / "params.shipped.yaml")
    presets = {
        path.stem: YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        for path in (project / "presets").glob("*.yaml")
    }
    smoke = presets["smoke"]
    hashes: dict[str, dict[str, str]] = {}

    def record(name: str, folders: tuple[str, ...], *work: Callable[[], None]) -> None:
        if name in (skip or []) or (only and name not in only):
            return
        print(name, flush=True)
        shutil.rmtree(project / "reports", ignore_errors=True)  # of the run before
        for step in work:
            step()
        hashes[name] = hash_files(project, *folders)
        out.write_text(json.dumps(hashes, indent=1), encoding="utf-8")

    everything = ("data/corpus", "data/shards", "models", "reports")
    record("smoke", everything, lambda: set_params(project, smoke), lambda: run_stages(project, *STAGES))
    if "smoke" in hashes:
        shutil.copytree(project / "models/base", project / "data/raw/model/base")
    for name, change in PRETRAINING.items():
        record(
            name,
            ("models/base", "reports/train_base"),
            lambda change=change: set_params(project, smoke, SHORT, change),
            lambda: run_stages(project, "train_base"),
        )
    if SHARED.is_dir():
        mini = presets["real-mini"]
        corpus = make_corpus(project, mini)
        tasks = {"eval": {"tasks": mini["eval"]["tasks"]}}
        reading = ("slice_corpus", "train_tokenizer", "pack_shards")
        record(
            "real_text",
            ("data/corpus", "data/shards", "models/tokenizer", "reports"),
            lambda: set_params(project, smoke, tasks, corpus, {"tokenizer": mini["tokenizer"]}),
            lambda: run_stages(project, *reading),
        )
        unigram = {"tokenizer": {"kind": "unigram", "morphemes": True, "vocab_size": 2048}}
        record(
            "unigram",
            ("data/shards", "models/tokenizer", "reports"),
            lambda: set_params(project, smoke, tasks, corpus, unigram),
            lambda: run_stages(project, *reading[1:]),
        )
        sft = {"sft": {"sources": mini["sft"]["sources"], "epochs": 0.3}}
        record(
            "real_models",
            ("models", "reports"),
            lambda: set_params(project, smoke, tasks, corpus, unigram, sft, SHORT),
            lambda: run_stages(project, *STAGES[3:]),
        )
    else:
        print(f"left out for want of {SHARED}: real_text, unigram, real_models")
    record("default", everything, lambda: set_params(project), lambda: run_stages(project, *STAGES))
    shutil.rmtree(project)


@app.command()
def compare(before: Path, after: Path) -> None:
    """Name every file that differs, and exit with 1 where one does."""
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (before, after))
    different = 0
    for name in old.keys() | new.keys():
        mine = {RENAMED.get(path, path): md5 for path, md5 in old.get(name, {}).items()}
        yours = new.get(name, {})
        changed = sorted(path for path in mine.keys() | yours.keys() if mine.get(path) != yours.get(path))
        different += len(changed)
        print(f"{name}: {len(mine)} files, {len(changed)} differ")
        for path in changed:
            print(f"  {path}: {mine.get(path, 'missing')} -> {yours.get(path, 'missing')}")
    print(json.dumps({"runs": len(new), "files": sum(map(len, new.values())), "different": different}))
    raise typer.Exit(1 if different else 0)


if __name__ == "__main__":
    app()
