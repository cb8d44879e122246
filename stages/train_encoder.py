"""Stage 4: train the sentence encoder on spans of documents and measure its retrieval."""

from pipeline.common import errors

errors.install()

from pipeline.autobatch.memory_limit import check_weights
from pipeline.common.fingerprint import make_fingerprint
from pipeline.common.io import atomic_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import CORPUS_TRAIN, CORPUS_VAL, ENCODER_MODEL, TOKENIZER
from pipeline.common.runtime import RuntimeParams
from pipeline.common.stage import run_stage
from pipeline.data.reader import read_texts
from pipeline.device.memory import tune_allocator
from pipeline.encoder import evaluate
from pipeline.encoder.hf_io import save_encoder
from pipeline.encoder.pairs import sample_documents
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.task import PairTask, build_encoder
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.run import train_model

STAGE = "train_encoder"


def main() -> None:
    """Train a sentence encoder, compare it with BM25, and write it for sentence-transformers.

    Reads params `seed` and `encoder`, data/corpus/{train,val} and models/tokenizer. Writes models/encoder and
    reports/train_encoder.

    It runs in one process, whatever runtime.processes says. The pairs of a step are each other's negatives,
    so a step split among processes would learn something else.
    """
    seed, runtime = load_seed(), load_section("runtime", RuntimeParams)
    params = load_section("encoder", EncoderParams)

    tokenizer = Tokenizer.load(TOKENIZER)
    weights = params.count_weights(tokenizer.vocab_size)
    check_weights(f"params.yaml: encoder.width: {params.width}", weights, params, runtime, processes=1)
    pool = evaluate.build_held_out_pool(read_texts(CORPUS_VAL), params, tokenizer, seed, str(CORPUS_VAL))
    train = sample_documents(read_texts(CORPUS_TRAIN), params.steps * params.batch_size, seed)
    corpus_files = [*sorted(CORPUS_TRAIN.glob("*.parquet")), *sorted(CORPUS_VAL.glob("*.parquet"))]
    inputs = [*corpus_files, TOKENIZER / "tokenizer.model"]
    fingerprint = make_fingerprint(STAGE, {"seed": seed, "encoder": params}, inputs)

    task = PairTask(train.texts, pool, params, tokenizer, seed)
    encoder = build_encoder(params, tokenizer.vocab_size, seed)
    print(
        f"{train.usable_count:,} documents to take pairs from, {train.short_count:,} too short;"
        f" {len(pool):,} held-out candidates"
    )
    tune_allocator()  # the baselines need no training and are measured first
    retrieval = evaluate.baseline_metrics(encoder, pool, tokenizer)
    history = train_model(encoder, task, params, params.steps, runtime, fingerprint)
    retrieval |= evaluate.trained_metrics(encoder, pool, tokenizer)

    with atomic_folder(ENCODER_MODEL) as folder:
        save_encoder(folder, encoder, TOKENIZER)
    missed = evaluate.missed_thresholds(retrieval["encoder"], params)
    write_metrics(STAGE, evaluate.training_metrics(history, retrieval, missed, pool, train))
    write_timing(STAGE, history.timing)
    print("recall at 1: " + ", ".join(f"{name} {row['recall_at_1']:.3f}" for name, row in retrieval.items()))
    evaluate.enforce_gate(missed, params)


if __name__ == "__main__":
    run_stage(STAGE, main)
