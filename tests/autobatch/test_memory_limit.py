"""What cannot fit all memory of a machine is refused, and nothing that fits."""

import sys

import pytest

from pipeline.autobatch import memory_limit
from pipeline.autobatch.memory_limit import check_pretraining, check_weights, most_bytes
from pipeline.autobatch.memory_plan import plan_memory
from pipeline.cli.check import check_machine, check_params
from pipeline.common.errors import UserError
from pipeline.common.params import read_params
from pipeline.pretrained.params import LoraParams
from pipeline.sft.params import check_memory
from tests.helpers.factories import model_params, sft_params, tiny_model_params, train_params

VOCAB_SIZE = 300
GIB = 2**30


@pytest.fixture
def runtime(project):
    return check_params().runtime


@pytest.fixture
def memory(monkeypatch):
    """Ask for every plan, and let a test set all bytes of the machine."""
    monkeypatch.setattr(memory_limit, "SMALL_BYTES", 0)

    def set_memory(available):
        monkeypatch.setattr(memory_limit, "all_memory", lambda runtime: available)

    return set_memory


def tiny(**changes):
    return tiny_model_params(context=64, **changes), train_params(batch_size=4, tokens_per_step=512)


def plan(model, train, batch_size):
    return plan_memory(model, VOCAB_SIZE, train, batch_size, "fp32", on_cpu=True).total


def test_check_pretraining_refuses_what_the_plan_says_cannot_fit_and_nothing_else(memory, runtime):
    model, train = tiny()
    for available in (plan(model, train, 4), round(plan(model, train, 4) / 1.09), None):
        memory(available)
        check_pretraining(train, model, VOCAB_SIZE, runtime)
    memory(round(plan(model, train, 4) / 1.11))
    with pytest.raises(UserError, match=r"^params.yaml: train.batch_size: 4: training takes .*; lower it$"):
        check_pretraining(train, model, VOCAB_SIZE, runtime)
    automatic = train.model_copy(update={"batch_size": "auto"})
    check_pretraining(automatic, model, VOCAB_SIZE, runtime)  # takes fewer sequences
    memory(round(plan(model, train, 1) / 1.2))
    with pytest.raises(UserError, match=r"model.width: 32: .*; choose a smaller model or context$"):
        check_pretraining(automatic, model, VOCAB_SIZE, runtime)


def test_check_pretraining_refuses_weights_that_alone_exceed_the_memory_without_a_plan(runtime, monkeypatch):
    monkeypatch.setattr(memory_limit, "all_memory", lambda runtime: 24 * GIB)
    monkeypatch.setattr(memory_limit, "plan_bytes", None)
    for changes in ({"layers": 10**8}, {"width": 10**12}, {"ffn": 10**9}):
        with pytest.raises(
            UserError, match=r"params.yaml: model.width: \d+: training takes [\d,.]+ GiB or more"
        ):
            check_pretraining(train_params(), model_params(**changes), 6144, runtime)


def test_check_pretraining_counts_the_processes_that_share_a_memory(memory, runtime):
    model, train = tiny()
    memory(2 * plan(model, train, 4))
    four = runtime.model_copy(update={"processes": 4, "device": "cpu"})
    check_pretraining(train, model, VOCAB_SIZE, runtime)
    with pytest.raises(UserError, match=r"train.batch_size: 4: "):
        check_pretraining(train, model, VOCAB_SIZE, four)
    sharded = train.model_copy(update={"sharding": "fsdp"})
    check_pretraining(sharded, model, VOCAB_SIZE, four)


@pytest.mark.parametrize(
    "changes", [{}, {"arch": "tanai", "heads": 4, "kv_heads": 4, "head_dim": 8}, {"ffn": 4}]
)
@pytest.mark.parametrize("batch_size", [1, 16])
def test_most_bytes_exceed_every_plan(changes, batch_size):
    for context in (16, 512):
        model, train = (
            tiny_model_params(**changes, **{"context": context}),
            train_params(tokens_per_step=2**17),
        )
        most = most_bytes(model, VOCAB_SIZE, batch_size)
        for on_cpu in (True, False):
            planned = plan_memory(model, VOCAB_SIZE, train, batch_size, "fp32", on_cpu).total
            assert most > planned - 2**25  # cuBLAS's workspace


def test_weights_are_counted_as_the_plan_has_them():
    for arch in ("qwen3", "llama", "tanai"):
        for tied in (True, False):
            model = tiny_model_params(arch=arch, tie_embeddings=tied)
            planned = plan_memory(model, VOCAB_SIZE, train_params(tokens_per_step=64), 1, "fp32", True)
            assert 0.9 * planned.weights < 4 * model.count_weights(VOCAB_SIZE) < planned.weights


def test_check_memory_and_check_weights_name_what_to_make_smaller(memory, runtime):
    memory(100 * GIB)
    model = model_params(width=2**16)
    check_memory(sft_params(), model, 6144, runtime)
    memory(5 * GIB)
    with pytest.raises(
        UserError, match=r"^models/base: training takes .* 5.0 GiB are all there is; choose a sma"
    ):
        check_memory(sft_params(), model, 6144, runtime)
    lora = LoraParams(rank=8, alpha=16.0, bits=4, adapter=None)
    memory(model.count_weights(6144) * 0.55)  # half a byte for each frozen weight
    check_memory(sft_params(lora=lora.model_dump()), model, 6144, runtime)
    memory(model.count_weights(6144) * 0.4)
    with pytest.raises(UserError, match=r"^models/base: training takes"):
        check_memory(sft_params(lora=lora.model_dump()), model, 6144, runtime)
    many = runtime.model_copy(update={"processes": 64, "device": "cpu"})
    memory(100 * GIB)
    with pytest.raises(UserError, match=r"^models/base: "):
        check_memory(sft_params(), model, 6144, many)
    with pytest.raises(UserError, match=r"^encoder: "):
        check_weights("encoder", 10**9, sft_params(), many)


def test_check_machine_notes_a_device_that_is_missing_and_what_cannot_fit(project, monkeypatch):
    values = read_params("params.yaml")
    assert check_machine(check_params(values=values)) == []
    values["runtime"]["device"] = "cuda:7"
    missing = "params.yaml: runtime.device: 'cuda:7': this machine has none; use auto or cpu"
    assert check_machine(check_params(values=values)) == [missing]
    values["runtime"]["device"] = "cpu"
    values["model"]["layers"] = 10**8
    values["encoder"]["width"] = 2**20
    base, encoder = check_machine(check_params(values=values))
    assert base.startswith("params.yaml: model.width: ")
    assert encoder.startswith("params.yaml: encoder.width: 1048576: ")


def test_check_machine_asks_no_torch_for_a_small_training(project, monkeypatch):
    params = check_params()
    monkeypatch.setitem(sys.modules, "torch", None)
    assert check_machine(params) == []
