"""Stage 6: instruction tuning: teach the base model to answer in conversations."""

from pipeline.common import errors

errors.install()

from pipeline.autobatch.memory_limit import check_tuning
from pipeline.common.fingerprint import make_fingerprint
from pipeline.common.i18n import translate
from pipeline.common.io import atomic_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import BASE_MODEL, SFT_MODEL, TOKENIZER
from pipeline.common.runtime import RuntimeParams
from pipeline.model.hf_io import load_decoder, read_config, save_decoder
from pipeline.sft.answers import measure_answers
from pipeline.sft.conversations import Findings, read_files
from pipeline.sft.dataset import build_dataset, list_source_files
from pipeline.sft.params import SftParams, check_context
from pipeline.sft.task import SftTask
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.distributed import run_training_stage
from pipeline.training.run import train_model

STAGE = "train_sft"


def main() -> None:
    """Tune the base model on conversations. A killed run resumes.

    Reads params `seed` and `sft`, models/base, models/tokenizer, data/raw/sft, and the conversations and
    first messages of data/corpus/miniworld. Writes models/sft, a Hugging Face folder, and reports/train_sft.
    """
    seed, runtime = load_seed(), load_section("runtime", RuntimeParams)
    sft_params = load_section("sft", SftParams)
    check_tuning(sft_params, *read_config(BASE_MODEL), runtime)
    model, tokenizer = load_decoder(BASE_MODEL), Tokenizer.load(TOKENIZER)
    check_context(sft_params, model.context)
    files, findings = list_source_files(sft_params), Findings(sft_params.on_error)
    data = build_dataset(read_files(files, findings), tokenizer, sft_params, seed)
    counts = data.counts | {"unreadable": findings.unreadable}
    for note in findings.list_notes("sft.sources"):
        print(translate(f"note: {note}"))
    print(
        f"{counts['train']:,} conversations to learn from, {counts['val']:,} to validate on;"
        f" {counts['cut']:,} cut, {counts['dropped_too_long']:,} too long,"
        f" {counts['dropped_without_answer']:,} without an answer"
    )
    base_files = [BASE_MODEL / "model.safetensors", BASE_MODEL / "config.json"]
    inputs = [*base_files, TOKENIZER / "tokenizer.model", *files]
    fingerprint = make_fingerprint(STAGE, {"seed": seed, "sft": sft_params}, inputs)

    task = SftTask(data.train, data.val, sft_params, seed)
    history = train_model(model, task, sft_params, task.steps, runtime, fingerprint)

    with atomic_folder(SFT_MODEL) as folder:
        save_decoder(folder, model, TOKENIZER)
    metrics = {
        **history.last_validation,
        "best_val_loss": history.best_val_loss,
        **measure_answers(model, tokenizer, data.val, sft_params.max_new_tokens),
        "steps": task.steps,
        "conversations": counts,
    }
    write_metrics(STAGE, metrics)
    write_timing(STAGE, history.timing)


if __name__ == "__main__":
    run_training_stage(STAGE, main)
