import json

import pytest
from ruamel.yaml import YAML

from pipeline.common.errors import UserError
from pipeline.model.decoder import Decoder, initialize
from pipeline.model.hf_io import save_decoder
from stages import train_sft
from tests.helpers.factories import tiny_model_params


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
        sources={"mine": {"kind": "local", "path": "data/raw/sft/*.jsonl"}}, context=64, epochs=1.0,
        val_fraction=0.2, conversations_per_step=16, batch_size=16, precision="fp32", warmup_steps=1, **values
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
