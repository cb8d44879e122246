"""The measured rate of a machine: stored by `tezgah plan` and `tezgah doctor`, read by all else."""

import os
import re
import subprocess
import sys

import pytest

from pipeline.cli import doctor, plan, rate
from pipeline.common.errors import UserError

CHECK = """
import sys
from pipeline.cli.main import app
app(["check", "--stage", "train_base"], standalone_mode=False)
assert "torch" not in sys.modules
"""
BAD_RATES = [b'{"cpu, fp32": %s}' % rate for rate in (b"0", b"NaN", b'"fast"', b"null")]


@pytest.fixture(autouse=True)
def scratch_in_project(project, monkeypatch):
    monkeypatch.delenv("TEZGAH_SCRATCH", raising=False)


@pytest.fixture
def load(monkeypatch):
    """The cores in use by other programs, and all cores; a test may change the first."""
    cores = [0.0, 4]
    monkeypatch.setattr(rate, "used_cores", lambda: tuple(cores))
    return cores


@pytest.fixture
def measured(monkeypatch, load):
    """Stand for the measurement; what it was asked for is listed, and the nth returns n * 1e11."""
    asked = []

    def measure_flops(*request):
        asked.append(request)
        return len(asked) * 1e11

    monkeypatch.setattr(rate, "measure_flops", measure_flops)
    return asked


def run_check(project):
    """Run `tezgah check --stage train_base`; return what it prints, and which files it touched."""

    def files():
        return {path: path.lstat().st_mtime_ns for path in project.rglob("*")}

    before = files()
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=True)
    return done.stdout, {path for path, time in files().items() if before.get(path) != time}


def test_measure_rate_measures_each_time_and_stores_by_device_and_precision(measured):
    assert rate.stored_rate("cpu", "fp32") is None
    assert rate.measure_rate("cpu", "fp32").flops == 1e11
    assert rate.measure_rate("cpu", "bf16").flops == 2e11
    assert rate.measure_rate("cpu", "fp32").flops == 3e11
    assert measured == [("cpu", "fp32"), ("cpu", "bf16"), ("cpu", "fp32")]
    assert (rate.stored_rate("cpu", "fp32"), rate.stored_rate("cpu", "bf16")) == (3e11, 2e11)
    assert rate.stored_rate("cuda", "fp32") is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff", *map(b'{"cpu, fp32": %s}'.__mod__, BAD_RATES)]
)
def test_stored_rate_ignores_a_damaged_file_which_the_next_measurement_mends(project, measured, content):
    (project / ".scratch").mkdir()
    (project / ".scratch" / rate.RATE_FILE).write_bytes(content)
    assert rate.stored_rate("cpu", "fp32") is None
    rate.measure_rate("cpu", "fp32")
    assert rate.stored_rate("cpu", "fp32") == 1e11


def test_measure_rate_keeps_to_the_last_quiet_rate_while_the_machine_is_busy(measured, load):
    assert rate.measure_rate("cpu", "fp32") == (1e11, "")
    load[0] = 1.6  # of 4 cores
    flops, note = rate.measure_rate("cpu", "fp32")
    assert flops == rate.stored_rate("cpu", "fp32") == 1e11
    assert len(measured) == 1
    busy = "the machine is busy: other programs use 1.6 of 4 cores; "
    assert note == busy + "times are by its last rate when it was quiet"
    load[0] = 1.2
    assert rate.measure_rate("cpu", "fp32") == (2e11, "")


def test_measure_rate_of_a_busy_machine_is_not_stored(measured, load):
    load[0] = 4.0
    flops, note = rate.measure_rate("cpu", "fp32")
    assert flops == 1e11
    assert "use 4.0 of 4 cores, and its rate when quiet is unknown" in note
    assert rate.stored_rate("cpu", "fp32") is None
    load[0] = 0.0
    assert rate.measure_rate("cpu", "fp32") == (2e11, "")
    load[0] = 4.0
    assert rate.measure_rate("cpu", "fp32").flops == rate.stored_rate("cpu", "fp32") == 2e11
    assert rate.measure_rate("cpu", "bf16").flops == 3e11  # no quiet rate of that precision
    assert rate.stored_rate("cpu", "bf16") is None


def test_used_cores_counts_those_that_this_process_may_use():
    used, cores = rate.used_cores(0.01)
    assert 0 <= used <= cores == len(os.sched_getaffinity(0))


def test_plan_and_doctor_say_that_the_machine_is_busy(measured, load, monkeypatch, capsys):
    monkeypatch.setattr(plan, "stale_stages", lambda: {"train_base": "never run"})
    plan.print_plan(probe=False)
    quiet = capsys.readouterr().out
    load[0] = 4.0
    plan.print_plan(probe=False)
    busy = capsys.readouterr().out
    free = re.compile(r"this machine \(.*\n")  # how much memory is free changes
    busy, quiet = free.sub("", busy).splitlines(), free.sub("", quiet).splitlines()
    assert [line for line in busy if line not in quiet] == [
        "note: the machine is busy: other programs use 4.0 of 4 cores;"
        " times are by its last rate when it was quiet"
    ]
    (finding,) = [finding for finding in doctor.check_device() if finding.subject == "matrix products"]
    assert finding.severity == "note"
    assert finding.advice.startswith("the machine is busy")


def test_measure_rate_stores_nothing_where_it_cannot(project, measured):
    (project / ".scratch").touch()  # no folder
    assert rate.measure_rate("cpu", "fp32").flops == 1e11
    (project / ".scratch").unlink()
    (project / "params.yaml").unlink()  # no project
    assert rate.measure_rate("cpu", "fp32").flops == 2e11
    assert not (project / ".scratch").exists()


def test_measure_flops_names_a_device_that_is_missing(project):
    with pytest.raises(UserError, match="this machine has none"):
        rate.measure_rate("cuda:7", "fp32")
    assert rate.measure_flops("cpu", "fp32", for_seconds=0.001) > 0


def test_check_writes_nothing_imports_no_torch_and_tells_the_time_by_the_stored_rate(project, measured):
    assert run_check(project) == ("stage 5 of 7: train_base\n", set())
    rate.measure_rate("auto", "auto")
    printed, touched = run_check(project)
    assert printed.startswith("stage 5 of 7: train_base; about ")
    assert not touched


def test_doctor_names_and_stores_the_rate(measured):
    findings = {finding.subject: finding.result for finding in doctor.check_device()}
    assert findings["matrix products"] == f"100 GFLOP/s in {findings['precision']}"
    assert rate.stored_rate("auto", "auto") == 1e11
