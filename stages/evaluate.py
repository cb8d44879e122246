"""Stage 7: how good the models are, beside what simpler means reach."""

from pipeline.common import errors

errors.install()

import math
from functools import partial
from pathlib import Path

from pipeline.common import params
from pipeline.common.io import write_json, write_whole
from pipeline.common.metrics import write_metrics
from pipeline.common.runtime import RuntimeParams
from pipeline.device.malloc import keep_memory
from pipeline.device.select import autocast, pick_device, precision_of
from pipeline.encoder.hf_io import load_encoder
from pipeline.eval_sets.params import EvalParams
from pipeline.evaluation import bits_per_byte, minimal_pairs, ngrams, questions, retrieval, tasks
from pipeline.evaluation.baseline_samples import beside
from pipeline.evaluation.samples import samples
from pipeline.evaluation.summary import print_summary
from pipeline.model.hf_io import load_decoder
from pipeline.shards.format import Shards
from pipeline.tokenizer.tokenizer import Tokenizer

MODELS = Path("models")


def main() -> None:
    """Write `reports/evaluate/`: `metrics.json`, `samples.md` and `beside.json`."""
    params.check_all("evaluate")
    settings = params.load("eval", EvalParams)
    seed = params.seed()
    # Read before anything is measured: a mistake in a file should not show after an hour.
    texts = tasks.text_tasks(settings)
    pairs = tasks.pair_tasks(settings)
    asked = tasks.question_tasks(settings, seed)
    searched = tasks.retrieval_tasks(settings)

    keep_memory()
    device = pick_device(params.load("runtime", RuntimeParams).device)
    tokenizer = Tokenizer.load(MODELS / "tokenizer")
    base = load_decoder(MODELS / "base", device)
    sft = load_decoder(MODELS / "sft", device)
    encoder = load_encoder(MODELS / "encoder", device)

    print("counting n-grams …", flush=True)
    stream = ngrams.training_stream(Shards("data/shards/train"), settings.ngram_tokens)
    counted = ngrams.baselines(stream, tokenizer.vocab_size)
    scorers = {name: model.sequence_bits for name, model in counted.items()}
    precision = partial(autocast, device, precision_of("auto", device))
    decoder = partial(bits_per_byte.sequence_bits, base, autocast=precision)

    print("bits per byte …", flush=True)
    bits = {
        name: bits_per_byte.measure(documents, tokenizer, {"base": decoder, **scorers})
        for name, documents in texts.items()
    }
    print("minimal pairs …", flush=True)
    preferred = {
        name: minimal_pairs.measure(
            rows,
            tokenizer,
            decoder,
            {"kneser_ney_5": scorers["kneser_ney_5"]},
            tasks.TOKENS_APART.get(name, math.inf),
        )
        for name, rows in pairs.items()
    }
    print("questions and retrieval …", flush=True)
    answered = {
        name: questions.measure(sft, tokenizer, rows, settings.max_new_tokens) for name, rows in asked.items()
    }
    found = {name: retrieval.measure(task, encoder, tokenizer) for name, task in searched.items()}
    metrics = {
        "bits_per_byte": bits,
        "minimal_pairs": preferred,
        "questions": answered,
        "retrieval": found,
        "ngram_tokens": len(stream),
    }
    shown = asked.get("miniworld", [])
    write_whole("reports/evaluate/samples.md", samples(base, sft, tokenizer, settings, shown, seed))
    ngram = counted["kneser_ney_5"]
    write_json(
        Path("reports/evaluate/beside.json"), beside(base, sft, ngram, tokenizer, settings, shown, seed)
    )
    write_metrics("evaluate", metrics)
    print_summary(metrics)


if __name__ == "__main__":
    errors.run(main)
