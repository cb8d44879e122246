"""LoRA on models from elsewhere, against `peft` and `transformers`."""

import json
import shutil

import pytest
import torch
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipeline.common.errors import UserError
from pipeline.model.hf_io import load_decoder
from pipeline.pretrained.adapter import NAME, make_config, trainable_weights, write_adapter
from pipeline.pretrained.quantize import dequantize
from pipeline.sft.base import check_base, load_base, write_tuned
from pipeline.sft.dataset import Dataset
from pipeline.sft.loss_mask import make_row
from pipeline.sft.task import SftTask
from pipeline.tokenizer.special import IGNORE_INDEX
from pipeline.training.loop import Trainer
from pipeline.training.optimizer import ADAMW_EPSILON
from pipeline.training.schedule import lr_multiplier
from tests.helpers.factories import sft_params
from tests.helpers.stock import write_stock_model

FOLDER = "data/raw/model/stock"
CPU = torch.device("cpu")
IDS = torch.arange(40)[None] * 7 % 500


def lora(**changes):
    return {"rank": 4, "alpha": 16.0, "bits": 16, "adapter": None, **changes}


def params(**changes):
    """Return the params of a short run from the stock model."""
    small = {
        "init_from": FOLDER, "lora": lora(), "context": 64, "conversations_per_step": 8, "batch_size": 4,
        "precision": "fp32", "learning_rate": 0.01, "warmup_steps": 2, "epochs": 2.0,
    }  # fmt: skip
    return sft_params(**small | changes)


@pytest.fixture(params=["llama", "qwen2", "qwen3", "mistral"])
def any_stock(request, project):
    return write_stock_model(project / FOLDER, request.param, "chatml")


@pytest.fixture
def stock(project):
    return write_stock_model(project / FOLDER)


def make_rows(tokenizer, count=24):
    def ask(i):
        return [
            {"role": "user", "content": f"{i} kaç?"},
            {"role": "assistant", "content": f"{i * 7 % 13} eder"},
        ]

    return [make_row(tokenizer, ask(i), 64)[0] for i in range(count)]


def train(sft, seed=1):
    """Return a model after its training, its task and its losses."""
    model, tokenizer = load_base(sft, seed, "cpu")
    rows = make_rows(tokenizer)
    task = SftTask(Dataset(rows, rows[:4], {}), sft, seed)
    trainer = Trainer(model, task, sft, task.steps, CPU)
    before = {name: weight.detach().clone() for name, weight in trainable_weights(model).items()}
    trainer.train()
    return model, task, trainer.history.losses, before


def train_with_peft(folder, task, sft, adapter):
    """Take the same steps with the model of `transformers` and the adapter of `peft`; return the losses."""
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), make_config(sft.lora))
    theirs = {name.removeprefix("base_model.model."): weight for name, weight in model.named_parameters()}
    for name, weight in adapter.items():
        theirs[name].data.copy_(weight)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=0.0, betas=(sft.beta1, sft.beta2), eps=ADAMW_EPSILON, weight_decay=sft.weight_decay
    )
    losses = []
    for step in range(task.steps):
        optimizer.zero_grad()
        total = 0.0
        for batch in task.micro_batches(step):
            logits = model(batch.ids_BxT).logits.flatten(0, 1)
            loss = F.cross_entropy(
                logits, batch.targets_BxT.flatten(), ignore_index=IGNORE_INDEX, reduction="sum"
            )
            (loss / batch.step_targets).backward()
            total += loss.item() / batch.step_targets
        torch.nn.utils.clip_grad_norm_(trained, sft.clip)
        optimizer.param_groups[0]["lr"] = sft.learning_rate * lr_multiplier(step, task.steps, sft)
        optimizer.step()
        losses.append(total)
    return losses


def test_losses_are_those_of_peft_and_transformers(any_stock):
    sft = params()
    _, task, losses, adapter = train(sft)
    theirs = train_with_peft(any_stock, task, sft, adapter)
    assert len(losses) == 6
    assert losses[-1] < losses[0] - 0.5
    assert losses == pytest.approx(theirs, abs=1e-4)


