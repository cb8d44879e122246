"""Stage 4: train the sentence encoder on spans of documents and measure how it retrieves."""

from pathlib import Path

from pipeline import params
from pipeline.corpus.read import texts
from pipeline.errors import UserError, run
from pipeline.files import whole_folder
from pipeline.model.encoder_folder import save_encoder
from pipeline.reporting.metrics import write_metrics, write_timing
from pipeline.retrieval.evaluate import (
    bm25_metrics,
    embeddings_mean_metrics,
    encoder_metrics,
    held_out_pool,
    missed_bars,
    warn,
)
from pipeline.retrieval.params import EncoderParams
from pipeline.retrieval.spans import choose_documents
from pipeline.retrieval.task import PairTask, new_encoder
from pipeline.runtime import RuntimeParams
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.loop import fit
from pipeline.training.resume import fingerprint

CORPUS = Path("data/corpus")
TOKENIZER = Path("models/tokenizer")
FOLDER = Path("models/encoder")


def main() -> None:
    """Train an encoder, write it for sentence-transformers, and hold it against the gate's bars."""
    params.check_all()
    seed = params.seed()
    settings = params.load("encoder", EncoderParams)
    runtime = params.load("runtime", RuntimeParams)
    tokenizer = Tokenizer.load(TOKENIZER)
    pool = held_out_pool(texts(CORPUS / "val"), settings, tokenizer, seed, "data/corpus/val")
    train = choose_documents(texts(CORPUS / "train"), settings.steps * settings.batch_size, seed)
    task = PairTask(train.texts, pool, settings, tokenizer, seed)
    print(
        f"{train.long_enough:,} documents to take pairs from, {train.too_short:,} too short;"
        f" {len(pool):,} held-out candidates"
    )
    encoder = new_encoder(settings, tokenizer.vocab_size, seed)
    retrieval = {"untrained": encoder_metrics(encoder, pool, tokenizer), "bm25": bm25_metrics(pool)}
    parts = [path for split in ("train", "val") for path in sorted((CORPUS / split).glob("part-*.parquet"))]
    mark = fingerprint(
        "train_encoder",
        {"seed": seed, "encoder": settings.model_dump()},
        [*parts, TOKENIZER / "tokenizer.model"],
    )
    history = fit(encoder, task, settings.loop(), steps=settings.steps, runtime=runtime, mark=mark)
    retrieval["encoder"] = encoder_metrics(encoder, pool, tokenizer)
    retrieval["embeddings_mean"] = embeddings_mean_metrics(encoder, pool, tokenizer)
    missed = missed_bars(retrieval["encoder"], settings)
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
    if missed and settings.gate == "strict":
        raise UserError("; ".join(missed) + "; train longer, lower the bar, or set encoder.gate: warn")
    for line in missed:
        warn(line)


if __name__ == "__main__":
    run(main)
