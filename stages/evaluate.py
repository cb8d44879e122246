"""Stage 7: evaluate the models and compare them with baselines."""

from pipeline.common import errors

errors.install()

from functools import partial
from pathlib import Path

from pipeline.common.io import write_atomic, write_json
from pipeline.common.metrics import write_metrics
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import REPORTS, SHARDS_TRAIN
from pipeline.common.runtime import RuntimeParams
from pipeline.common.stage import run_stage
from pipeline.device.device import autocast, pick_device, pick_precision
from pipeline.device.memory import tune_allocator
from pipeline.eval_sets.params import EvalParams
from pipeline.evaluation.baseline_samples import make_baseline_samples
from pipeline.evaluation.items import write_items
from pipeline.evaluation.measure import Training, list_subsets, list_versions, load_models, measure_tasks
from pipeline.evaluation.ngram_baselines import read_training_stream, train_baselines
from pipeline.evaluation.samples import render_samples
from pipeline.evaluation.summary import print_summary
from pipeline.evaluation.tasks import load_tasks
from pipeline.evaluation.word_frequency import WordFrequency
from pipeline.reporting.data import read_run
from pipeline.reporting.page import draw_page
from pipeline.shards.format import Shards


def main() -> None:
    """Measure the models and the baselines (n-grams, BM25, chance), and write samples.

    Reads params `seed` and `eval`, models/{tokenizer,encoder,base,sft}, data/shards for the n-grams,
    data/corpus/{val,test,miniworld}, tasks/ and data/raw/eval. Writes
    reports/evaluate/{metrics.json,items.parquet,samples.md,baseline_samples.json} and reports/index.html,
    for which it reads `corpus`, `tokenizer`, `shards`, `encoder`, `model`, `train`, `sft` and all reports.
    """
    eval_params = load_section("eval", EvalParams)
    seed = eval_params.choose_data_seed(load_seed())
    # All tasks are read first: an error in a file should not show after an hour.
    tasks = load_tasks(eval_params, seed)
    tune_allocator()
    device = pick_device(load_section("runtime", RuntimeParams).device)
    models = load_models(device)

    stream = read_training_stream(Shards(SHARDS_TRAIN), eval_params.ngram_tokens)
    ngrams = train_baselines(stream, models.tokenizer.vocab_size)
    training = Training(stream, ngrams, WordFrequency.from_stream(stream, models.tokenizer))
    decoder_autocast = partial(autocast, device, pick_precision("auto", device))
    metrics, items = measure_tasks(
        tasks, models, training, eval_params.max_new_tokens, seed, decoder_autocast
    )
    metrics["ngram_tokens"] = len(stream)
    questions = tasks.questions.get("miniworld", [])
    samples = render_samples(models, eval_params, questions, seed)
    baseline_samples = make_baseline_samples(models, ngrams["kneser_ney_5"], eval_params, questions, seed)

    write_atomic(REPORTS / "evaluate/samples.md", samples)
    write_json(REPORTS / "evaluate/baseline_samples.json", baseline_samples)
    write_items(REPORTS / "evaluate/items.parquet", items, list_versions(tasks), list_subsets(tasks))
    write_metrics("evaluate", metrics)
    write_atomic(REPORTS / "index.html", draw_page(read_run(Path())))
    print_summary(metrics)


if __name__ == "__main__":
    run_stage("evaluate", main)
