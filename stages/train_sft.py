"""Stage 6: instruction tuning: teach the base model to answer in conversations."""

from pipeline.common import errors

errors.install()

from pathlib import Path

from pipeline.common.fingerprint import make_fingerprint
from pipeline.common.i18n import translate
from pipeline.common.io import atomic_file, atomic_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import REPORTS, SFT_MODEL
from pipeline.common.runtime import RuntimeParams
from pipeline.eval_sets.params import EvalParams
from pipeline.eval_sets.readers import read_all_texts
from pipeline.eval_sets.tasks import load_task_files
from pipeline.model.hf_io import read_config
from pipeline.sft.answers import measure_answers
from pipeline.sft.base import answering_precision, list_base_files, load_base, write_tuned
from pipeline.sft.dataset import load_dataset
from pipeline.sft.load import describe_counts, list_notes, list_source_files
from pipeline.sft.params import SftParams, check_memory
from pipeline.sft.preview import preview_sources, write_page
from pipeline.sft.task import SftTask
from pipeline.training.distributed import run_training_stage
from pipeline.training.run import train_model

STAGE = "train_sft"


def main() -> None:
    """Tune a model on conversations. A killed run resumes.

    Reads params `seed`, `sft` and `eval.tasks`, models/base or the model of data/raw/model that
    `sft.init_from` names, conversations of data/raw/sft and data/corpus/miniworld, and the texts of tasks/
    in data/raw/eval, which it leaves out. Writes models/sft, a Hugging Face folder, and reports/train_sft.
    """
    seed, runtime = load_seed(), load_section("runtime", RuntimeParams)
    sft_params = load_section("sft", SftParams)
    check_memory(sft_params, *read_config(Path(sft_params.init_from)), runtime)
    model, tokenizer = load_base(sft_params, seed, runtime.device)
    eval_texts = read_all_texts(load_task_files(load_section("eval", EvalParams)))
    sources, data = load_dataset(sft_params, eval_texts, tokenizer, seed)
    for line in [*list_notes(sources), describe_counts(data.counts)]:
        print(translate(line))
    tracked = {"seed": seed, "sft": sft_params, "held": eval_texts}
    files = [*list_base_files(sft_params), *list_source_files(sft_params)]
    fingerprint = make_fingerprint(STAGE, tracked, files)

    task = SftTask(data, sft_params, seed)
    history = train_model(model, task, sft_params, task.steps, runtime, fingerprint)

    with answering_precision(model, sft_params):
        answers = measure_answers(model, tokenizer, data.val, sft_params.max_new_tokens)
    with atomic_folder(SFT_MODEL) as folder:
        write_tuned(folder, model, sft_params)
    with atomic_file(REPORTS / STAGE / "data.md") as file:
        previews = preview_sources(sources, data, tokenizer, task.order, sft_params.epochs)
        file.write(write_page(previews).encode())
    metrics = {**history.last_validation, "best_val_loss": history.best_val_loss, **answers}
    write_metrics(STAGE, metrics | {"steps": task.steps, "conversations": data.counts})
    write_timing(STAGE, history.timing)


if __name__ == "__main__":
    run_training_stage(STAGE, main)
