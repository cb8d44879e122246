"""Stage 4: train the sentence encoder on spans of documents and measure its retrieval."""

from pipeline.common import errors

errors.install_excepthook()

from pipeline.common.fingerprint import make_fingerprint
from pipeline.common.io import atomic_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import CORPUS_TRAIN, CORPUS_VAL, ENCODER_MODEL, TOKENIZER
from pipeline.common.runtime import RuntimeParams, process_info
from pipeline.common.stage import run_stage
from pipeline.data.reader import read_texts
from pipeline.device.memory import tune_allocator
from pipeline.encoder import evaluate
from pipeline.encoder.hf_io import save_encoder
from pipeline.encoder.pairs import sample_documents
from pipeline.encoder.params import GATE_KEYS, EncoderParams
from pipeline.encoder.task import PairTask, build_encoder
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.loop import fit


def main() -> None:
    """Train a sentence encoder, compare it with BM25, and write it for sentence-transformers.

    Reads params `seed` and `encoder`, data/corpus/{train,val} and models/tokenizer. Writes models/encoder and
    reports/train_encoder.

    It runs in one process, whatever runtime.processes says. The pairs of a step are each other's negatives,
    so a step split among processes would learn something else. Of several processes that torchrun or Slurm
    has started, only the first works.
    """
    if process_info().rank > 0:
        return
    seed = load_seed()
    encoder_params = load_section("encoder", EncoderParams)
    runtime = load_section("runtime", RuntimeParams)
    tokenizer = Tokenizer.load(TOKENIZER)
    pool = evaluate.build_held_out_pool(
        read_texts(CORPUS_VAL), encoder_params, tokenizer, seed, str(CORPUS_VAL)
    )
    train = sample_documents(read_texts(CORPUS_TRAIN), encoder_params.steps * encoder_params.batch_size, seed)
    task = PairTask(train.texts, pool, encoder_params, tokenizer, seed)
    encoder = build_encoder(encoder_params, tokenizer.vocab_size, seed)
    print(
        f"{train.usable_count:,} documents to take pairs from, {train.short_count:,} too short;"
        f" {len(pool):,} held-out candidates"
    )
    tune_allocator()  # the baselines need no training and are measured first
    retrieval = {"bm25": evaluate.bm25_metrics(pool)}
    retrieval["untrained"] = evaluate.encoder_metrics(encoder, pool, tokenizer)
    fingerprint = make_fingerprint(
        "train_encoder",
        {"seed": seed, "encoder": encoder_params.model_dump()},
        [
            *sorted(CORPUS_TRAIN.glob("*.parquet")),
            *sorted(CORPUS_VAL.glob("*.parquet")),
            TOKENIZER / "tokenizer.model",
        ],
        memory_only=tuple(f"encoder.{key}" for key in GATE_KEYS),
    )
    history = fit(
        encoder,
        task,
        encoder_params.loop_params(),
        steps=encoder_params.steps,
        runtime=runtime,
        fingerprint=fingerprint,
    )
    retrieval["embeddings_mean"] = evaluate.embeddings_mean_metrics(encoder, pool, tokenizer)
    retrieval["encoder"] = evaluate.encoder_metrics(encoder, pool, tokenizer)
    missed = evaluate.missed_thresholds(retrieval["encoder"], encoder_params)
    with atomic_folder(ENCODER_MODEL) as folder:
        save_encoder(folder, encoder, TOKENIZER)
    metrics = {
        "retrieval": retrieval,
        "gate": {"passed": int(not missed)},
        "pool_size": len(pool),
        "documents": {
            "used": len(train.texts),
            "long_enough": train.usable_count,
            "too_short": train.short_count,
        },
        "train_loss": history.train_loss,
        "val_loss": history.last_validation["val_loss"],
        "best_val_loss": history.best_val_loss,
    }
    write_metrics("train_encoder", metrics)
    write_timing("train_encoder", history.timing)
    print("recall at 1: " + ", ".join(f"{name} {row['recall_at_1']:.3f}" for name, row in retrieval.items()))
    evaluate.enforce_gate(missed, encoder_params)


if __name__ == "__main__":
    run_stage("train_encoder", main)
