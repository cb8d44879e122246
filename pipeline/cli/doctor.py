"""What `tezgah doctor` does: look at the machine before anything is trained, and say what to do."""

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console

from pipeline.common import i18n
from pipeline.common.fingerprint import scratch
from pipeline.device.malloc import available_memory

OLDEST_PYTHON = (3, 11)
REQUIREMENTS = Path("requirements.txt")
CACHE = Path(".dvc/cache")
ROOM_GB, MEMORY_GB = 5.0, 4.0  # of the installed project with a few default runs; of the default run
MARKS = {"ok": "[green]ok[/]  ", "note": "[yellow]note[/]", "bad": "[red]bad[/] "}


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, how that is (ok, note, bad), and what to do."""

    what: str
    found: str
    mark: str = "ok"
    do: str = ""


def findings() -> Iterator[Finding]:
    """All that is looked at, in the order of its importance."""
    yield system(platform.system(), platform.release())
    yield python(sys.version_info[:3])
    yield from packages(REQUIREMENTS)
    yield links(CACHE)
    yield from device()
    yield compiler(shutil.which("c++") or shutil.which("g++"))
    yield disk(shutil.disk_usage(".").free / 1e9)
    yield checkpoints(scratch())
    yield memory(available_memory())
    yield token(os.environ.get("HF_TOKEN"))


def system(name: str, release: str) -> Finding:
    """Linux and WSL2 are supported, macOS as far as it goes, Windows itself is not."""
    found = f"{name} {release}"
    if name == "Windows":
        return Finding("system", found, "bad", "not supported; work inside WSL2 (wsl --install)")
    if name == "Darwin":
        return Finding("system", found, "note", "best effort; the tests run on Linux")
    return Finding("system", found + (" (WSL)" if "microsoft" in release else ""))


def python(running: tuple[int, ...]) -> Finding:
    """Whether this Python is new enough."""
    found = ".".join(map(str, running))
    if running[:2] < OLDEST_PYTHON:
        return Finding("Python", found, "bad", "install Python 3.11 or later, then `make install`")
    return Finding("Python", found)


def packages(requirements: Path) -> Iterator[Finding]:
    """A line for each package that differs from its pin, or one that says that all agree."""
    if not requirements.exists():
        yield Finding("packages", f"no {requirements} here", "bad", "run from the project's folder")
        return
    pins = re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(encoding="utf-8"), flags=re.M)
    differing = list(filter(None, (differs(name, pin) for name, pin in pins)))
    yield from differing or [Finding("packages", f"all {len(pins)} as pinned in {requirements}")]


def differs(name: str, pin: str) -> Finding | None:
    """What is wrong with an installed package: absent, or of another version (+cpu is the same one)."""
    try:
        installed = version(name)
    except PackageNotFoundError:
        return Finding("package", f"{name} is missing", "bad", "make install")
    if installed.split("+")[0] == pin:
        return None
    return Finding("package", f"{name} {installed}, pinned {pin}", "note", "make install")


def links(cache: Path) -> Finding:
    """How DVC's cache can share files with the workspace: by hard links, symbolic links, or copies."""
    if not cache.parent.is_dir():
        return Finding("DVC cache", f"no {cache.parent} here", "bad", "run from the project's folder")
    if not os.access(cache if cache.exists() else cache.parent, os.W_OK):
        return Finding(
            "DVC cache", f"{cache} cannot be written", "bad", "change that, or `dvc cache dir` another"
        )
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as there, tempfile.TemporaryDirectory(dir=".") as here:
        source, target = Path(there, "file"), Path(here, "file")
        source.touch()
        for kind, link in (("hardlink", os.link), ("symlink", os.symlink)):
            try:
                link(source.resolve(), target)
            except OSError:
                continue
            return Finding("DVC cache", f"{cache}, by {kind}")
    return Finding("DVC cache", f"{cache}, by copies", "note", "every output takes twice its room here")


def device() -> Iterator[Finding]:
    """The device and the precision that training would take."""
    try:
        import torch
    except ImportError:
        return  # `packages` has named it
    from pipeline.device.select import pick_device, precision_of

    chosen = pick_device("auto")
    if chosen.type == "cuda":
        card = torch.cuda.get_device_properties(chosen)
        yield Finding("device", f"{card.name}, {card.total_memory / 2**30:.0f} GiB")
    else:
        yield Finding("device", f"{chosen.type}, {torch.get_num_threads()} threads")
    precision = precision_of("auto", chosen)
    slow = chosen.type == "cpu" and precision == "fp32"
    advice = "a processor with AVX-512 BF16 or AMX is several times as fast" if slow else ""
    yield Finding("precision", precision, "note" if slow else "ok", advice)


def compiler(path: str | None) -> Finding:
    """A C++ compiler, which torch.compile needs and nothing here does."""
    return Finding("C++ compiler", path or "none: not needed, but for torch.compile")


def disk(free_gb: float) -> Finding:
    """Whether there is room for the project and some runs."""
    found = f"{free_gb:.1f} GB free"
    if free_gb < ROOM_GB:
        return Finding("disk", found, "note", f"{ROOM_GB:.0f} GB are better; `dvc gc -w` clears the cache")
    return Finding("disk", found)


def checkpoints(folder: Path) -> Finding:
    """Whether checkpoints can be written, which TEZGAH_SCRATCH may have moved elsewhere."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Finding(
            "checkpoints", f"{folder} cannot be written", "bad", "set TEZGAH_SCRATCH to another folder"
        )
    return Finding("checkpoints", f"{folder}, {shutil.disk_usage(there).free / 1e9:.1f} GB free")


def memory(free_gb: float | None) -> Finding:
    """Whether the default run fits."""
    if free_gb is None:
        return Finding("memory", "this system does not tell")
    found = f"{free_gb:.1f} GB free"
    if free_gb < MEMORY_GB:
        return Finding("memory", found, "note", "close programs, or `dvc exp run -S train.batch_size=4`")
    return Finding("memory", found)


def token(value: str | None) -> Finding:
    """Whether HF_TOKEN is set; its value is never shown."""
    return Finding("HF_TOKEN", "set" if value else "not set: needed for guarded data sets alone")


def run() -> bool:
    """Print a line for each finding; whether none is bad."""
    console = Console(soft_wrap=True, highlight=False)
    found = list(findings())
    for finding in found:
        advice = f"  -> {finding.do}" if finding.do else ""
        console.print(f"{MARKS[finding.mark]}  {i18n.translate(finding.what):12}  ", end="")
        console.print(i18n.translate(finding.found) + advice, markup=False)
    return all(finding.mark != "bad" for finding in found)
