"""Generated tokens a second, beside transformers' `generate`: the same folder, prompts and precision (fp32).

    python -m benchmarks.generation_speed models/sft --batch 1 16 --rounds 7
    python -m benchmarks.generation_speed --shape 12x768 --vocab 32000 --batch 1 --rounds 3

Prompts are 30 random tokens, and each text gets 64 more, the likeliest each time. The two programs take
turns. A ratio is that of the two runs of a round, and medians are told. `--shape` makes a model of random
weights in place of a folder. Then 100 prompts are continued at temperature 0.8, one by one and in batches
of 16. Where texts differ, it says whether rounding decided: whether the number that was drawn lay at the
edge between two tokens. Prints a table and one JSON line.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from pipeline.inference.generate import generate
from pipeline.inference.sampling import Sampling, find_candidates, make_generator
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialize, parameter_count
from pipeline.model.hf_io import load_decoder, save_decoder
from pipeline.tokenizer.special import BOS, FIRST_TEXT_TOKEN, PAD

PROMPT, NEW = 30, 64  # tokens
TEXTS = 100  # sampled, to compare batches
SAMPLING = Sampling(temperature=0.8, top_p=0.95)
EDGE = 1e-5  # of the probability, within which rounding decides what is drawn


def make_model(shape: str, vocab_size: int, folder: Path, tokenizer: Path) -> None:
    """Write a model of random weights beside any tokenizer: LAYERSxWIDTH, heads of 64."""
    layers, width = map(int, shape.split("x"))
    params = ModelParams(
        arch="qwen3", width=width, layers=layers, heads=width // 64, kv_heads=width // 64, head_dim=64,
        ffn=64 * round(width * 8 / 3 / 64), context=512, rope_theta=10000.0, norm_eps=1e-6,
        tie_embeddings=True,
        ngram={"order": 0},
    )  # fmt: skip
    model = Decoder(params, vocab_size)
    initialize(model, 0)
    with torch.no_grad():  # those that start at zero would make every text alike
        for weight in model.parameters():
            weight += torch.randn_like(weight) * 0.02
    save_decoder(folder, model, tokenizer)


def draw_prompts(count: int, vocab_size: int, seed: int) -> list[list[int]]:
    """Return prompts of random tokens."""
    rng = np.random.default_rng(seed)
    return [[BOS, *rng.integers(FIRST_TEXT_TOKEN, vocab_size, PROMPT - 1).tolist()] for _ in range(count)]


@torch.inference_mode()
def generate_elsewhere(model: torch.nn.Module, prompts: list[list[int]]) -> list[list[int]]:
    """Return the new tokens by transformers."""
    ids = torch.tensor(prompts)
    options = {"do_sample": False, "eos_token_id": None, "pad_token_id": PAD}
    out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW, **options)  # type: ignore[operator]
    return out[:, PROMPT:].tolist()


@torch.inference_mode()
def is_tie(model: Decoder, prompt: Sequence[int], one: list[int], other: list[int], row: int) -> bool:
    """Tell if rounding decides the first token in which two sampled texts differ."""
    at = next(i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    logits = model(torch.tensor([[*prompt, *one[:at]]]))[0, -1].numpy()
    logits[[0, BOS, PAD]] = -np.inf
    drawn = make_generator(0, row).random(at + 1)[-1]
    _, weights = find_candidates(logits, SAMPLING)
    return bool(np.abs(weights.cumsum() / weights.sum() - drawn).min() < EDGE)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("models/sft"))
    parser.add_argument("--shape", help="LAYERSxWIDTH of a model of random weights")
    parser.add_argument("--vocab", type=int, default=32_000, help="its pieces")
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) if args.shape else args.folder
        if args.shape:
            make_model(args.shape, args.vocab, folder, args.folder)
        ours = load_decoder(folder).eval()
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    rows = []
    print(f"{parameter_count(ours):,} parameters, {torch.get_num_threads()} threads")
    print("| texts at once | tokens a second, here | transformers | ratio | texts alike |")
    print("|---|---|---|---|---|")
    for batch in args.batch:
        prompts, seconds = draw_prompts(batch, ours.vocab_size, 1), []
        for number in range(args.rounds + 1):
            began = time.perf_counter()
            mine = generate(ours, prompts, max_new_tokens=NEW, forbidden_ids=(), batch_size=batch)
            between = time.perf_counter()
            other = generate_elsewhere(theirs, prompts)
            if number:  # the first round warms up
                seconds.append((between - began, time.perf_counter() - between))
        alike = sum(a == b for a, b in zip(mine, other, strict=True))
        here, there = (batch * NEW / statistics.median(column) for column in zip(*seconds, strict=True))
        ratio = statistics.median(b / a for a, b in seconds)
        rows.append({"batch": batch, "here": here, "transformers": there, "ratio": ratio, "alike": alike})
        print(f"| {batch} | {here:,.0f} | {there:,.0f} | **{ratio:.2f}** | {alike} of {batch} |", flush=True)
    prompts = draw_prompts(TEXTS, ours.vocab_size, 2)
    options = {"max_new_tokens": NEW, "sampling": SAMPLING}
    alone, together = (generate(ours, prompts, batch_size=size, **options) for size in (1, 16))
    differ = [row for row in range(TEXTS) if alone[row] != together[row]]
    ties = sum(is_tie(ours, prompts[row], alone[row], together[row], row) for row in differ)
    print(f"sampled alone and in batches of 16: {len(differ)} of {TEXTS} texts differ, {ties} by rounding")
    print(
        json.dumps({"parameters": parameter_count(ours), "rows": rows, "differ": len(differ), "ties": ties})
    )


if __name__ == "__main__":
    main()
