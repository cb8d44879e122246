"""`tezgah plan`: what it prints, and the memory that it plans."""

import re

import pytest
import torch
from ruamel.yaml import YAML

from pipeline.cli import plan, preset, rate
from pipeline.cli.check import check_params
from pipeline.common.errors import UserError
from pipeline.model.decoder import Decoder, parameter_count
from tests.helpers.factories import model_params, tokenizer_params, train_params
from tests.helpers.small import set_params


def test_print_plan_says_what_counts_take_only_where_there_are_some(project, up_to_date, capsys):
    plan.print_plan(probe=False)
    assert "n-gram" not in capsys.readouterr().out
    set_params(project, "model", ngram={"order": 5})
    plan.print_plan(probe=False)
    printed = capsys.readouterr().out
    assert re.search(r"n-gram counts: about \d+ s to count, 0\.0\d GB in models/base/ngram", printed)
    assert re.search(r"with its counts \d\.\d\d bits per byte become about \d\.\d\d on real text", printed)
    assert re.search(r"disk: .*counts 0\.0\d", printed)
    set_params(project, "model", ngram={"order": 0})
    set_params(project, "train", ngram_draws=8)
    plan.print_plan(probe=False)
    assert "to count, not kept" in capsys.readouterr().out


@pytest.fixture
def up_to_date(monkeypatch):
    monkeypatch.setattr(plan, "stale_stages", dict)
    monkeypatch.setattr(rate, "measure_flops", lambda device, precision: 1e11)
    monkeypatch.setattr(rate, "used_cores", lambda: (0.0, 2))


def table_rows(printed):
    """Return the cells of every row of the printed tables."""
    lines = [line for line in printed.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_print_plan_adds_up_for_the_shipped_params(project, up_to_date, monkeypatch, capsys):
    monkeypatch.setattr(plan, "stale_stages", lambda: {"pack_shards": "never run", "train_base": "reads it"})
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TEZGAH_SCRATCH", str(project / ".scratch"))
    params = model_params(), tokenizer_params().vocab_size
    with torch.device("meta"):
        count = parameter_count(Decoder(*params))
    plan.print_plan(probe=False)
    printed = capsys.readouterr().out
    assert rate.stored_rate("auto", "auto") == 1e11

    rows = table_rows(printed)
    parameters = {row[0]: int(row[2].replace(",", "")) for row in rows if len(row) == 3}
    assert sum(number for name, number in parameters.items() if name.startswith("model.")) == count
    assert parameters["all"] == count
    assert parameters["without embeddings"] == count - parameters["model.embed_tokens"]

    train = train_params()
    steps = f"{train.steps:,} steps x {train.tokens_per_step:,}"
    assert f"{steps} = {train.steps * train.tokens_per_step / 1e6:.1f} M tokens" in printed
    assert f"memory of pretraining, train.batch_size {train.batch_size}" in printed
    *parts, required = (float(row[1]) for row in rows if len(row) == 2 and row[1][0].isdigit())
    assert sum(parts) == pytest.approx(required, abs=0.04)  # GiB, six numbers rounded
    assert parts[0] == pytest.approx(4 * count / 2**30, abs=0.006)  # weights in fp32

    names = ("corpus", "shards", "models", "checkpoints")
    disk = re.search(rf"disk: about (\S+) GB \({', '.join(f'{name} (.+)' for name in names)}\)", printed)
    total, *parts = map(float, disk.groups())
    assert sum(parts) == pytest.approx(total, abs=0.03)  # GB, five numbers rounded
    assert parts[2] == pytest.approx(2 * 4 * count / 1e9, abs=0.006)  # base and chat model in fp32
    assert parts[3] > 2 * parts[2]  # each checkpoint has moments too

    assert "the largest train.batch_size that fits" in printed
    assert re.search(r"time here \(cpu\): about \d+ \w+ \(pack_shards \d+ \w+, train_base \d+ \w+\)", printed)
    assert printed.splitlines()[-2:] == [
        "`dvc repro` will run pack_shards: never run",
        "`dvc repro` will run train_base: reads it",
    ]


def test_run_probe_trains_and_prints_its_speed(project, up_to_date, monkeypatch):
    preset.run_preset(["smoke"], False)
    monkeypatch.setattr(plan, "PROBE_STEPS", 3)
    params = check_params()
    assert "tokens/s; pretraining takes" in plan.run_probe(params, plan.pick_device("cpu"), "fp32", 8)


def test_card_table_fits_more_sequences_with_memory_savings(project, monkeypatch):
    monkeypatch.setattr(plan, "CARD_SIZES", (2, 4))  # smaller than real cards, as the model is small
    preset.run_preset(["mini"], False)
    params = check_params()
    larger = params.train.model_copy(update={"tokens_per_step": 2**18})
    for column in plan.card_table(params.model_copy(update={"train": larger})).columns[1:]:
        rows = [int(cell) for cell in column.cells]
        assert rows == sorted(set(rows))


def test_card_table_fits_fewer_sequences_of_larger_models(project, monkeypatch):
    monkeypatch.setattr(plan, "MEMORY_SAVINGS", {"train.batch_size": {}})
    sizes = []
    for name in ("baby-10m", "llama-134m"):
        preset.run_preset([name], False)
        cells = [next(iter(column.cells)) for column in plan.card_table(check_params()).columns[1:]]
        assert [int(cell) for cell in cells if cell != "none"] == sorted(int(c) for c in cells if c != "none")
        sizes.append(cells)
    assert int(sizes[0][-1]) > int(sizes[1][-1])


def set_auto_batch_size(project):
    set_params(project, "train", batch_size="auto")


def test_print_plan_resolves_an_automatic_batch_size(project, up_to_date, monkeypatch, capsys):
    monkeypatch.setenv("TEZGAH_SCRATCH", str(project / ".scratch"))
    set_auto_batch_size(project)
    plan.print_plan(probe=False)
    assert "train.batch_size auto (8)" in capsys.readouterr().out
    monkeypatch.setattr("pipeline.autobatch.choose.free_bytes", lambda device: 10**6)
    plan.print_plan(probe=True)
    printed = capsys.readouterr().out
    assert "note: params.yaml: train.batch_size: auto: not even one sequence fits" in printed
    assert "probe" not in printed


def set_device(project, device):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("device: auto", f"device: {device}"))


