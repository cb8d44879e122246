"""Stage 3: encode the corpus once, into shards that training maps into memory."""

from pathlib import Path

from pipeline import params
from pipeline.corpus.read import texts
from pipeline.errors import run
from pipeline.files import whole_folder
from pipeline.reporting.metrics import write_metrics
from pipeline.runtime import RuntimeParams
from pipeline.shards.params import ShardsParams
from pipeline.shards.writer import write_manifest, write_split
from pipeline.tokenizer.tokenizer import Tokenizer

CORPUS = Path("data/corpus")
TOKENIZER = Path("models/tokenizer")
FOLDER = Path("data/shards")


def main() -> None:
    """Write `data/shards/{train,val}` and their manifest."""
    params.check_all("pack_shards")
    settings = params.load("shards", ShardsParams)
    workers = params.load("runtime", RuntimeParams).workers
    tokenizer = Tokenizer.load(TOKENIZER)
    with whole_folder(FOLDER) as folder:
        splits = {
            split: write_split(
                folder / split, texts(CORPUS / split), TOKENIZER, settings.shard_tokens, workers
            )
            for split in ("train", "val")
        }
        write_manifest(folder, tokenizer, splits)
    counts = {
        name: {key: split[key] for key in ("tokens", "documents", "bytes")} for name, split in splits.items()
    }
    write_metrics("pack_shards", counts)
    for name, count in counts.items():
        print(f"{name}: {count['tokens']:,} tokens in {count['documents']:,} documents")


if __name__ == "__main__":
    run(main)
