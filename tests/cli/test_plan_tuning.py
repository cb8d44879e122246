"""`tezgah plan --tuning`: the memory of tuning, planned."""

import pytest

from pipeline.cli import plan_tuning
from pipeline.cli.plan_tuning import KNOWN, Method, TuningMemory, list_methods, print_tuning_plan
from tests.helpers.small import set_params
from tests.helpers.stock import write_stock_model

LLAMA = next(shape for shape in KNOWN if shape.name == "Llama-3-8B")
FOUR_BITS = Method("LoRA 16, 4 bits", 16, 4)


def test_known_shapes_have_the_weights_of_the_published_models():
    billions = {shape.name: shape.params.count_weights(shape.vocab_size) / 1e9 for shape in KNOWN}
    published = {"Qwen3-0.6B": 0.6, "Llama-3.2-1B": 1.24, "Qwen3-4B": 4.02}
    published |= {"Mistral-7B-v0.3": 7.25, "Llama-3-8B": 8.03}
    assert billions == pytest.approx(published, rel=0.01)


def test_llama_of_eight_billion_fits_cards_of_16_and_24_gb_in_four_bits():
    memory = TuningMemory(LLAMA, FOUR_BITS, 2048)
    assert memory.largest_batch(8e9) == 0
    assert 1 <= memory.largest_batch(16e9) <= memory.largest_batch(24e9)
    frozen = 7e9 * 0.516 + 2.1e9  # layers, and embeddings with the output matrix in bf16
    assert frozen < memory.bytes(1) < 2 * frozen
    assert TuningMemory(LLAMA, Method("LoRA 16", 16, 16), 2048).largest_batch(16e9) == 0
    assert memory.bytes(16) > memory.bytes(4) > memory.bytes(1)


def test_list_methods_leaves_out_what_cannot_be():
    assert [method.name for method in list_methods(LLAMA, 8)] == ["LoRA 8", "LoRA 8, 4 bits"]
    odd = LLAMA._replace(params=LLAMA.params.model_copy(update={"ffn": 100, "layers": 2}))
    assert [method.name for method in list_methods(odd, 8)] == ["all weights", "LoRA 8"]


@pytest.mark.parametrize("init_from", ["models/base", "data/raw/model/stock"])
def test_print_tuning_plan_names_the_model_of_init_from_first(project, monkeypatch, capsys, init_from):
    write_stock_model(project / "data/raw/model/stock")
    set_params(project, "sft", init_from=init_from, context=128)
    monkeypatch.setattr(plan_tuning, "KNOWN", ())
    monkeypatch.setenv("COLUMNS", "100")
    print_tuning_plan()
    printed = capsys.readouterr().out
    rows = [line.split("│") for line in printed.splitlines() if line.startswith("│")]
    names = {row[1].strip() for row in rows}
    assert names == {"models/base" if init_from == "models/base" else "stock"}
    assert f"conversations of 128 tokens for {rows[0][1].strip()}, of 2,048 for the others" in printed
    assert rows[0][-2].strip() == "16+"
    assert "planned, no run has confirmed it" in printed
