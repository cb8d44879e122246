"""Stage 3: encode the corpus once, into shards that training maps into memory."""

from pipeline.common import errors

errors.install()

import shutil

from pipeline.common.fingerprint import make_fingerprint, remove_checkpoints
from pipeline.common.i18n import print_message
from pipeline.common.io import atomic_folder
from pipeline.common.metrics import write_metrics
from pipeline.common.params import load_section
from pipeline.common.paths import CORPUS, SHARDS, TOKENIZER
from pipeline.common.runtime import RuntimeParams
from pipeline.common.stage import run_stage
from pipeline.data.reader import split_files
from pipeline.packing.params import ShardsParams
from pipeline.packing.writer import TOTAL_KEYS, write_manifest, write_sources, write_split
from pipeline.tokenizer.tokenizer import Tokenizer

SPLITS = ("train", "val")


def main() -> None:
    """Encode the corpus into shards of token ids. A killed run resumes.

    Reads params `seed` and `shards`, data/corpus/{train,val} and models/tokenizer. Writes data/shards, both
    splits with a manifest, and reports/pack_shards.
    """
    params = load_section("shards", ShardsParams)
    workers = load_section("runtime", RuntimeParams).workers
    tokenizer = Tokenizer.load(TOKENIZER)
    inputs = [
        TOKENIZER / "tokenizer.model",
        *(part for split in SPLITS for part in split_files(CORPUS / split)),
    ]
    fingerprint = make_fingerprint("pack_shards", {"shards": params.model_dump()}, inputs)
    packed = {
        split: write_split(
            fingerprint.folder / split, CORPUS / split, TOKENIZER, params.shard_tokens, workers
        )
        for split in SPLITS
    }
    with atomic_folder(SHARDS) as folder:
        for split in SPLITS:
            (folder / split).mkdir()
            for shard in packed[split]["shards"]:
                shutil.move(fingerprint.folder / split / shard["file"], folder / split)
        # Of val, so that training can report its loss by source.
        packed["val"]["sources"] = write_sources(folder / "val", CORPUS / "val")
        write_manifest(folder, tokenizer, packed)
    remove_checkpoints("pack_shards")  # this run's, and what killed runs of other params or texts have left
    counts = {split: {key: packed[split][key] for key in TOTAL_KEYS} for split in SPLITS}
    write_metrics("pack_shards", counts)
    for split, count in counts.items():
        print_message("{split}: {tokens:,} tokens in {documents:,} documents", split=split, **count)


if __name__ == "__main__":
    run_stage("pack_shards", main)
