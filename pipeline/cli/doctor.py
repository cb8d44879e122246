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
from pipeline.common.fingerprint import scratch_folder
from pipeline.common.i18n import Translatable, translate
from pipeline.device.memory import available_memory

OLDEST_PYTHON = (3, 11)
REQUIREMENTS = Path("requirements.txt")
DVC_CACHE = Path(".dvc/cache")
MIN_FREE_DISK_GB = 5.0  # for the installed project with a few default runs
MIN_FREE_MEMORY_GB = 4.0  # for the default run
COLORS = {"ok": "green", "note": "yellow", "bad": "red"}  # by severity


@dataclass(frozen=True)
class Finding:
    """The result of one check, printed as one line."""

    subject: str
    result: str
    severity: str = "ok"  # a key of COLORS
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
    subject, result = Translatable("system"), f"{name} {release}"
    if name == "Windows":
        advice = Translatable("not supported; work inside WSL2 (wsl --install)")
        return Finding(subject, result, "bad", advice)
    if name == "Darwin":
        return Finding(subject, result, "note", Translatable("best effort; the tests run on Linux"))
    return Finding(subject, result + (" (WSL)" if "microsoft" in release else ""))


def check_python(version_info: tuple[int, ...]) -> Finding:
    """Check that this Python is new enough."""
    result = ".".join(map(str, version_info))
    if version_info[:2] < OLDEST_PYTHON:
        advice = Translatable("install Python 3.11 or later, then `make install`")
        return Finding("Python", result, "bad", advice)
    return Finding("Python", result)


def check_packages(requirements: Path) -> Iterator[Finding]:
    """Check the installed packages: a finding for each that differs from its pin, or one if all agree."""
    subject = Translatable("packages")
    if not requirements.exists():
        yield find_no_project(subject, requirements)
        return
    pins = re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(encoding="utf-8"), flags=re.M)
    differing = list(filter(None, (check_package(name, pin) for name, pin in pins)))
    fine = Translatable("all {count} as pinned in {file}", count=len(pins), file=requirements)
    yield from differing or [Finding(subject, fine)]


def find_no_project(subject: Translatable, path: Path) -> Finding:
    """Return a finding that something of a project is missing here."""
    result = Translatable("no {path} here", path=path)
    return Finding(subject, result, "bad", Translatable("run from the project's folder"))


def check_package(name: str, pin: str) -> Finding | None:
    """Return a finding if a package is missing or of another version than its pin (+cpu does not count)."""
    subject = Translatable("package")
    try:
        installed = version(name)
    except PackageNotFoundError:
        return Finding(subject, Translatable("{name} is missing", name=name), "bad", "make install")
    if installed.split("+")[0] == pin:
        return None
    result = Translatable("{name} {installed}, pinned {pin}", name=name, installed=installed, pin=pin)
    return Finding(subject, result, "note", "make install")


def check_clone() -> Iterator[Finding]:
    """Yield a finding if this is a shallow clone of git."""
    if is_shallow_clone():
        yield Finding("git", LOST_IN_SHALLOW_CLONE, "note", "git fetch --unshallow")


