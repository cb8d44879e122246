"""Instruction tuning: teach the base model to answer in conversations."""

from pipeline.common import errors

errors.install()

from pathlib import Path

from pipeline.common import params
from pipeline.common.fingerprint import fingerprint, locked
from pipeline.common.io import whole_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.runtime import RuntimeParams, place
from pipeline.model.hf_io import load_decoder, save_decoder
from pipeline.sft.answers import exact_match
from pipeline.sft.dataset import prepare, read_all, source_files
from pipeline.sft.params import SftParams, check_context
from pipeline.sft.task import SftTask
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.distributed import together
from pipeline.training.loop import fit
from pipeline.training.params import MEMORY_ONLY

BASE = Path("models/base")
TOKENIZER = Path("models/tokenizer")
OUT = Path("models/sft")


def main() -> None:
    """Tune models/base on the conversations of params.yaml's `sft` into models/sft."""
    sft = params.load("sft", SftParams)
    runtime = params.load("runtime", RuntimeParams)
    seed = params.seed()

    model = load_decoder(BASE)
    check_context(sft, model.context)
    tokenizer = Tokenizer.load(TOKENIZER)
    files = source_files(sft)
    data = prepare(read_all(files), tokenizer, sft)
    counts = data.counts
    print(
        f"{counts['train']:,} conversations to learn from, {counts['val']:,} to validate on;"
        f" {counts['cut']:,} cut, {counts['dropped_too_long']:,} too long,"
        f" {counts['dropped_without_answer']:,} without an answer"
    )
    task = SftTask(data.train, data.val, sft, seed)

    mark = fingerprint(
        "train_sft",
        {"seed": seed, "sft": sft.model_dump()},
        [BASE / "model.safetensors", BASE / "config.json", TOKENIZER / "tokenizer.model", *files],
        memory_only=tuple(f"sft.{key}" for key in MEMORY_ONLY),
    )
    with locked("train_sft"):
        history = fit(model, task, sft, steps=task.steps, runtime=runtime, mark=mark)
        if place().rank > 0:
            return  # the first process alone writes

        model.eval()
        with whole_folder(OUT) as folder:
            save_decoder(folder, model, TOKENIZER)
        metrics = {
            **history.last,
            "best_val_loss": history.best_val_loss,
            **exact_match(model, tokenizer, data.val, sft.max_new_tokens),
            "steps": task.steps,
            "conversations": counts,
        }
        write_metrics("train_sft", metrics)
        write_timing("train_sft", history.timing)


if __name__ == "__main__":
    errors.run(together("train_sft", main))
