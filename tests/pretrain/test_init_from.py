"""train.init_from: what training may start from."""

import os
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from pipeline.cli.check import check
from pipeline.common.errors import UserError
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialise
from pipeline.model.hf_io import save_decoder
from pipeline.pretrain.init_from import start_from
from tests.helpers.small import sentences, set_params, write_corpus

SHAPE = {
    "arch": "llama", "width": 32, "layers": 1, "heads": 2, "kv_heads": 2, "head_dim": 16, "ffn": 48,
    "context": 64, "rope_theta": 1e4, "norm_eps": 1e-6, "tie_embeddings": True,
}  # fmt: skip
HERE = "data/raw/model/mine"


def made(seed, vocab_size=480, **changes):
    model = Decoder(ModelParams(**{**SHAPE, **changes}), vocab_size)
    initialise(model, seed)
    return model


@pytest.fixture
def mine(project, tokenizer):
    """A project whose params ask for the shape of the model in data/raw/model/mine."""
    set_params(project, "model", **SHAPE)
    set_params(project, "tokenizer", vocab_size=480)
    set_params(project, "sft", context=64)
    set_params(project, "train", init_from=HERE)
    save_decoder(project / HERE, made(3), tokenizer.folder)
    return project


def refused():
    with pytest.raises(UserError) as error:
        check()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_check_takes_a_model_of_the_params_shape(mine):
    assert check().train.init_from == HERE
    set_params(mine, "model", context=128)  # rotary weights do not depend on it
    check()


@pytest.mark.parametrize(
    ("section", "values", "says"),
    [
        ("train", {"init_from": "data/raw/model/none"}, "data/raw/model/none/config.json: no such file"),
        ("train", {"init_from": "models/base"}, "not under data/raw/model/"),
        ("train", {"init_from": 3}, "train.init_from: 3: "),
        ("model", {"ffn": 64}, "params.yaml: model.ffn: 64: the model of train.init_from, "),
        ("model", {"arch": "tanai"}, "has llama; set model.arch to that, or train.init_from to null"),
        ("model", {"rope_theta": 500.0}, "model.rope_theta: 500.0: "),
        ("tokenizer", {"vocab_size": 500}, "made for 480 pieces, not for the 500 of this tokenizer"),
    ],
)
def test_check_refuses_another(mine, section, values, says):
    set_params(mine, section, **values)
    message = refused()
    assert message.startswith("params.yaml: ")
    assert says in message


def test_check_finds_what_dvc_would_not_see_and_what_is_damaged(mine):
    (mine / HERE / "config.json").write_text("{")
    assert "damaged" in refused()
    (mine / HERE / "model.safetensors").unlink()
    assert "model.safetensors: no such file" in refused()
    shutil.move(mine / HERE, mine / "elsewhere")
    (mine / f"{HERE}.dvc").touch()
    assert f"run `dvc pull {HERE}.dvc`" in refused()
    (mine / HERE).symlink_to(mine / "elsewhere")
    assert f"{HERE} is a symlinked folder" in refused()


def test_weights_and_tokenizer(mine, tokenizer, capsys):
    model, theirs = made(0), made(3)
    files = start_from(model, HERE, tokenizer.folder)
    assert [file.as_posix() for file in files] == [f"{HERE}/config.json", f"{HERE}/model.safetensors"]
    assert all(map(torch.equal, model.state_dict().values(), theirs.state_dict().values()))
    assert "note" not in capsys.readouterr().out
    (mine / HERE / "tokenizer.model").unlink()
    start_from(model, HERE, tokenizer.folder)
    assert "ids are taken to be those of" in capsys.readouterr().out
    (mine / HERE / "tokenizer.model").write_bytes(b"another")
    with pytest.raises(UserError, match=r"train.init_from: .*is another tokenizer than"):
        start_from(model, HERE, tokenizer.folder)
    (mine / HERE / "model.safetensors").write_bytes(b"x")
    (mine / HERE / "tokenizer.model").unlink()
    with pytest.raises(UserError, match="damaged"):
        start_from(model, HERE, tokenizer.folder)


@pytest.mark.slow
def test_the_stage_starts_from_it_and_anew_when_it_changes(mine, tokenizer):
    few = {"warmup_steps": 0, "learning_rate": 1e-9, "matrix_learning_rate": 1e-9}
    set_params(mine, "train", steps=1, batch_size=1, tokens_per_step=64, eval_tokens=64, **few)
    shutil.copytree(tokenizer.folder, mine / "models/tokenizer")
    for split in ("train", "val"):
        write_corpus(mine / "data/corpus" / split, sentences(60))

    def run(stage):
        done = subprocess.run(
            [sys.executable, "-m", f"stages.{stage}"], capture_output=True, text=True, check=False,
            env={**os.environ, "TEZGAH_SCRATCH": str(mine / ".scratch")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    (mine / ".git").mkdir()
    run("pack_shards")
    for seed in (3, 4):
        save_decoder(mine / HERE, made(seed), tokenizer.folder)
        assert f"starts from the weights in {HERE}" in run("train_base")
        trained, begun = (load_file(mine / f"{at}/model.safetensors") for at in ("models/base", HERE))
        assert all(torch.allclose(trained[name], begun[name], atol=1e-6) for name in begun)
