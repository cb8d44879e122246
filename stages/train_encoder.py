"""Stage 4: train the sentence encoder on spans of documents and measure how it retrieves."""

from pipeline.common import errors

errors.install()

from pathlib import Path

from pipeline.common import params
from pipeline.common.fingerprint import fingerprint, locked
from pipeline.common.io import whole_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.runtime import RuntimeParams, place
from pipeline.data.reader import texts
from pipeline.device.malloc import keep_memory
from pipeline.encoder import evaluate
from pipeline.encoder.hf_io import save_encoder
from pipeline.encoder.pairs import choose_documents
from pipeline.encoder.params import GATE, EncoderParams
from pipeline.encoder.task import PairTask, new_encoder
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.loop import fit

TRAIN = Path("data/corpus/train")
VAL = Path("data/corpus/val")
TOKENIZER = Path("models/tokenizer")
FOLDER = Path("models/encoder")


def main() -> None:
    """Train an encoder, write it for sentence-transformers, and hold it against the gate's bars.

    In one process, whatever runtime.processes says: the pairs of a step are each other's negatives, so that a
    step in shares would learn something else. Of several that torchrun or Slurm has started, the first works.
    """
    if place().rank > 0:
        return
    params.check_all("train_encoder")
    seed = params.seed()
    settings = params.load("encoder", EncoderParams)
    runtime = params.load("runtime", RuntimeParams)
    tokenizer = Tokenizer.load(TOKENIZER)
    pool = evaluate.held_out_pool(texts(VAL), settings, tokenizer, seed, str(VAL))
    train = choose_documents(texts(TRAIN), settings.steps * settings.batch_size, seed)
    task = PairTask(train.texts, pool, settings, tokenizer, seed)
    encoder = new_encoder(settings, tokenizer.vocab_size, seed)
    print(
        f"{train.long_enough:,} documents to take pairs from, {train.too_short:,} too short;"
        f" {len(pool):,} held-out candidates"
    )
    keep_memory()  # what is not trained is measured first
    retrieval = {"bm25": evaluate.bm25_metrics(pool)}
    retrieval["untrained"] = evaluate.encoder_metrics(encoder, pool, tokenizer)
    mark = fingerprint(
        "train_encoder",
        {"seed": seed, "encoder": settings.model_dump()},
        [*sorted(TRAIN.glob("*.parquet")), *sorted(VAL.glob("*.parquet")), TOKENIZER / "tokenizer.model"],
        memory_only=tuple(f"encoder.{key}" for key in GATE),
    )
    with locked("train_encoder"):
        history = fit(encoder, task, settings.loop(), steps=settings.steps, runtime=runtime, mark=mark)
        retrieval["embeddings_mean"] = evaluate.embeddings_mean_metrics(encoder, pool, tokenizer)
        retrieval["encoder"] = evaluate.encoder_metrics(encoder, pool, tokenizer)
        missed = evaluate.missed_bars(retrieval["encoder"], settings)
        with whole_folder(FOLDER) as folder:
            save_encoder(folder, encoder, TOKENIZER)
        metrics = {
            "retrieval": retrieval,
            "gate": {"passed": int(not missed)},
            "pool_size": len(pool),
            "documents": {
                "used": len(train.texts),
                "long_enough": train.long_enough,
                "too_short": train.too_short,
            },
            "train_loss": history.train_loss,
            "val_loss": history.last["val_loss"],
            "best_val_loss": history.best_val_loss,
        }
        write_metrics("train_encoder", metrics)
        write_timing("train_encoder", history.timing)
        print(
            "recall at 1: " + ", ".join(f"{name} {row['recall_at_1']:.3f}" for name, row in retrieval.items())
        )
        evaluate.hold_to_gate(missed, settings)


if __name__ == "__main__":
    errors.run(main)