def test_merged_weights_and_adapter_compute_the_same_everywhere(any_stock, project):
    sft = params()
    model, *_ = train(sft)
    with torch.no_grad():
        expected = model(IDS)
        untuned = load_decoder(any_stock)(IDS)
    write_tuned(project / "models/sft", model, sft)
    merged = load_decoder(project / "models/sft")
    theirs = AutoModelForCausalLM.from_pretrained(project / "models/sft")
    base = AutoModelForCausalLM.from_pretrained(any_stock)
    beside = PeftModel.from_pretrained(base, project / "models/sft/adapter")
    with torch.no_grad():
        assert (untuned - expected).abs().max() > 0.1
        for logits in (merged(IDS), theirs(IDS).logits, beside(IDS).logits):
            assert (logits - expected).abs().max() < 1e-4
    noted = json.loads((project / "models/sft/adapter/adapter_config.json").read_text())
    assert noted["base_model_name_or_path"] == FOLDER
    stock = json.loads((any_stock / "config.json").read_text())
    assert json.loads((project / "models/sft/config.json").read_text()) == stock
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (project / "models/sft" / name).read_bytes() == (any_stock / name).read_bytes()


def test_the_whole_model_is_tuned_without_lora(stock, project):
    sft = params(lora=lora(rank=0))
    model, _, losses, before = train(sft)
    assert losses[-1] < losses[0] - 0.5
    assert before.keys() == dict(model.named_parameters()).keys()
    write_tuned(project / "models/sft", model, sft)
    assert not (project / "models/sft/adapter").exists()
    assert torch.equal(load_decoder(project / "models/sft")(IDS), model(IDS))


def test_lora_fits_the_base_of_this_project_too(model_folders, project):
    shutil.copytree(model_folders / "base", project / "models/base")
    sft = params(init_from="models/base", context=24, lora=lora(rank=2))
    model, _, losses, _ = train(sft)
    write_tuned(project / "models/sft", model, sft)
    assert losses[-1] < losses[0]
    ids = IDS[:, :20]
    with torch.no_grad():
        assert (load_decoder(project / "models/sft")(ids) - model(ids)).abs().max() < 1e-4
    for name in ("tokenizer.model", "tokenizer_config.json"):
        assert (project / "models/sft" / name).read_bytes() == (project / "models/base" / name).read_bytes()


def test_weights_keep_the_precision_of_their_file_and_frozen_ones_their_bytes(project):
    folder = write_stock_model(project / FOLDER, dtype=torch.bfloat16)
    config = json.loads((folder / "config.json").read_text())
    del config["dtype"]  # as in older files
    (folder / "config.json").write_text(json.dumps(config))
    sft = params()
    model, *_ = train(sft)
    with torch.no_grad():
        expected = model(IDS)
    write_tuned(project / "models/sft", model, sft)
    before, after = (load_file(at / "model.safetensors") for at in (folder, project / "models/sft"))
    assert {weight.dtype for weight in after.values()} == {torch.bfloat16}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "_proj." in name}
    with torch.no_grad():
        assert (load_decoder(project / "models/sft")(IDS) - expected).abs().max() < 0.1


def test_older_files_with_rotary_angles_open(stock, project):
    weights = load_file(stock / "model.safetensors")
    expected = load_decoder(stock)(IDS)
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    save_file(weights, stock / "model.safetensors")
    assert torch.equal(load_decoder(stock)(IDS), expected)


