"""Which tokenizer lets the same small model predict text best at equal training FLOPs, its head counted.

    python -m benchmarks.tokenizer_study ../shared/data/corpus --flops 1.5e13
    python -m benchmarks.tokenizer_study ../shared/data/corpus --only bpe-8192 --packing best_fit --seed 1

Every hundredth document is kept for validation. A line for each tokenizer: steps, seconds, bits per byte of
the validation text, bytes per token; then one JSON line. Tokenizers and shards stay in --place for the next
call.
"""

import argparse
import json
from pathlib import Path

from benchmarks import real_text
from pipeline.cli import estimate
from pipeline.cli.check import check_params
from pipeline.tokenizer_training.params import TokenizerParams

SIZES = (8_192, 16_384, 32_768)
KINDS = {"bpe": ("bpe", False), "unigram": ("unigram", False), "morpheme": ("bpe", True)}
VARIANTS = {f"{name}-{size}": (*kind, size) for size in SIZES for name, kind in KINDS.items()}


def main() -> None:
    """Train one model for each tokenizer and print what it reaches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flops", type=float, default=1.5e13)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS))
    parser.add_argument("--seed", type=int, nargs="*", default=[0])
    parser.add_argument("--packing", default="stream")
    parser.add_argument("--sample-bytes", type=int, default=20_000_000)
    parser.add_argument("--place", type=Path, default=Path(".scratch/real_text"))
    args = parser.parse_args()
    val = real_text.prepare(args.place, args.folder)
    everything = check_params()
    found = []
    for name in args.only:
        kind, morphemes, size = VARIANTS[name]
        settings = TokenizerParams(
            kind=kind,
            vocab_size=size,
            sample_bytes=args.sample_bytes,
            max_piece_chars=24,
            morphemes=morphemes,
        )
        tokenizer, shards = real_text.packed(args.place, settings, val)
        train = everything.train.model_copy(update={"packing": args.packing})
        params = everything.model_copy(update={"tokenizer": settings, "train": train})
        steps = round(args.flops / estimate.decoder_flops(params) / train.tokens_per_step)
        for seed in args.seed:
            trainer = real_text.trainer(params, shards, seed)
            seconds, _ = real_text.learn(trainer, steps)
            bits = real_text.bits(trainer.model, tokenizer, val)
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
