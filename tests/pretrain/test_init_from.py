"""`train.init_from`: the models that pretraining may start from, and the errors for others."""

import os
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from pipeline.cli.check import check_params
from pipeline.common.errors import UserError
from pipeline.model.decoder import Decoder, initialize
from pipeline.model.hf_io import save_decoder
from pipeline.pretrain.init_from import load_init_weights
from tests.helpers.factories import TINY_DECODER, model_params
from tests.helpers.small import sentences, set_params, write_corpus

MODEL = TINY_DECODER | {"arch": "llama", "layers": 1, "context": 64}
INIT_FROM = "data/raw/model/mine"


def make_model(seed, vocab_size=480, **changes):
    model = Decoder(model_params(**MODEL | changes), vocab_size)
    initialize(model, seed)
    return model


@pytest.fixture
def project_with_model(project, tokenizer):
    """A project whose params have the shape of the model in data/raw/model/mine."""
    set_params(project, "model", **MODEL)
    set_params(project, "tokenizer", vocab_size=480)
    set_params(project, "sft", context=64)
    set_params(project, "train", init_from=INIT_FROM)
    save_decoder(project / INIT_FROM, make_model(3), tokenizer.folder)
    return project


def check_error():
    """The error of `tezgah check`, which must be one line."""
    with pytest.raises(UserError) as error:
        check_params()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_check_init_from_accepts_a_model_of_the_same_shape(project_with_model):
    assert check_params().train.init_from == INIT_FROM
    set_params(project_with_model, "model", context=128)  # rotary weights do not depend on it
    check_params()


@pytest.mark.parametrize(
    ("section", "values", "expected"),
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
def test_check_init_from_refuses_another_model(project_with_model, section, values, expected):
    set_params(project_with_model, section, **values)
    message = check_error()
    assert message.startswith("params.yaml: ")
    assert expected in message


def test_check_init_from_refuses_untracked_and_damaged_files(project_with_model):
    (project_with_model / INIT_FROM / "config.json").write_text("{")
    assert "damaged" in check_error()
    (project_with_model / INIT_FROM / "model.safetensors").unlink()
    assert "model.safetensors: no such file" in check_error()
    shutil.move(project_with_model / INIT_FROM, project_with_model / "elsewhere")
    (project_with_model / f"{INIT_FROM}.dvc").touch()
    assert f"run `dvc pull {INIT_FROM}.dvc`" in check_error()
    (project_with_model / INIT_FROM).symlink_to(project_with_model / "elsewhere")
    assert f"{INIT_FROM} is a symlinked folder" in check_error()


def test_load_init_weights_checks_the_tokenizer(project_with_model, tokenizer, capsys):
    model, theirs = make_model(0), make_model(3)
    files = load_init_weights(model, INIT_FROM, tokenizer.folder)
    assert [file.as_posix() for file in files] == [
        f"{INIT_FROM}/config.json",
        f"{INIT_FROM}/model.safetensors",
    ]
    assert all(map(torch.equal, model.state_dict().values(), theirs.state_dict().values()))
    assert "note" not in capsys.readouterr().out
    (project_with_model / INIT_FROM / "tokenizer.model").unlink()
    load_init_weights(model, INIT_FROM, tokenizer.folder)
    assert "ids are taken to be those of" in capsys.readouterr().out
    (project_with_model / INIT_FROM / "tokenizer.model").write_bytes(b"another")
    with pytest.raises(UserError, match=r"train.init_from: .*is another tokenizer than"):
        load_init_weights(model, INIT_FROM, tokenizer.folder)
    (project_with_model / INIT_FROM / "model.safetensors").write_bytes(b"x")
    (project_with_model / INIT_FROM / "tokenizer.model").unlink()
    with pytest.raises(UserError, match="damaged"):
        load_init_weights(model, INIT_FROM, tokenizer.folder)


@pytest.mark.slow
def test_train_base_starts_from_init_from_and_afresh_when_it_changes(project_with_model, tokenizer):
    few = {"warmup_steps": 0, "learning_rate": 1e-9, "matrix_learning_rate": 1e-9}
    set_params(project_with_model, "train", steps=1, batch_size=1, tokens_per_step=64, eval_tokens=64, **few)
    shutil.copytree(tokenizer.folder, project_with_model / "models/tokenizer")
    for split in ("train", "val"):
        write_corpus(project_with_model / "data/corpus" / split, sentences(60))

    def run(stage):
        done = subprocess.run(
            [sys.executable, "-m", f"stages.{stage}"], capture_output=True, text=True, check=False,
            env={**os.environ, "TEZGAH_SCRATCH": str(project_with_model / ".scratch")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    (project_with_model / ".git").mkdir()
    run("pack_shards")
    for seed in (3, 4):
        save_decoder(project_with_model / INIT_FROM, make_model(seed), tokenizer.folder)
        assert f"starts from the weights in {INIT_FROM}" in run("train_base")
        trained, begun = (
            load_file(project_with_model / f"{at}/model.safetensors") for at in ("models/base", INIT_FROM)
        )
        assert all(torch.allclose(trained[name], begun[name], atol=1e-6) for name in begun)
