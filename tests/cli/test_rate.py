"""The measured rate of a machine: stored by `tezgah plan` and `tezgah doctor`, read by all else."""

import subprocess
import sys

import pytest

from pipeline.cli import doctor, rate
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
def measured(monkeypatch):
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
    assert rate.measure_rate("cpu", "fp32") == 1e11
    assert rate.measure_rate("cpu", "bf16") == 2e11
    assert rate.measure_rate("cpu", "fp32") == 3e11
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


def test_measure_rate_stores_nothing_where_it_cannot(project, measured):
    (project / ".scratch").touch()  # no folder
    assert rate.measure_rate("cpu", "fp32") == 1e11
    (project / ".scratch").unlink()
    (project / "params.yaml").unlink()  # no project
    assert rate.measure_rate("cpu", "fp32") == 2e11
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
