"""Stage 7: evaluate the models and compare them with baselines."""

from pipeline.common import errors

errors.install_excepthook()

import math
from functools import partial

from pipeline.common.io import write_atomic, write_json
from pipeline.common.metrics import write_metrics
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import BASE_MODEL, ENCODER_MODEL, REPORTS, SFT_MODEL, SHARDS_TRAIN, TOKENIZER
from pipeline.common.runtime import RuntimeParams
from pipeline.common.stage import run_stage
from pipeline.device.device import autocast, pick_device, pick_precision
from pipeline.device.memory import tune_allocator
from pipeline.encoder.hf_io import load_encoder
from pipeline.eval_sets.params import EvalParams
from pipeline.evaluation.baseline_samples import make_baseline_samples
from pipeline.evaluation.bits_per_byte import measure_bits_per_byte, sequence_bits
from pipeline.evaluation.minimal_pairs import measure_minimal_pairs
from pipeline.evaluation.ngrams import read_training_stream, train_baselines
from pipeline.evaluation.questions import measure_questions
from pipeline.evaluation.retrieval import measure_retrieval
from pipeline.evaluation.samples import render_samples
from pipeline.evaluation.summary import print_summary
from pipeline.evaluation.tasks import (
    MAX_TOKEN_DIFFERENCE,
    load_pair_tasks,
    load_question_tasks,
    load_retrieval_tasks,
    load_text_tasks,
)
from pipeline.model.hf_io import load_decoder
from pipeline.shards.format import Shards
from pipeline.tokenizer.tokenizer import Tokenizer


def main() -> None:
    """Measure the models and the baselines (n-grams, BM25, chance), and write samples.

    Reads params `seed` and `eval`, models/{tokenizer,encoder,base,sft}, data/shards for the n-grams,
    data/corpus/{val,test,miniworld} and data/raw/eval. Writes reports/evaluate/{metrics.json,samples.md} and
    reports/evaluate/baseline_samples.json.
    """
    eval_params = load_section("eval", EvalParams)
    seed = load_seed()
    # All tasks are read first: an error in a file should not show after an hour.
    text_tasks = load_text_tasks(eval_params)
    pair_tasks = load_pair_tasks(eval_params)
    question_tasks = load_question_tasks(eval_params, seed)
    retrieval_tasks = load_retrieval_tasks(eval_params)

    tune_allocator()
    device = pick_device(load_section("runtime", RuntimeParams).device)
    tokenizer = Tokenizer.load(TOKENIZER)
    base = load_decoder(BASE_MODEL, device)
    sft = load_decoder(SFT_MODEL, device)
    encoder = load_encoder(ENCODER_MODEL, device)

    print("counting n-grams …", flush=True)
    stream = read_training_stream(Shards(SHARDS_TRAIN), eval_params.ngram_tokens)
    ngram_models = train_baselines(stream, tokenizer.vocab_size)
    scorers = {name: model.sequence_bits for name, model in ngram_models.items()}
    decoder_autocast = partial(autocast, device, pick_precision("auto", device))
    decoder_scorer = partial(sequence_bits, base, autocast=decoder_autocast)

    print("bits per byte …", flush=True)
    bits_per_byte = {
        name: measure_bits_per_byte(documents, tokenizer, {"base": decoder_scorer, **scorers})
        for name, documents in text_tasks.items()
    }
    print("minimal pairs …", flush=True)
    minimal_pairs = {
        name: measure_minimal_pairs(
            pairs,
            tokenizer,
            decoder_scorer,
            {"kneser_ney_5": scorers["kneser_ney_5"]},
            MAX_TOKEN_DIFFERENCE.get(name, math.inf),
        )
        for name, pairs in pair_tasks.items()
    }
    print("questions and retrieval …", flush=True)
    question_answering = {
        name: measure_questions(sft, tokenizer, questions, eval_params.max_new_tokens)
        for name, questions in question_tasks.items()
    }
    retrieval = {name: measure_retrieval(task, encoder, tokenizer) for name, task in retrieval_tasks.items()}
    metrics = {
        "bits_per_byte": bits_per_byte,
        "minimal_pairs": minimal_pairs,
        "questions": question_answering,
        "retrieval": retrieval,
        "ngram_tokens": len(stream),
    }
    questions = question_tasks.get("miniworld", [])
    samples = render_samples(base, sft, tokenizer, eval_params, questions, seed)
    write_atomic(REPORTS / "evaluate/samples.md", samples)
    baseline_samples = make_baseline_samples(
        base, sft, ngram_models["kneser_ney_5"], tokenizer, eval_params, questions, seed
    )
    write_json(REPORTS / "evaluate/baseline_samples.json", baseline_samples)
    write_metrics("evaluate", metrics)
    print_summary(metrics)


if __name__ == "__main__":
    run_stage("evaluate", main)
