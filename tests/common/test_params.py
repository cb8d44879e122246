"""Reading and checking of params.yaml: the errors for each kind of fault."""

import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from pipeline.cli.check import check_params
from pipeline.common.errors import UserError
from pipeline.common.params import load_seed, nearest_divisors, parse_yaml, read_params


def altered(root, change):
    values = YAML(typ="safe", pure=True).load((root / "params.yaml").read_text(encoding="utf-8"))
    change(values)
    return values


def test_check_params_accepts_the_shipped_file(root):
    assert check_params(root / "params.yaml").train.batch_size == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda v: v["train"].update(learnin_rate=1.0),
            "train.learnin_rate: unknown key; did you mean 'learning_rate'?",
        ),
        (lambda v: v.update(modle={}), "modle: unknown key; did you mean 'model'?"),
        (lambda v: v["train"].update(steps="many"), "train.steps: 'many': Input should be a valid integer"),
        (lambda v: v["train"].update(steps=1.5), "train.steps: 1.5: Input should be a valid integer"),
        (
            lambda v: v["train"].update(schedule="steep"),
            "train.schedule: 'steep': Input should be 'wsd', 'cosine' or 'linear'",
        ),
        (lambda v: v["train"].pop("clip"), "train.clip: missing"),
        (lambda v: v["model"].update(heads=3, kv_heads=3), "heads 3 does not divide width 224; try heads: 2"),
        (lambda v: v["model"].update(kv_heads=3), "kv_heads 3 does not divide heads 4"),
        (
            lambda v: v["train"].update(tokens_per_step=5000),
            "multiple of train.batch_size x model.context x runtime.processes = 2048; nearest: 4096 or 6144",
        ),
        (lambda v: v["train"].update(tokens_per_step=300), "= 2048; nearest: 2048"),
        (
            lambda v: v["train"].update(batch_size=3),
            "train.batch_size: 3: a step of train.tokens_per_step 2048",
        ),
        (lambda v: v["train"].update(batch_size=3), "has 8 sequences, no multiple of it; nearest: 2 or 4"),
        (lambda v: v["sft"].update(context=512), "sft.context: 512"),
        (lambda v: v["tokenizer"].update(vocab_size=100), "tokenizer.vocab_size: 100"),
        (lambda v: v["runtime"].update(device="gpu"), "runtime.device: 'gpu'"),
        (lambda v: v.update(seed="x"), "seed: 'x'"),
        (lambda v: v.update(seed=2**63), f"seed: {2**63}: Input should be less than"),
        (
            lambda v: v["train"].update(learning_rate=float("inf")),
            "train.learning_rate: inf: Input should be a finite number",
        ),
        (lambda v: v["eval"].update(temperature=float("nan")), "eval.temperature: nan"),
        (
            lambda v: v["corpus"]["sources"].update(mine={"kind": "local", "path": "data/raw/corpus/no.txt"}),
            "data/raw/corpus/no.txt",
        ),
        (
            lambda v: v["corpus"]["sources"].update(mine={"kind": "files", "path": "x"}),
            "corpus.sources.mine.kind: 'files': must be 'miniworld', 'local'",
        ),
        (
            lambda v: v["corpus"]["sources"]["miniworld"].update(documnts=3),
            "corpus.sources.miniworld.documnts: unknown key; did you mean 'documents'?",
        ),
    ],
)
def test_check_params_names_key_and_value_in_one_line(root, change, message):
    with pytest.raises(UserError) as caught:
        check_params(root / "params.yaml", altered(root, change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_check_params_does_not_suggest_a_key_of_another_section(root):
    def change(values):
        values["corpus"]["sources"]["mine"] = {"kind": "local", "path": "x", "dataset": 3}

    with pytest.raises(UserError, match=r"corpus.sources.mine.dataset: unknown key$"):
        check_params(root / "params.yaml", altered(root, change))


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, True])
def test_load_seed_refuses_a_seed_out_of_range(tmp_path, seed):
    (tmp_path / "params.yaml").write_text(f"seed: {str(seed).lower()}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"params.yaml: seed: \S+ is not a whole number from 0 to"):
        load_seed(tmp_path / "params.yaml")


def test_check_params_accepts_the_sources_of_the_page_on_data(root, project):
    shown = (root / "docs/data.md").read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (project / "data/raw/corpus/a.txt").write_text("Bir gün.\n", encoding="utf-8")
    values = YAML(typ="safe", pure=True).load(shown)

    def change(params):
        for section in values:
            params[section].update(values[section])

    check_params(project / "params.yaml", altered(project, change))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: [1", "not valid YAML"),
        ("- 1", "expected sections"),
        ("seed: 1", "missing"),
        ("seed: 1\nseed: 2", "not valid YAML"),
    ],
)
def test_check_params_names_a_broken_file(tmp_path, text, message):
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        check_params(tmp_path / "params.yaml")


def test_read_params_reads_exponents_as_numbers(tmp_path):
    (tmp_path / "params.yaml").write_text("seed: 1\nshards: {shard_tokens: 10}\nx: 1e-4\n", encoding="utf-8")
    assert read_params(tmp_path / "params.yaml")["x"] == 1e-4  # a string to YAML 1.1 readers


def test_read_yaml_parses_again_only_what_was_edited(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("seed: 1\ntrain: {steps: 1}\n", encoding="utf-8")
    first = read_params(path)
    first["train"]["steps"] = 3  # a change of the caller's own
    parsed = parse_yaml.cache_info().misses
    assert read_params(path)["train"]["steps"] == 1
    assert parse_yaml.cache_info().misses == parsed
    path.write_text("seed: 1\ntrain: {steps: 2}\n", encoding="utf-8")
    assert read_params(path)["train"]["steps"] == 2


def test_check_params_file_stops_a_stage_at_a_typo_in_another_section(project):
    path = project / "params.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("max_questions", "max_qestions"), encoding="utf-8"
    )
    completed = subprocess.run(
        [sys.executable, "-m", "stages.slice_corpus"], capture_output=True, text=True, check=False
    )
    assert completed.returncode == 1
    assert (
        completed.stderr.strip()
        == "error: params.yaml: eval.max_qestions: unknown key; did you mean 'max_questions'?"
    )
    assert not (project / "data/corpus").exists()


@pytest.mark.parametrize(
    ("number", "target", "count", "divisors"),
    [
        (224, 3, 1, [2]),  # 4 is as near
        (12, 5, 2, [4, 6]),
        (8, 3, 2, [2, 4]),
        (7, 100, 1, [7]),
        (1, 5, 2, [1]),
    ],
)
def test_nearest_divisors(number, target, count, divisors):
    assert nearest_divisors(number, target, count) == divisors
