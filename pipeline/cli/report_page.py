"""`tezgah report --open`: the page of a run with its time and machine, alone or beside another run."""

import io
import subprocess
import tarfile
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.cli.compare import find_commit
from pipeline.cli.graph import last_runs, run_git, stale_stages
from pipeline.cli.revisions import fetch_folder
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, is_turkish, to_turkish
from pipeline.common.io import sha256, write_atomic
from pipeline.common.metrics import read_timing
from pipeline.common.paths import DVC_LOCK_FILE, PARAMS_FILE, REPORTS, STAGES, TOKENIZER
from pipeline.export.facts import find_lock_commit
from pipeline.reporting.data import Run, read_run
from pipeline.reporting.page import draw_page
from pipeline.reporting.view import Extras

LANGUAGES: dict[str, Callable[[str], str]] = {"en": str, "tr": to_turkish}
# Beside the page that `evaluate` writes, reports/index.html, as DVC watches that one.
PAGE, COMPARISON = REPORTS / "run.html", REPORTS / "compare.html"
HASH_LENGTH = 12


def write_page(lang: str | None, revision: str | None, opens: bool) -> None:
    """Write the page of the workspace's run, beside that of a revision if one is given; open it if asked.

    Raises UserError for an unknown language or revision, and where nothing has run.
    """
    lang = lang or ("tr" if is_turkish() else "en")
    if lang not in LANGUAGES:
        raise UserError(
            "--lang: {lang}: not one of {languages}", lang=repr(lang), languages=", ".join(LANGUAGES)
        )
    in_words = LANGUAGES[lang]
    run = read_run(Path(), in_words(Translatable("workspace")))
    if not any(run.metrics.values()):
        raise UserError("{reports}: no figures of a run; run `dvc repro`", reports=REPORTS)
    other = read_other_run(revision) if revision else None
    path = COMPARISON if other else PAGE
    write_atomic(path, draw_page(run, lang, other, read_extras(in_words)))
    print(path)
    if opens and not webbrowser.open(path.absolute().as_uri()):
        raise UserError("{path}: no browser to open it with; open it by hand", path=path)


def read_extras(in_words: Callable[[str], str]) -> Extras:
    """Return what is known of the run beside its declared files. `in_words` translates."""
    timing = {stage: read_timing(stage) for stage in STAGES}
    seconds, memory = (
        {
            stage: float(noted[key])
            for stage, noted in timing.items()
            if isinstance(noted.get(key), int | float)
        }
        for key in ("stage_seconds", "stage_peak_memory_gib")
    )
    machines = dict.fromkeys(str(noted["machine"]) for noted in timing.values() if noted.get("machine"))
    hours = sum(seconds.values()) / 3600
    default = run_git("show", f"HEAD:./{PARAMS_FILE.as_posix()}")
    has_lock, is_timed = DVC_LOCK_FILE.exists(), len(seconds) == len(STAGES)
    return Extras(
        seconds=seconds,
        memory_gib=memory,
        states={stage: in_words(why) for stage, why in stale_stages().items()} if has_lock else {},
        rebuilt=find_rebuilt(),
        machine="; ".join(machines),
        cost=in_words(Translatable("{hours:.2f} hours of this machine", hours=hours)) if is_timed else "",
        commit=find_lock_commit(Path()),
        lock=sha256(DVC_LOCK_FILE)[:HASH_LENGTH] if has_lock else "",
        default_params=YAML(typ="safe", pure=True).load("\n".join(default)) if default else None,
    )


def find_rebuilt() -> set[str] | None:
    """Return the stages that ran since the last commit, by dvc.lock; None where it is that of the commit."""
    text = "\n".join(run_git("show", f"HEAD:./{DVC_LOCK_FILE.as_posix()}"))
    committed = (YAML(typ="safe", pure=True).load(text) or {}).get("stages", {}) if text else {}
    rebuilt = {stage for stage, entry in last_runs().items() if committed.get(stage) != entry}
    return rebuilt or None


def read_other_run(revision: str) -> Run:
    """Return the run of a git revision, a DVC experiment, or of another project's folder.

    Raises UserError where it is none of them.
    """
    if Path(revision).is_dir():
        return check_run(read_run(Path(revision), revision))
    commit = find_commit(revision)
    if commit is None:
        raise UserError("--compare: {revision}: no such revision, experiment or folder", revision=revision)
    command = ["git", "archive", "--format=tar", commit, REPORTS.as_posix(), PARAMS_FILE.as_posix()]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise UserError(
            "--compare: {revision}: has no {reports} and {params_file}; name a run of this project",
            revision=revision,
            reports=REPORTS,
            params_file=PARAMS_FILE,
        )
    with tempfile.TemporaryDirectory() as made:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            if hasattr(tarfile, "data_filter"):  # Debian's Python 3.11.2 has none yet
                archive.extraction_filter = tarfile.data_filter
            archive.extractall(made)
        link_tokenizer(Path(made), revision)
        return check_run(read_run(Path(made), revision))


def check_run(run: Run) -> Run:
    """Return a run. Raises UserError where its folder or revision has no figures."""
    if not any(run.metrics.values()):
        raise UserError(
            "--compare: {run}: has no figures of a run; name one that has {reports}",
            run=run.name,
            reports=REPORTS,
        )
    return run


def link_tokenizer(made: Path, revision: str) -> None:
    """Put the tokenizer of a revision into a folder, if DVC still has it."""
    try:
        tokenizer = fetch_folder(TOKENIZER, revision)
    except UserError:
        return
    (made / TOKENIZER).parent.mkdir(parents=True)
    (made / TOKENIZER).symlink_to(tokenizer.absolute())
