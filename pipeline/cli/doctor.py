"""`tezgah doctor`: checks of this machine before anything is trained, with advice."""

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

from pipeline.cli.graph import LOST_IN_SHALLOW_CLONE, is_shallow_clone
from pipeline.common import i18n
from pipeline.common.fingerprint import scratch_folder
from pipeline.device.memory import available_memory

OLDEST_PYTHON = (3, 11)
REQUIREMENTS = Path("requirements.txt")
DVC_CACHE = Path(".dvc/cache")
MIN_FREE_DISK_GB = 5.0  # for the installed project with a few default runs
MIN_FREE_MEMORY_GB = 4.0  # for the default run
LABELS = {"ok": "[green]ok[/]  ", "note": "[yellow]note[/]", "bad": "[red]bad[/] "}


@dataclass(frozen=True)
class Finding:
    """The result of one check, printed as one line."""

    subject: str
    result: str
    severity: str = "ok"  # a key of LABELS
    advice: str = ""


def collect_findings() -> Iterator[Finding]:
    """Yield the findings of all checks, the most important first."""
    yield check_system(platform.system(), platform.release())
    yield check_python(sys.version_info[:3])
    yield from check_packages(REQUIREMENTS)
    yield from check_clone()
    yield check_links(DVC_CACHE)
    yield from check_device()
    yield check_compiler(shutil.which("c++") or shutil.which("g++"))
    yield check_disk(shutil.disk_usage(".").free / 1e9)
    yield check_scratch_folder(scratch_folder())
    yield check_memory(available_memory())
    yield check_token(os.environ.get("HF_TOKEN"))


def check_system(name: str, release: str) -> Finding:
    """Check the system: Linux and WSL2 are supported, macOS on a best-effort basis, Windows itself is not."""
    result = f"{name} {release}"
    if name == "Windows":
        return Finding("system", result, "bad", "not supported; work inside WSL2 (wsl --install)")
    if name == "Darwin":
        return Finding("system", result, "note", "best effort; the tests run on Linux")
    return Finding("system", result + (" (WSL)" if "microsoft" in release else ""))


def check_python(version_info: tuple[int, ...]) -> Finding:
    """Check that this Python is new enough."""
    result = ".".join(map(str, version_info))
    if version_info[:2] < OLDEST_PYTHON:
        return Finding("Python", result, "bad", "install Python 3.11 or later, then `make install`")
    return Finding("Python", result)


def check_packages(requirements: Path) -> Iterator[Finding]:
    """Check the installed packages: a finding for each that differs from its pin, or one if all agree."""
    if not requirements.exists():
        yield Finding("packages", f"no {requirements} here", "bad", "run from the project's folder")
        return
    pins = re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(encoding="utf-8"), flags=re.M)
    differing = list(filter(None, (check_package(name, pin) for name, pin in pins)))
    yield from differing or [Finding("packages", f"all {len(pins)} as pinned in {requirements}")]


def check_package(name: str, pin: str) -> Finding | None:
    """Return a finding if a package is missing or of another version than its pin (+cpu does not count)."""
    try:
        installed = version(name)
    except PackageNotFoundError:
        return Finding("package", f"{name} is missing", "bad", "make install")
    if installed.split("+")[0] == pin:
        return None
    return Finding("package", f"{name} {installed}, pinned {pin}", "note", "make install")


def check_clone() -> Iterator[Finding]:
    """Yield a finding if this is a shallow clone of git."""
    if is_shallow_clone():
        yield Finding("git", LOST_IN_SHALLOW_CLONE, "note", "git fetch --unshallow")


