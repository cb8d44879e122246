"""Stage 3: encode the corpus once, into shards that training maps into memory."""

from pipeline.common import errors

errors.install()

import shutil
from pathlib import Path

from pipeline.common import params
from pipeline.common.fingerprint import checkpoints, fingerprint, locked
from pipeline.common.io import whole_folder
from pipeline.common.metrics import write_metrics
from pipeline.common.runtime import RuntimeParams
from pipeline.data.reader import parts
from pipeline.packing.params import ShardsParams
from pipeline.packing.writer import TOTALS, write_manifest, write_sources, write_split
from pipeline.tokenizer.tokenizer import Tokenizer

CORPUS = Path("data/corpus")
TOKENIZER = Path("models/tokenizer")
FOLDER = Path("data/shards")
SPLITS = ("train", "val")


def main() -> None:
    """Write `data/shards/{train,val}` and their manifest; a killed run goes on where it was."""
    params.check_all("pack_shards")
    settings = params.load("shards", ShardsParams)
    workers = params.load("runtime", RuntimeParams).workers
    tokenizer = Tokenizer.load(TOKENIZER)
    inputs = [TOKENIZER / "tokenizer.model", *(part for split in SPLITS for part in parts(CORPUS / split))]
    mark = fingerprint("pack_shards", {"shards": settings.model_dump()}, inputs)
    with locked("pack_shards"):
        packed = {
            split: write_split(mark.folder / split, CORPUS / split, TOKENIZER, settings.shard_tokens, workers)
            for split in SPLITS
        }
        with whole_folder(FOLDER) as folder:
            for split in SPLITS:
                (folder / split).mkdir()
                for shard in packed[split]["shards"]:
                    shutil.move(mark.folder / split / shard["file"], folder / split)
            # Of val, so that training can tell its loss by source.
            packed["val"]["sources"] = write_sources(folder / "val", CORPUS / "val")
            write_manifest(folder, tokenizer, packed)
        for other in checkpoints(mark.folder.parent):
            shutil.rmtree(other)  # this run's, and what killed runs of other params or texts have left
    counts = {split: {key: packed[split][key] for key in TOTALS} for split in SPLITS}
    write_metrics("pack_shards", counts)
    for split, count in counts.items():
        print(f"{split}: {count['tokens']:,} tokens in {count['documents']:,} documents")


if __name__ == "__main__":
    errors.run(main)
