"""Which tokenizer lets the same small model predict text best at equal training FLOPs, its head counted.

    python -m benchmarks.tokenizer_study ../shared/data/corpus --flops 1.2e13
    python -m benchmarks.tokenizer_study ../shared/data/corpus --only bpe-8192 --packing best_fit --seed 1

Every hundredth document is kept for validation. A line for each tokenizer: steps, seconds, bits per byte of
the validation text, bytes per token; then one JSON line. Tokenizers and shards stay in --place for the next
call.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch

from benchmarks.texts import folder_texts, write_split_of
from pipeline import estimate
from pipeline.check import AllParams, check
from pipeline.evaluation import bits_per_byte
from pipeline.evaluation.read import Document
from pipeline.files import whole_folder
from pipeline.model.decoder import Decoder, initialise
from pipeline.shards.best_fit import Rows
from pipeline.shards.reader import Shards
from pipeline.shards.windows import Windows
from pipeline.shards.writer import write_manifest, write_split
from pipeline.tokenizer import train as learning
from pipeline.tokenizer.convert import write_folder
from pipeline.tokenizer.params import TokenizerParams
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.device import autocast, pick_device, precision_of
from pipeline.training.pretrain import Pretraining
from pipeline.training.schedule import rate
from pipeline.training.trainer import Trainer

SIZES = (8_192, 16_384, 32_768)
KINDS = {"bpe": ("bpe", False), "unigram": ("unigram", False), "morpheme": ("bpe", True)}
VARIANTS = {f"{name}-{size}": (*kind, size) for size in SIZES for name, kind in KINDS.items()}
VAL_BYTES = 500_000


def prepare(place: Path, folder: Path) -> list[Document]:
    """Write the train split, if it is not there; the validation documents."""
    val: list[Document] = []
    train: dict[str, str] = {}
    size = 0
    for number, text in enumerate(folder_texts(folder, without=["nutuk.txt"])):
        if number % 100 == 50 and size < VAL_BYTES:
            val.append(Document(str(number), "val", text))
            size += len(text.encode())
        else:
            train[f"d{number}"] = text
    if not (place / "train").exists():
        with whole_folder(place / "train") as whole:
            write_split_of(whole / "parts", train)
    return val


def packed(place: Path, name: str, val: list[Document], sample_bytes: int) -> tuple[Tokenizer, Path]:
    """The tokenizer of a variant and its shards, made if they are not there."""
    kind, morphemes, size = VARIANTS[name]
    made = place / f"{name}-{sample_bytes}"
    if not made.exists():
        settings = TokenizerParams(
            kind=kind, vocab_size=size, sample_bytes=sample_bytes, max_piece_chars=24, morphemes=morphemes
        )
        with whole_folder(made) as whole:  # nothing stays of a call that was interrupted
            folder, shards = whole / "tokenizer", whole / "shards"
            corpora = {"train": place / "train/parts", "val": whole / "val"}
            lines = learning.sampled_lines(corpora["train"], sample_bytes, 0)
            write_folder(folder, learning.train(lines, settings))
            write_split_of(corpora["val"], {document.id: document.text for document in val})
            splits = {
                split: write_split(shards / split, corpus, folder, 4_000_000, 2)
                for split, corpus in corpora.items()
            }
            write_manifest(shards, Tokenizer.load(folder), splits)
    return Tokenizer.load(made / "tokenizer"), made / "shards"


def trained(params: AllParams, shards: Path, steps: int, seed: int, packing: str) -> Decoder:
    """The model after its steps, as the loop trains it."""
    device = pick_device("auto")
    train, val = Shards(shards / "train"), Shards(shards / "val")
    model = Decoder(params.model, train.vocab_size)
    initialise(model, seed)
    rows = {"stream": Windows, "best_fit": Rows}[packing](train, params.model.context, seed)
    task = Pretraining(rows, Windows(val, params.model.context, 0), params.train, device)
    trainer = Trainer(model, task, params.train, device)
    for step in range(steps):
        trainer.update(step, rate(step, steps, params.train))
    return model.eval()


def main() -> None:
    """Train one model for each tokenizer and print what it reaches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flops", type=float, default=1.2e13)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS))
    parser.add_argument("--seed", type=int, nargs="*", default=[0])
    parser.add_argument("--packing", default="stream")
    parser.add_argument("--sample-bytes", type=int, default=20_000_000)
    parser.add_argument("--place", type=Path, default=Path(".scratch/tokenizer_study"))
    args = parser.parse_args()
    args.place.mkdir(parents=True, exist_ok=True)
    val = prepare(args.place, args.folder)
    precision = partial(autocast, torch.device("cpu"), precision_of("auto", pick_device("auto")))
    everything = check()
    found = []
    for name in args.only:
        tokenizer, shards = packed(args.place, name, val, args.sample_bytes)
        of_size = everything.tokenizer.model_copy(update={"vocab_size": tokenizer.vocab_size})
        params = everything.model_copy(update={"tokenizer": of_size})
        steps = round(args.flops / estimate.decoder_flops(params) / params.train.tokens_per_step)
        for seed in args.seed:
            began = time.perf_counter()
            model = trained(params, shards, steps, seed, args.packing)
            seconds = time.perf_counter() - began
            decoder = partial(bits_per_byte.sequence_bits, model, autocast=precision)
            bits = bits_per_byte.measure(val, tokenizer, {"base": decoder})["base"]
            sizes = sum(len(document.text.encode()) for document in val)
            per_token = sizes / sum(len(tokenizer.encode(document.text)) for document in val)
            row = {"steps": steps, "seconds": seconds, "bits_per_byte": bits, "bytes_per_token": per_token}
            print(
                f"{name:16} {args.packing} seed {seed}  " + "  ".join(f"{k} {v:.4g}" for k, v in row.items()),
                flush=True,
            )
            found.append({"tokenizer": name, "packing": args.packing, "seed": seed, **row})
    print(json.dumps({"flops": args.flops, "runs": found}))


if __name__ == "__main__":
    main()