def check_links(cache: Path) -> Finding:
    """Check how DVC's cache can share files with the workspace: by hard links, symbolic links, or copies."""
    subject = Translatable("DVC cache")
    if not cache.parent.is_dir():
        return find_no_project(subject, cache.parent)
    if not os.access(cache if cache.exists() else cache.parent, os.W_OK):
        result = Translatable("{folder} cannot be written", folder=cache)
        return Finding(subject, result, "bad", Translatable("change that, or `dvc cache dir` another"))
    cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder, tempfile.TemporaryDirectory(dir=".") as workspace:
        source, target = Path(folder, "file"), Path(workspace, "file")
        source.touch()
        for result, link in (
            (Translatable("{folder}, by hardlink", folder=cache), os.link),
            (Translatable("{folder}, by symlink", folder=cache), os.symlink),
        ):
            try:
                link(source.resolve(), target)
            except OSError:
                continue
            return Finding(subject, result)
    result = Translatable("{folder}, by copies", folder=cache)
    return Finding(subject, result, "note", Translatable("every output takes twice its room here"))


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
        size = card.total_memory / 2**30
        result = Translatable("{name}, {memory:.0f} GiB", name=card.name, memory=size)
    else:
        count = torch.get_num_threads()
        result = Translatable("{device}, {count} threads", device=torch_device.type, count=count)
    yield Finding(Translatable("device"), result)
    precision = pick_precision("auto", torch_device)
    is_slow = torch_device.type == "cpu" and precision == "fp32"
    advice = Translatable("a processor with AVX-512 BF16 or AMX is several times as fast")
    subject = Translatable("precision")
    yield Finding(subject, precision, "note", advice) if is_slow else Finding(subject, precision)
    rate = measure_rate("auto", "auto")
    severity = "note" if rate.note else "ok"
    result = Translatable("{rate:,.0f} GFLOP/s in {precision}", rate=rate.flops / 1e9, precision=precision)
    yield Finding(Translatable("matrix products"), result, severity, rate.note)


def check_compiler(path: str | None) -> Finding:
    """Report the C++ compiler, which only torch.compile needs."""
    result = path or Translatable("none: not needed, but for torch.compile")
    return Finding(Translatable("C++ compiler"), result)


def check_disk(free_gb: float) -> Finding:
    """Check that there is disk space for the project and some runs."""
    subject, result = Translatable("disk"), Translatable("{size:.1f} GB free", size=free_gb)
    if free_gb < MIN_FREE_DISK_GB:
        advice = Translatable("{size:.0f} GB are better; `dvc gc -w` clears the cache", size=MIN_FREE_DISK_GB)
        return Finding(subject, result, "note", advice)
    return Finding(subject, result)


def check_scratch_folder(folder: Path) -> Finding:
    """Check that checkpoints can be written to the scratch folder."""
    subject = Translatable("checkpoints")
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        result = Translatable("{folder} cannot be written", folder=folder)
        return Finding(subject, result, "bad", Translatable("set TEZGAH_SCRATCH to another folder"))
    free_gb = shutil.disk_usage(existing).free / 1e9
    return Finding(subject, Translatable("{folder}, {size:.1f} GB free", folder=folder, size=free_gb))


def check_memory(free_gb: float | None) -> Finding:
    """Check that the default run fits into memory."""
    subject = Translatable("memory")
    if free_gb is None:
        return Finding(subject, Translatable("this system does not tell"))
    result = Translatable("{size:.1f} GB free", size=free_gb)
    if free_gb < MIN_FREE_MEMORY_GB:
        advice = Translatable("close programs, or `dvc exp run -S train.batch_size=4`")
        return Finding(subject, result, "note", advice)
    return Finding(subject, result)


def check_token(value: str | None) -> Finding:
    """Report if HF_TOKEN is set. Its value is never printed."""
    if value:
        return Finding("HF_TOKEN", Translatable("set"))
    return Finding("HF_TOKEN", Translatable("not set: needed for guarded data sets alone"))


def run_checks() -> bool:
    """Print a line for each finding, in columns, and return true if none is bad."""
    console = Console(soft_wrap=True, highlight=False)
    findings = list(collect_findings())
    labels = {severity: translate(severity) for severity in COLORS}
    subjects = [translate("{subject}", subject=finding.subject) for finding in findings]
    width, subject_width = max(map(len, labels.values())), max(map(len, subjects))
    for finding, subject in zip(findings, subjects, strict=True):
        console.print(f"{labels[finding.severity]:{width}}", style=COLORS[finding.severity], end="  ")
        template = "{result}  -> {advice}" if finding.advice else "{result}"
        line = translate(template, result=finding.result, advice=finding.advice)
        console.print(f"{subject:{subject_width}}  {line}", markup=False)
    return all(finding.severity != "bad" for finding in findings)