def test_print_plan_goes_on_with_a_note_where_the_device_is_missing(project, monkeypatch, capsys):
    monkeypatch.setattr(plan, "stale_stages", dict)
    monkeypatch.setenv("TEZGAH_SCRATCH", str(project / ".scratch"))
    set_device(project, "cuda:7")
    plan.print_plan(probe=True)
    printed = capsys.readouterr().out
    assert "the largest train.batch_size that fits" in printed
    assert "note: params.yaml: runtime.device: 'cuda:7': this machine has none" in printed


def test_print_plan_without_dvc_ends_with_a_note(project, monkeypatch, capsys):
    monkeypatch.setattr(rate, "measure_flops", lambda device, precision: 1e11)
    monkeypatch.setattr(rate, "used_cores", lambda: (0.0, 2))
    plan.print_plan(probe=False)  # a project without .git and .dvc
    assert capsys.readouterr().out.splitlines()[-1].startswith("note: dvc status: ")


def test_run_probe_names_the_batch_size_when_out_of_memory(project, up_to_date, monkeypatch):
    def too_much(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(plan, "time_random_step", too_much)
    with pytest.raises(UserError, match=r"train\.batch_size: 8: out of memory; set it to 4"):
        plan.run_probe(check_params(), plan.pick_device("cpu"), "fp32", 8)


def test_print_plan_accepts_an_empty_source(project, up_to_date, capsys):
    (project / "data/raw/corpus").mkdir(parents=True, exist_ok=True)
    (project / "data/raw/corpus/bos.txt").write_bytes(b"")
    yaml = YAML()
    params = yaml.load((project / "params.yaml").read_text())
    params["corpus"]["sources"] = {"bos": {"kind": "local", "path": "data/raw/corpus/bos.txt", "weight": 1.0}}
    (project / "data/raw/sft/rows.jsonl").write_text('{"prompt": "Kim?", "response": "Ben."}\n')
    params["sft"]["sources"] = {"rows": {"kind": "local", "path": "data/raw/sft/rows.jsonl"}}
    with open(project / "params.yaml", "w") as file:
        yaml.dump(params, file)
    plan.print_plan(probe=False)
    assert "epochs" in capsys.readouterr().out
