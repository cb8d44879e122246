"""The encoder's folder: what is written is read again, and a faulty folder is named in one line."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.common.errors import UserError
from pipeline.encoder.hf_io import load_encoder
from pipeline.encoder.numpy_table import NumpyTable, open_encoder
from pipeline.encoder.table import VectorTable

WEIGHTS = "model.safetensors"
TEXTS = ["İstanbul'un ışığı", "Van", ""]


def test_load_encoder_restores_what_save_encoder_wrote(folder, encoder):
    loaded = load_encoder(folder)
    assert loaded.model.config == encoder.model.config
    assert loaded.hybrid_weight == encoder.hybrid_weight
    assert loaded.prefix_weight == encoder.prefix_weight
    assert not loaded.model.training
    assert all(
        torch.equal(loaded.model.state_dict()[name], weight)
        for name, weight in encoder.model.state_dict().items()
    )
    assert np.allclose(loaded.embed(TEXTS), encoder.embed(TEXTS), atol=1e-6)


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


def change_weights(name, tensor, file=WEIGHTS):
    """Set a tensor of the weights. None removes one."""

    def change(folder):
        weights = {**load_file(folder / file), name: tensor}
        save_file({k: v for k, v in weights.items() if v is not None}, folder / file)

    return change


OF_BOTH = [
    (shutil.rmtree, r"search.json: no such file; run `dvc repro train_encoder`"),
    (remove("search.json"), r"not an encoder of this version: no search.json; run `dvc repro train_encoder`"),
    (write("search.json", b"{"), r"damaged: .*; run `dvc checkout --force .*`"),
    (write("search.json", b'{"hybrid_weight": "big"}'), r"search.json: hybrid_weight is no number; run"),
    (write("search.json", b'{"hybrid_weight": 1.0}'), r"search.json: prefix_weight is no number; run"),
    (remove("tokenizer.json"), r"tokenizer.json: no such file; run `dvc repro train_encoder`"),
    (write("tokenizer.json", b"{}"), r"tokenizer.json: damaged: .*; run `dvc repro train_encoder`"),
    (remove(WEIGHTS), r"model.safetensors: no such file; run `dvc repro train_encoder`"),
    (write(WEIGHTS, b"xx"), r"damaged: .*; run `dvc checkout --force .*`"),
]
OF_NETWORK = [
    (write("config.json", b'{"model_type": "\xff"}'), r"damaged: .*utf-8"),
    (write("config.json", b"[1, 2]"), r"config.json: holds a list, no configuration"),
    (change_config(model_type=None), r"config.json: model_type None: not an encoder written here"),
    (change_config(model_type="bert"), r"config.json: model_type 'bert': not an encoder written here"),
    (change_config(hidden_size=None), r"config.json: no configuration .*: 'hidden_size'"),
    (change_config(hidden_size="wide"), r"config.json: no configuration .* width .*'wide'"),
    (change_config(num_hidden_layers=[2]), r"config.json: no configuration .* layers "),
    (change_config(num_attention_heads=32), r"heads 32 does not cut width 32 into even heads"),
    (
        change_config(hidden_size=64),
        r"another architecture: embeddings.norm.weight is \(32,\), its configuration means \(64,\)",
    ),
    (
        change_weights("final_norm.weight", None),
        r"final_norm.weight is none, its configuration means \(32,\)",
    ),
    (change_weights("bias", torch.ones(3)), r"bias is \(3,\), its configuration means none"),
    (change_config(vocab_size=60), r"config.json: vocab_size 60, but tokenizer.json has \d+ pieces; run"),
    (remove("1_WordWeights/model.safetensors"), r"1_WordWeights/model.safetensors: no such file; run"),
    (
        change_weights("emb_layer.weight", torch.ones(3, 1), "1_WordWeights/model.safetensors"),
        r"1_WordWeights/model.safetensors: no weight for each of \d+ pieces",
    ),
]
OF_TABLE = [
    (change_weights("embedding.weight", torch.ones(3, 4)), r"no vector for each of \d+ pieces"),
    (change_weights("embedding.weight", None), r"no vector for each of \d+ pieces"),
    (change_weights("bias", torch.ones(3)), r"bias is \(3,\), its configuration means none"),
]


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        *(("network", *case) for case in OF_BOTH + OF_NETWORK),
        *(("table", *case) for case in OF_BOTH + OF_TABLE),
    ],
)
def test_load_encoder_names_the_fault_of_a_folder_in_one_line(request, tmp_path, kind, change, message):
    shutil.copytree(request.getfixturevalue(f"{kind}_folder"), tmp_path / "encoder")
    change(tmp_path / "encoder")
    with pytest.raises(UserError, match=message) as error:
        load_encoder(tmp_path / "encoder")
    assert str(error.value).startswith(str(tmp_path / "encoder"))
    assert "\n" not in str(error.value)


def test_load_encoder_of_an_earlier_version_says_what_to_run(network_folder, tmp_path):
    """A folder from before token weights: modules, but no weight of the cosines."""
    shutil.copytree(network_folder, tmp_path / "encoder")
    (tmp_path / "encoder/search.json").unlink()
    shutil.rmtree(tmp_path / "encoder/1_WordWeights")
    with pytest.raises(UserError, match=r"not an encoder of this version.*run `dvc repro train_encoder`"):
        load_encoder(tmp_path / "encoder")


def test_open_encoder_reads_a_table_without_torch_and_a_network_with_it(folder, encoder):
    opened = open_encoder(folder)
    assert isinstance(opened, NumpyTable) == isinstance(encoder.model, VectorTable)
    assert (opened.width, opened.prefix_weight) == (encoder.width, encoder.prefix_weight)
    assert np.allclose(opened.embed(TEXTS), encoder.embed(TEXTS), atol=1e-6)


def test_open_encoder_tells_what_is_wrong(table_folder, tmp_path):
    shutil.copytree(table_folder, tmp_path / "encoder")
    (tmp_path / "encoder/search.json").write_text("{}")
    with pytest.raises(UserError, match=r"search.json: hybrid_weight is no number; run"):
        open_encoder(tmp_path / "encoder")
