"""Trained tokens a second of instruction tuning, beside TRL's SFTTrainer.

    pip install trl==1.16.0
    python -m benchmarks.tuning_speed data/raw/sft/nutuk_qa.jsonl

Questions and answers as prompts and completions, a Llama of 20 M weights made here, the same batches and
precision. Every variant runs in a process of its own, in turn, several rounds. Prints a table of medians for
people and one JSON line for machines.
"""

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SHAPE = {
    "hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 6,
    "num_key_value_heads": 6, "max_position_embeddings": 512,
}  # fmt: skip
VOCAB_SIZE, CONTEXT, RANK = 8000, 512, 16
BATCH, PASS = 16, 8  # conversations in a step, and in a forward pass
WARMUP_STEPS = 4  # that are not counted
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|start|>' + message['role'] + '\\n\\n' +"
    " message['content'] | trim + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant\\n\\n' }}{% endif %}"
)


def read_pairs(path: Path, count: int) -> list[tuple[str, str]]:
    """The first questions and answers of a file of instructions."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [(row["instruction"], row["output"]) for row in rows]
    return (pairs * (1 + count // len(pairs)))[:count]


def write_model(folder: Path, texts: list[str]) -> None:
    """Write a Llama of random weights with a tokenizer of these texts."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<|begin|>", "<|text_end|>", "<|start|>", "<|end|>"]
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(texts, VOCAB_SIZE, special_tokens=special, show_progress=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer,
        bos_token=special[0],
        eos_token=special[1],
        pad_token=special[1],
        chat_template=TEMPLATE,
    )
    tokenizer.add_special_tokens({"additional_special_tokens": special[2:]})
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **SHAPE)).save_pretrained(folder)


def measure_ours(folder: Path, pairs: list[tuple[str, str]], precision: str, lora: bool) -> dict[str, float]:
    """Seconds of the counted steps with this program's loop, and the last loss."""
    import torch

    from pipeline.common.params import load_section
    from pipeline.model.hf_io import load_decoder
    from pipeline.pretrained.adapter import add_adapter
    from pipeline.pretrained.params import LoraParams
    from pipeline.pretrained.tokenizer import load_chat_tokenizer
    from pipeline.sft.base import FROZEN_DTYPES
    from pipeline.sft.dataset import Dataset
    from pipeline.sft.loss_mask import make_row
    from pipeline.sft.params import SftParams
    from pipeline.sft.task import SftTask
    from pipeline.training.loop import Trainer

    changes: dict[str, Any] = {
        "context": CONTEXT, "epochs": 1.0, "conversations_per_step": BATCH, "batch_size": PASS,
        "precision": precision, "learning_rate": 2e-4, "optimizer": "adamw", "beta1": 0.9, "beta2": 0.999,
    }  # fmt: skip
    params = load_section("sft", SftParams).model_copy(update=changes)
    tokenizer = load_chat_tokenizer(folder)
    rows = []
    for question, answer in pairs:
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        row, _ = make_row(tokenizer, messages, CONTEXT)
        assert row is not None
        rows.append(row)
    cpu = torch.device("cpu")
    model = load_decoder(folder, dtype=FROZEN_DTYPES[precision] if lora else torch.float32)
    if lora:
        add_adapter(model, LoraParams(rank=RANK, alpha=2.0 * RANK, bits=16, adapter=None), 0, cpu)
    task = SftTask(Dataset(rows, rows[:1], {}), params, 0)
    trainer = Trainer(model, task, params, task.steps, cpu)
    for _ in range(WARMUP_STEPS):
        trainer.train_step(1.0)
    start = time.perf_counter()
    while trainer.step < trainer.steps:
        trainer.train_step(1.0)
    seconds = time.perf_counter() - start
    trained = sum(row.target_count for row in rows) / len(rows) * BATCH * (trainer.steps - WARMUP_STEPS)
    return {"tokens_per_second": trained / seconds, "loss": statistics.mean(trainer.history.losses[-10:])}


def measure_trl(folder: Path, pairs: list[tuple[str, str]], precision: str, lora: bool) -> dict[str, float]:
    """The same with TRL's SFTTrainer. Its frozen weights with LoRA are in bf16 too."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

    trl = importlib.import_module("trl")  # no part of the usual environment
    times: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_given: Any, **_named: Any) -> None:
            times.append(time.perf_counter())

    data = Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": question}],
                "completion": [{"role": "assistant", "content": answer}],
            }
            for question, answer in pairs
        ]
    )
    is_bf16 = precision == "bf16"
    arguments = trl.SFTConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=PASS,
        gradient_accumulation_steps=BATCH // PASS,
        num_train_epochs=1,
        learning_rate=2e-4,
        lr_scheduler_type="constant",
        max_length=CONTEXT,
        bf16=is_bf16,
        use_cpu=True,
        gradient_checkpointing=False,
        report_to=[],
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
    )
    dtype = torch.bfloat16 if lora and is_bf16 else torch.float32
    trainer = trl.SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder, dtype=dtype),
        args=arguments,
        train_dataset=data,
        processing_class=AutoTokenizer.from_pretrained(folder),
        peft_config=LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear") if lora else None,
        callbacks=[Clock()],
    )
    if lora:
        for weight in trainer.model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()
    columns = trainer.train_dataset.column_names
    masks = trainer.train_dataset["completion_mask" if "completion_mask" in columns else "labels"]
    trained = sum(sum(1 for value in mask if value not in (0, -100)) for mask in masks)
    trainer.train()
    steps = len(times) - WARMUP_STEPS
    seconds = times[-1] - times[WARMUP_STEPS - 1]
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    rate = trained / len(pairs) * BATCH * steps / seconds
    return {"tokens_per_second": rate, "loss": statistics.mean(map(float, losses[-10:]))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="instructions and outputs, as JSON lines")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--precision", default="bf16", choices=["bf16", "fp32"])
    parser.add_argument("--run", nargs=2, metavar=("PROGRAM", "METHOD"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    pairs = read_pairs(options.file, BATCH * options.steps)
    if options.run:
        program, method = options.run
        measure = {"ours": measure_ours, "trl": measure_trl}[program]
        print(json.dumps(measure(options.folder, pairs, options.precision, method == "lora")))
        return
    folder = Path(tempfile.mkdtemp())
    write_model(folder, [text for pair in pairs for text in pair])
    rates: dict[str, list[float]] = {}
    losses: dict[str, float] = {}
    for _ in range(options.rounds):
        for method in ("whole", "lora"):
            for program in ("ours", "trl"):
                command = [sys.executable, "-m", "benchmarks.tuning_speed", str(options.file)]
                command += ["--run", program, method, "--folder", str(folder)]
                command += ["--steps", str(options.steps), "--precision", options.precision]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(done.stderr)
                result = json.loads(done.stdout.splitlines()[-1])
                rates.setdefault(f"{program} {method}", []).append(result["tokens_per_second"])
                losses[f"{program} {method}"] = result["loss"]
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{'':12} {'trained tokens/s':>17} {'loss':>7}")
    for name, rate in medians.items():
        print(f"{name:12} {rate:17,.0f} {losses[name]:7.3f}")
    ratios = {
        method: statistics.median(
            ours / theirs
            for ours, theirs in zip(rates[f"ours {method}"], rates[f"trl {method}"], strict=True)
        )
        for method in ("whole", "lora")
    }
    print(json.dumps({"tokens_per_second": medians, "ratio": ratios, "loss": losses, "steps": options.steps}))


if __name__ == "__main__":
    main()
