"""The encoder's folder: what is written is read again, and a faulty folder is named in one line."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.common.errors import UserError
from pipeline.encoder.hf_io import load_encoder

WEIGHTS = "model.safetensors"


def test_load_encoder_restores_what_save_encoder_wrote(folder, encoder):
    loaded = load_encoder(folder)
    assert loaded.config == encoder.config
    assert not loaded.training
    assert all(
        torch.equal(loaded.state_dict()[name], weight) for name, weight in encoder.state_dict().items()
    )


def remove(name):
    return lambda folder: (folder / name).unlink()


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def change_config(**changes):
    """Change keys of config.json. None removes one."""

    def change(folder):
        config = json.loads((folder / "config.json").read_text()) | changes
        (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))

    return change


def change_weights(name, tensor):
    """Set a tensor of the weights. None removes one."""

    def change(folder):
        weights = {**load_file(folder / WEIGHTS), name: tensor}
        save_file({k: v for k, v in weights.items() if v is not None}, folder / WEIGHTS)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, r"config.json: no such file; run `dvc repro train_encoder`"),
        (remove("config.json"), r"config.json: no such file; run `dvc repro train_encoder`"),
        (write("config.json", b"{"), r"damaged: .*; run `dvc checkout --force .*`"),
        (write("config.json", b'{"model_type": "\xff"}'), r"damaged: .*utf-8"),
        (write("config.json", b"[1, 2]"), r"config.json: holds a list, no configuration"),
        (change_config(model_type=None), r"config.json: model_type None: not an encoder written here"),
        (change_config(model_type="bert"), r"config.json: model_type 'bert': not an encoder written here"),
        (change_config(hidden_size=None), r"config.json: no configuration .*: 'hidden_size'"),
        (change_config(hidden_size="wide"), r"config.json: no configuration .* width .*'wide'"),
        (change_config(num_hidden_layers=[2]), r"config.json: no configuration .* layers "),
        (change_config(num_attention_heads=0), r"config.json: no configuration .* heads "),
        (change_config(num_attention_heads=32), r"heads 32 does not cut width 32 into even heads"),
        (remove(WEIGHTS), r"model.safetensors: no such file; run `dvc repro train_encoder`"),
        (write(WEIGHTS, b"xx"), r"damaged: .*; run `dvc checkout --force .*`"),
        (
            change_config(hidden_size=64),
            r"another architecture: embeddings.norm.weight is \(32,\), its configuration means \(64,\)",
        ),
        (
            change_weights("final_norm.weight", torch.ones(3)),
            r"final_norm.weight is \(3,\), its configuration means \(32,\)",
        ),
        (
            change_weights("final_norm.weight", None),
            r"final_norm.weight is none, its configuration means \(32,\)",
        ),
        (change_weights("bias", torch.ones(3)), r"bias is \(3,\), its configuration means none"),
    ],
)
def test_load_encoder_names_the_fault_of_a_folder_in_one_line(folder, tmp_path, change, message):
    shutil.copytree(folder, tmp_path / "encoder")
    change(tmp_path / "encoder")
    with pytest.raises(UserError, match=message) as error:
        load_encoder(tmp_path / "encoder")
    assert str(error.value).startswith(str(tmp_path / "encoder"))
    assert "\n" not in str(error.value)