def check_links(cache: Path) -> Finding:
    """Check how DVC's cache can share files with the workspace: by hard links, symbolic links, or copies."""
    if not cache.parent.is_dir():
        return Finding("DVC cache", f"no {cache.parent} here", "bad", "run from the project's folder")
    if not os.access(cache if cache.exists() else cache.parent, os.W_OK):
        return Finding(
            "DVC cache", f"{cache} cannot be written", "bad", "change that, or `dvc cache dir` another"
        )
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder, tempfile.TemporaryDirectory(dir=".") as workspace:
        source, target = Path(folder, "file"), Path(workspace, "file")
        source.touch()
        for kind, link in (("hardlink", os.link), ("symlink", os.symlink)):
            try:
                link(source.resolve(), target)
            except OSError:
                continue
            return Finding("DVC cache", f"{cache}, by {kind}")
    return Finding("DVC cache", f"{cache}, by copies", "note", "every output takes twice its room here")


def check_device() -> Iterator[Finding]:
    """Check which device and precision training would use, and measure how fast they are."""
    try:
        import torch
    except ImportError:
        return  # `check_packages` reports it
    from pipeline.cli.rate import measure_rate
    from pipeline.device.device import pick_device, pick_precision

    torch_device = pick_device("auto")
    if torch_device.type == "cuda":
        card = torch.cuda.get_device_properties(torch_device)
        yield Finding("device", f"{card.name}, {card.total_memory / 2**30:.0f} GiB")
    else:
        yield Finding("device", f"{torch_device.type}, {torch.get_num_threads()} threads")
    precision = pick_precision("auto", torch_device)
    is_slow = torch_device.type == "cpu" and precision == "fp32"
    advice = "a processor with AVX-512 BF16 or AMX is several times as fast" if is_slow else ""
    yield Finding("precision", precision, "note" if is_slow else "ok", advice)
    rate = measure_rate("auto", "auto")
    severity = "note" if rate.note else "ok"
    result = f"{rate.flops / 1e9:,.0f} GFLOP/s in {precision}"
    yield Finding("matrix products", result, severity, i18n.translate(rate.note))


def check_compiler(path: str | None) -> Finding:
    """Report the C++ compiler, which only torch.compile needs."""
    return Finding("C++ compiler", path or "none: not needed, but for torch.compile")


def check_disk(free_gb: float) -> Finding:
    """Check that there is disk space for the project and some runs."""
    result = f"{free_gb:.1f} GB free"
    if free_gb < MIN_FREE_DISK_GB:
        advice = f"{MIN_FREE_DISK_GB:.0f} GB are better; `dvc gc -w` clears the cache"
        return Finding("disk", result, "note", advice)
    return Finding("disk", result)


def check_scratch_folder(folder: Path) -> Finding:
    """Check that checkpoints can be written to the scratch folder."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return Finding(
            "checkpoints", f"{folder} cannot be written", "bad", "set TEZGAH_SCRATCH to another folder"
        )
    return Finding("checkpoints", f"{folder}, {shutil.disk_usage(existing).free / 1e9:.1f} GB free")


def check_memory(free_gb: float | None) -> Finding:
    """Check that the default run fits into memory."""
    if free_gb is None:
        return Finding("memory", "this system does not tell")
    result = f"{free_gb:.1f} GB free"
    if free_gb < MIN_FREE_MEMORY_GB:
        return Finding("memory", result, "note", "close programs, or `dvc exp run -S train.batch_size=4`")
    return Finding("memory", result)


def check_token(value: str | None) -> Finding:
    """Report if HF_TOKEN is set. Its value is never printed."""
    return Finding("HF_TOKEN", "set" if value else "not set: needed for guarded data sets alone")


def run_checks() -> bool:
    """Print a line for each finding, and return true if none is bad."""
    console = Console(soft_wrap=True, highlight=False)
    findings = list(collect_findings())
    for finding in findings:
        advice = f"  -> {finding.advice}" if finding.advice else ""
        console.print(f"{LABELS[finding.severity]}  {i18n.translate(finding.subject):12}  ", end="")
        console.print(i18n.translate(finding.result) + advice, markup=False)
    return all(finding.severity != "bad" for finding in findings)
