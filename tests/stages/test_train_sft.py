import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from pipeline.cli.chat import Chat
from pipeline.cli.infer import infer, open_model
from pipeline.common.errors import UserError
from pipeline.eval_sets.readers import Question
from pipeline.evaluation.questions import measure_questions
from pipeline.model.decoder import Decoder, initialize
from pipeline.model.hf_io import save_decoder
from stages import train_sft
from tests.helpers.factories import tiny_model_params
from tests.helpers.paths import ROOT
from tests.helpers.signals import signal_at
from tests.helpers.small import set_params
from tests.helpers.stock import write_stock_model


@pytest.fixture
def sft_project(project, tokenizer):
    """A project with a tiny base model and 122 rows: 2 are broken, and 20 train no answer."""
    (project / "models").mkdir()
    (project / "models/tokenizer").symlink_to(tokenizer.folder)
    model = Decoder(tiny_model_params(layers=1, context=64), tokenizer.vocab_size)
    initialize(model, seed=0)
    save_decoder(project / "models/base", model, tokenizer.folder)
    rows = [{"prompt": f"Kaç? {i}", "response": str(i), "system": "Say.", "id": i} for i in range(100)]
    rows += [
        {"messages": [{"role": "user", "content": f"Kim? {i}"},
                      {"role": "assistant", "content": "yanlış", "weight": 0}]} for i in range(20)
    ]  # fmt: skip
    lines = ["{", *map(json.dumps, rows), json.dumps({"prompt": "a", "response": "b", "tools": ["c"]})]
    (project / "data/raw/sft/rows.jsonl").write_text("\n".join(lines))
    return project


def set_sft_params(project, **values):
    yaml, path = YAML(), project / "params.yaml"
    all_params = yaml.load(path.read_text(encoding="utf-8"))
    all_params["sft"].update(
        {
            "sources": {"mine": {"kind": "local", "path": "data/raw/sft/*.jsonl"}}, "context": 64,
            "epochs": 1.0, "val_fraction": 0.2, "conversations_per_step": 16, "batch_size": 16,
            "precision": "fp32", "warmup_steps": 1, **values,
        }
    )  # fmt: skip
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(all_params, file)


def test_train_sft_skips_counts_and_tells_what_it_cannot_read(sft_project, capsys):
    set_sft_params(sft_project, on_error="skip")
    train_sft.main()
    counts = json.loads((sft_project / "reports/train_sft/metrics.json").read_text())["conversations"]
    assert (counts["read"], counts["unreadable"], counts["dropped_without_answer"]) == (120, 2, 20)
    assert counts["train"] + counts["val"] == 100
    printed = capsys.readouterr().out
    assert "note: sft.sources.mine: keys without effect: id\n" in printed
    assert (
        "note: sft.sources.mine: unreadable rows skipped: 2; one of them: data/raw/sft/rows.jsonl:122: tools"
        in printed
    )
    assert (sft_project / "models/sft/model.safetensors").exists()


def test_train_sft_stops_at_a_row_that_it_cannot_read(sft_project):
    set_sft_params(sft_project)
    with pytest.raises(UserError, match=r"rows\.jsonl:1: not JSON: .* set sft\.on_error: skip"):
        train_sft.main()
    assert not (sft_project / "models/sft").exists()


@pytest.fixture
def stock_project(project):
    """A project with a model from elsewhere, 120 conversations, and LoRA in 4 bits."""
    write_stock_model(project / "data/raw/model/stock", form="thinking")
    rows = [{"soru": f"{i} ile {i} kaç?", "cevap": f"{i + i} eder."} for i in range(120)]
    (project / "data/raw/sft/rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    lora = {"rank": 4, "alpha": 8.0, "bits": 4, "adapter": None}
    set_sft_params(project, init_from="data/raw/model/stock", lora=lora, checkpointing=True, epochs=3.0)
    return project


def run_stage(project, **env):
    return subprocess.run(
        [sys.executable, "-m", "stages.train_sft"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | env,
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )


def folder_bytes(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_train_sft_of_a_model_from_elsewhere_resumes_after_kill_to_the_same_bytes(stock_project, tmp_path):
    set_params(stock_project, "runtime", save_every=5)
    whole = run_stage(stock_project)
    assert whole.returncode == 0, whole.stderr
    expected = folder_bytes(stock_project / "models/sft")
    assert {"model.safetensors", "adapter/adapter_model.safetensors", "chat_template.jinja"} < expected.keys()
    page = (stock_project / "reports/train_sft/data.md").read_text()
    assert "<|im_start|>assistant\n<think>\n\n</think>\n\n⟦" in page
    assert "eder.<|im_end|>⟧" in page
    shutil.rmtree(stock_project / ".scratch")
    killed = run_stage(stock_project, **signal_at(tmp_path / "hook", "os.rename", "new.pt", signal.SIGKILL))
    assert killed.returncode == -signal.SIGKILL
    resumed = run_stage(stock_project)
    assert resumed.returncode == 0, resumed.stderr
    assert folder_bytes(stock_project / "models/sft") == expected


def test_chat_and_evaluation_open_a_tuned_model_from_elsewhere(stock_project):
    assert run_stage(stock_project).returncode == 0
    model, tokenizer = open_model(stock_project / "models/sft")
    chat = Chat(model, tokenizer, max_new_tokens=8)
    answer = "".join(chat.answer("3 ile 3 kaç?"))
    assert "<|im_end|>" not in answer
    assert list(infer("3 ile 3 kaç?", stock_project / "models/sft", max_new_tokens=4))
    assert list(infer("Ankara", stock_project / "models/sft", raw=True, max_new_tokens=4))
    question = Question("3 ile 3 kaç?", ("6 eder.",), "a", "b")
    assert measure_questions(model, tokenizer, [question], 8).figures["n"] == 1


def test_conversations_that_the_template_refuses_are_counted_where_rows_are_skipped(project):
    write_stock_model(project / "data/raw/model/stock", form="mistral")
    rows = [{"soru": f"{i} ile {i} kaç?", "cevap": f"{i + i} eder."} for i in range(60)]
    rows[40]["sistem"] = "Kısa."
    (project / "data/raw/sft/rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    set_sft_params(project, init_from="data/raw/model/stock")
    with pytest.raises(UserError, match=r"begins 'Kısa\.'.*, or set sft\.on_error: skip"):
        train_sft.main()
    set_sft_params(project, init_from="data/raw/model/stock", on_error="skip")
    train_sft.main()
    counts = json.loads((project / "reports/train_sft/metrics.json").read_text())["conversations"]
    assert (counts["read"], counts["dropped_by_template"]) == (60, 1)
    assert "- of these refused by the chat template: 1" in (project / "reports/train_sft/data.md").read_text()