def test_four_bits_freeze_rounded_weights_and_merge_those(stock, project):
    sft = params(lora=lora(bits=4))
    model, _, losses, _ = train(sft)
    layer = model.model.layers[0].mlp.up_proj.get_base_layer()
    original = load_decoder(stock).model.layers[0].mlp.up_proj.weight
    assert layer.weight.dtype == torch.uint8
    difference = (dequantize(layer) - original).abs()
    assert 0 < difference.max() < original.abs().max() / 5
    assert losses[-1] < losses[0] - 0.5
    write_tuned(project / "models/sft", model, sft)
    with torch.no_grad():
        assert (load_decoder(project / "models/sft")(IDS) - model(IDS)).abs().max() < 1e-4


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_of_four_bits_are_those_of_the_rounded_weights_after_a_validation_too(stock, checkpointing):
    sft = params(lora=lora(bits=4), checkpointing=checkpointing, precision="bf16")
    gradients = []
    for rounded in (False, True):
        model, tokenizer = load_base(sft, 1, "cpu")
        for name, module in list(model.named_modules()):
            if type(module).__name__ == "Linear4bit" and rounded:
                dense = torch.nn.Linear(module.in_features, module.out_features, bias=False)
                dense.weight = torch.nn.Parameter(dequantize(module).clone(), requires_grad=False)
                model.set_submodule(name, dense)
        for name, weight in trainable_weights(model).items():
            if "lora_B" in name:  # zero at first, so that A would have no gradient
                weight.data.normal_(generator=torch.Generator().manual_seed(len(name)))
        rows = make_rows(tokenizer)
        trainer = Trainer(model, SftTask(Dataset(rows, rows[:4], {}), sft, 1), sft, 1, CPU)
        trainer.validate()
        trainer.model.train()
        (batch, _) = trainer.task.micro_batches(0)
        with torch.autocast("cpu", torch.bfloat16):
            trainer.task.loss(model, batch).backward()
        gradients.append({name: weight.grad for name, weight in trainable_weights(model).items()})
    for name, gradient in gradients[0].items():
        assert gradient.abs().max() > 0
        assert torch.equal(gradient, gradients[1][name])


def test_a_checkpoint_has_the_trained_matrices_alone(stock):
    sft = params(lora=lora(bits=4))
    model, task, *_ = train(sft)
    trainer = Trainer(model, task, sft, task.steps, CPU)
    state = trainer.state_dict()
    assert state["model"].keys() == trainable_weights(model).keys()
    assert all("lora_" in name for name in state["model"])
    other, _ = load_base(sft, 2, "cpu")
    resumed = Trainer(other, task, sft, task.steps, CPU)
    resumed.load_state_dict(state)
    with torch.no_grad():
        assert torch.equal(other(IDS), model(IDS))
    del state["model"][next(iter(state["model"]))]
    with pytest.raises(RuntimeError, match="Missing key"):
        resumed.load_state_dict(state)


def test_training_goes_on_from_an_adapter(stock, project):
    sft = params()
    model, *_ = train(sft)
    with torch.no_grad():
        expected = model(IDS)
    write_adapter(project / "data/raw/model/first", model, sft.lora, FOLDER)
    again, _ = load_base(params(lora=lora(adapter="data/raw/model/first")), 9, "cpu")
    with torch.no_grad():
        assert torch.equal(again(IDS), expected)
    assert all(f".{NAME}." in name for name in trainable_weights(again))


