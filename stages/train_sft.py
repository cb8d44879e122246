"""Stage 6: instruction tuning: teach the base model to answer in conversations."""

from pipeline.common import errors

errors.install_excepthook()

from pipeline.common.fingerprint import make_fingerprint
from pipeline.common.io import atomic_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import BASE_MODEL, SFT_MODEL, TOKENIZER
from pipeline.common.runtime import RuntimeParams, process_info
from pipeline.model.hf_io import load_decoder, save_decoder
from pipeline.sft.answers import exact_match
from pipeline.sft.dataset import build_dataset, list_source_files, read_files
from pipeline.sft.params import SftParams, check_context
from pipeline.sft.task import SftTask
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.distributed import run_training_stage
from pipeline.training.loop import fit
from pipeline.training.params import MEMORY_ONLY


def main() -> None:
    """Tune the base model on conversations. A killed run resumes.

    Reads params `seed` and `sft`, models/base, models/tokenizer, data/corpus/miniworld/conversations.jsonl
    and data/raw/sft. Writes models/sft, a Hugging Face folder, and reports/train_sft.
    """
    sft_params = load_section("sft", SftParams)
    runtime = load_section("runtime", RuntimeParams)
    seed = load_seed()

    model = load_decoder(BASE_MODEL)
    check_context(sft_params, model.context)
    tokenizer = Tokenizer.load(TOKENIZER)
    files = list_source_files(sft_params)
    data = build_dataset(read_files(files), tokenizer, sft_params)
    counts = data.counts
    print(
        f"{counts['train']:,} conversations to learn from, {counts['val']:,} to validate on;"
        f" {counts['cut']:,} cut, {counts['dropped_too_long']:,} too long,"
        f" {counts['dropped_without_answer']:,} without an answer"
    )
    task = SftTask(data.train, data.val, sft_params, seed)

    fingerprint = make_fingerprint(
        "train_sft",
        {"seed": seed, "sft": sft_params.model_dump()},
        [BASE_MODEL / "model.safetensors", BASE_MODEL / "config.json", TOKENIZER / "tokenizer.model", *files],
        memory_only=tuple(f"sft.{key}" for key in MEMORY_ONLY),
    )
    history = fit(model, task, sft_params, steps=task.steps, runtime=runtime, fingerprint=fingerprint)
    if process_info().rank > 0:
        return  # the first process alone writes

    model.eval()
    with atomic_folder(SFT_MODEL) as folder:
        save_decoder(folder, model, TOKENIZER)
    metrics = {
        **history.last_validation,
        "best_val_loss": history.best_val_loss,
        **exact_match(model, tokenizer, data.val, sft_params.max_new_tokens),
        "steps": task.steps,
        "conversations": counts,
    }
    write_metrics("train_sft", metrics)
    write_timing("train_sft", history.timing)


if __name__ == "__main__":
    run_training_stage("train_sft", main)