def test_an_adapter_that_does_not_fit_is_one_line(stock, project):
    model, _ = load_base(params(), 1, "cpu")
    write_adapter(project / "data/raw/model/first", model, params().lora, FOLDER)
    for changes, message in (
        ({"rank": 8}, "sft.lora.adapter: data/raw/model/first: its r is 4; set sft.lora.rank to that"),
        ({"alpha": 4.0}, "its lora_alpha is 16.0; set sft.lora.alpha to that"),
        ({"adapter": "data/raw/model/none"}, r"sft.lora.adapter: data/raw/model/none/\*.*: no such file"),
        ({"adapter": FOLDER}, "adapter_model.safetensors: no such file; name the folder of an adapter"),
    ):
        adapter = lora(**{"adapter": "data/raw/model/first", **changes})
        with pytest.raises(UserError, match=message):
            load_base(params(lora=adapter), 1, "cpu")
    for change, message in (
        ({"use_rslora": True}, "its use_rslora is True, which cannot be gone on from here"),
        ({"peft_type": "VERA"}, "its peft_type is 'VERA'"),
        ({"target_modules": ["q_proj"]}, r"its target_modules are \['q_proj'\]; to go on from it"),
    ):
        shutil.copytree(
            project / "data/raw/model/first", project / "data/raw/model/other", dirs_exist_ok=True
        )
        path = project / "data/raw/model/other/adapter_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(UserError, match=message):
            check_base(params(init_from="models/base", lora=lora(adapter="data/raw/model/other")))
    wider = "data/raw/model/wider"
    write_stock_model(project / wider, hidden_size=128)
    with pytest.raises(UserError, match=r"made for another base: model\.layers\.0\.mlp\.down_proj\.lora_B"):
        load_base(params(init_from=wider, lora=lora(adapter="data/raw/model/first")), 1, "cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"form": None}, "sft.init_from: data/raw/model/stock: no chat template, as in models that were not"),
        ({"hidden_size": 96, "head_dim": 24}, "hidden_size 96, no multiple of 64, which 4 bits need"),
        ({"intermediate_size": 100}, "sft.lora.bits: 4: data/raw/model/stock has intermediate_size 100, no"),
        ({"max_position_embeddings": 32}, "sft.context: 64: longer than the 32 of data/raw/model/stock"),
        ({"without": "model.safetensors"}, "no such file; fetch the model's safetensors too"),
        ({"without": "tokenizer.json"}, "no such file; fetch the model's tokenizer too"),
        ({"arch": "gpt_neox"}, "config.json: model_type: 'gpt_neox': not one of"),
    ],
)
def test_a_model_that_cannot_be_tuned_is_one_line(project, changes, message):
    folder = write_stock_model(project / FOLDER, **{k: v for k, v in changes.items() if k != "without"})
    if "without" in changes:
        (folder / changes["without"]).unlink()
    with pytest.raises(UserError, match=message) as error:
        check_base(params(lora=lora(bits=4)))
    assert "\n" not in str(error.value)


def test_a_tokenizer_of_another_model_is_one_line(stock):
    config = json.loads((stock / "config.json").read_text())
    weights = load_file(stock / "model.safetensors")
    rows = config["vocab_size"] - 10
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        weights[name] = weights[name][:rows].contiguous()
    save_file(weights, stock / "model.safetensors")
    (stock / "config.json").write_text(json.dumps({**config, "vocab_size": rows}))
    tokenizer = json.loads((stock / "tokenizer.json").read_text())
    last = max(tokenizer["added_tokens"], key=lambda token: token["id"])
    assert last["id"] < rows
    template = (stock / "chat_template.jinja").read_text()
    stock_tokenizer = AutoTokenizer.from_pretrained(stock)
    stock_tokenizer.add_tokens(["<extra>"], special_tokens=True)
    stock_tokenizer.chat_template = template.replace("{{ bos_token }}", "<extra>")
    stock_tokenizer.save_pretrained(stock)
    with pytest.raises(UserError, match=r"its chat template has the token \d+, and the model has"):
        load_base(params(), 1, "cpu")


def test_a_model_that_is_not_there_is_one_line(project):
    with pytest.raises(
        UserError, match=r"sft\.init_from: data/raw/model/stock/.*: no such file; put it there"
    ):
        check_base(params())
    (project / "data/raw/model/stock.dvc").touch()
    with pytest.raises(UserError, match=r"its data is absent; run `dvc pull data/raw/model/stock\.dvc`"):
        check_base(params())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init_from": "models/other"}, "name models/base, or a model folder under data/raw/model"),
        ({"init_from": "data/raw/model/../x"}, "name models/base, or a model folder"),
        ({"optimizer": "muon"}, "LoRA needs sft.optimizer: adamw, not muon"),
        ({"sharding": "fsdp"}, "LoRA needs sft.sharding: none, not fsdp"),
        ({"lora": lora(rank=0, bits=4)}, "needs frozen weights; set sft.lora.rank"),
        ({"lora": lora(bits=8)}, "lora.bits"),
    ],
)
def test_params_that_contradict_each_other_are_refused(changes, message):
    with pytest.raises(Exception, match=message):
        params(**changes)


@pytest.mark.parametrize(("module", "bits"), [("peft", 16), ("bitsandbytes", 4), ("transformers", 16)])
def test_a_missing_library_is_named_with_its_extra(stock, monkeypatch, module, bits):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(UserError, match=rf'needs {module}; install the extra: pip install -e "\.\[lora\]"'):
        load_base(params(lora=lora(bits=bits)), 1, "cpu")
