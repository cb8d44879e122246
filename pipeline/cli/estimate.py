"""About how much a run reads and how long it takes on this machine, before it is run.

Products of matrices make up most of training, so a stage's floating-point operations, counted from the
params, are divided by what this machine multiplies in a moment, and by the share of that rate
which each stage was seen to reach (EXPERIMENTS.md). The rest of a stage is taken from its bytes. Expect to be
right within a factor of 1.5, and far off where another program shares the machine.
"""

import json
import time
from collections.abc import Collection
from pathlib import Path

from pipeline.cli.check import AllParams
from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.fingerprint import scratch
from pipeline.common.params import nearest
from pipeline.corpus.params import LocalSource
from pipeline.corpus.readers.decompress import SUFFIXES
from pipeline.encoder.params import EncoderParams

STAGES = (
    "slice_corpus", "train_tokenizer", "pack_shards", "train_encoder", "train_base", "train_sft", "evaluate",
)  # fmt: skip
EFFICIENCY = {"train_encoder": 0.48, "train_base": 0.40, "train_sft": 0.24, "evaluate": 0.12}  # of that rate
BYTES_PER_SECOND = {"slice_corpus": 1.5e6, "train_tokenizer": 4e6, "pack_shards": 6e6}
START = 4.0  # seconds of a stage before its work: imports, the check of the params
EVALUATION = 12.0  # seconds that counting n-grams and searching take
MINIWORLD_DOCUMENT = 545  # bytes
PACKED = 4  # text bytes in a byte of a compressed file, or of parquet
BYTES_PER_TOKEN = {1_000: 2.9, 4_096: 4.3, 8_192: 4.8, 16_000: 5.4, 32_000: 6.0}  # Turkish, by pieces
MINIWORLD_CONVERSATIONS, CONVERSATION_TOKENS = 6_640, 50
BYTES_PER_PIECE = 250  # of text, below which a vocabulary is too large for it
# After which reading again teaches little (Muennighoff et al. 2023, arXiv 2305.16264: 4 to 16).
MOST_EPOCHS = 8
MEASURED = 5  # times
RATE_FILE, RATE_LASTS = "rate.json", 3600  # seconds; it may have been measured in bad company


def corpus_bytes(params: AllParams, root: Path = Path()) -> int:
    """UTF-8 bytes of text that the sources give, by the sizes of their files; at most corpus.max_bytes."""
    total = 0
    for name, source in params.corpus.sources.items():
        if source.kind == "miniworld":
            total += source.documents * MINIWORLD_DOCUMENT
        elif not isinstance(source, LocalSource):
            total += params.corpus.shares().get(name, 0)
        else:
            for file in matching_files(f"corpus.sources.{name}.path", source.path, "data/raw/corpus", root):
                total += file.stat().st_size * (PACKED if file.suffix in (*SUFFIXES, ".parquet") else 1)
    return min(total, params.corpus.max_bytes or total)


def training_bytes(params: AllParams, root: Path = Path()) -> int:
    """Those of the train split."""
    return round(corpus_bytes(params, root) * (1 - params.corpus.val_fraction - params.corpus.test_fraction))


def bytes_per_token(vocab_size: int) -> float:
    """Of Turkish text, read off the measured tokenizer nearest in size."""
    return BYTES_PER_TOKEN[min(BYTES_PER_TOKEN, key=lambda size: abs(size - vocab_size))]


def training_tokens(params: AllParams, root: Path = Path()) -> int:
    """Tokens of the train split, at least one."""
    return max(1, round(training_bytes(params, root) / bytes_per_token(params.tokenizer.vocab_size)))


def decoder_flops(params: AllParams) -> float:
    """Operations to train the decoder on one token: 6 for each weight that multiplies, and attention's
    (Chowdhery et al. 2022, arXiv 2204.02311, appendix B), half of them, as no token sees the later ones."""
    m = params.model
    attention = m.width * m.head_dim * (2 * m.heads + 2 * m.kv_heads)
    ffn = (2 if m.arch == "tanai" else 3) * m.width * m.ffn
    weights = m.layers * (attention + ffn) + params.tokenizer.vocab_size * m.width
    return 6 * weights + 6 * m.layers * m.heads * m.head_dim * m.context


def encoder_flops(e: EncoderParams) -> float:
    """The same of the sentence encoder."""
    return 6 * e.layers * (4 * e.width**2 + 3 * e.width * e.ffn) + 12 * e.layers * e.width * e.context


def conversations(params: AllParams, root: Path = Path()) -> int:
    """How many there are to tune on, about."""
    total = 0
    for name, source in params.sft.sources.items():
        if source.kind == "miniworld":
            total += MINIWORLD_CONVERSATIONS
        else:
            for file in matching_files(f"sft.sources.{name}.path", source.patterns, "data/raw/sft", root):
                with open(file, "rb") as lines:
                    total += sum(1 for _ in lines)
    return total


def flops(params: AllParams, root: Path = Path()) -> dict[str, float]:
    """Operations of the stages that multiply matrices."""
    e, of_token = params.encoder, decoder_flops(params)
    read = 2 * params.eval.max_bytes / bytes_per_token(params.tokenizer.vocab_size)
    return {
        "train_encoder": e.steps * e.batch_size * 2 * e.span_tokens * encoder_flops(e),
        "train_base": params.train.steps * params.train.tokens_per_step * of_token,
        "train_sft": params.sft.epochs * conversations(params, root) * CONVERSATION_TOKENS * of_token,
        "evaluate": (read + params.eval.max_questions * 50) * of_token / 3,
    }


def seconds(params: AllParams, rate: float, root: Path = Path()) -> dict[str, float]:
    """Of every stage, where the machine multiplies `rate` floating-point operations a second."""
    size = corpus_bytes(params, root)
    work = flops(params, root)
    of_bytes = {
        "slice_corpus": size,
        "train_tokenizer": min(size, params.tokenizer.sample_bytes),
        "pack_shards": size / params.runtime.workers,
    }
    return {
        stage: START
        + of_bytes.get(stage, 0) / BYTES_PER_SECOND.get(stage, 1)
        + work.get(stage, 0) / (rate * EFFICIENCY.get(stage, 1))
        + (EVALUATION if stage == "evaluate" else 0)
        for stage in STAGES
    }


def seconds_here(params: AllParams) -> dict[str, float]:
    """Of every stage, on this machine."""
    return seconds(params, machine_rate(params.runtime.device, params.train.precision))


def about(params: AllParams, stages: Collection[str]) -> str:
    """How long those stages take on this machine, as people say it."""
    try:
        found = seconds_here(params)
    except UserError as error:
        return f"how long, this machine cannot tell: {error}"
    return f"about {roughly(sum(found[stage] for stage in stages))} here"


def machine_rate(device: str, precision: str) -> float:
    """Floating-point operations a second in products of matrices, in the precision that training would take.

    Measured for half a second and kept for an hour in the scratch folder, so that a run's stages agree.
    Raises UserError where the device is not there.
    """
    asked = f"{device}, {precision}"
    kept = scratch() / RATE_FILE
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["of"] == asked and 0 <= time.time() - found["at"] < RATE_LASTS and found["rate"] > 0:
            return float(found["rate"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    rate = measured_rate(device, precision)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({"of": asked, "at": time.time(), "rate": rate}), encoding="utf-8")
    except OSError:
        pass  # measured again next time
    return rate


def measured_rate(device: str, precision: str, for_seconds: float = 0.1) -> float:
    """See `machine_rate`."""
    import torch  # here, as every stage begins with this file, and most find the rate that is kept

    from pipeline.device.select import DTYPES, pick_device, precision_of, synchronise

    where = pick_device(device)
    size = 1024 if where.type == "cpu" else 4096  # for which starting a product takes a GPU no time
    matrix = torch.ones(size, size, device=where, dtype=DTYPES[precision_of(precision, where)])
    matrix @ matrix  # the first one prepares
    synchronise(where)
    best = 0.0
    for _ in range(MEASURED):  # the best of several, as another program may have the processor for a while
        done, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < for_seconds:
            matrix @ matrix
            synchronise(where)
            done += 1
        best = max(best, done * 2 * size**3 / passed)
    return best


def where(params: AllParams, stage: str) -> str:
    """`stage 5 of 7: train_base; about 8 min left` as this stage begins.

    How long is left out where the device is not there, which stops the stages that need it and no other.
    Raises UserError for a stage that is none.
    """
    if stage not in STAGES:
        raise UserError(f"--stage: {stage}: no such stage{nearest(stage, list(STAGES))}")
    place = STAGES.index(stage)
    try:
        found = seconds_here(params)
    except UserError:
        return f"stage {place + 1} of {len(STAGES)}: {stage}"
    left = sum(found[later] for later in STAGES[place:])
    return f"stage {place + 1} of {len(STAGES)}: {stage}; about {roughly(left)} left"


def roughly(duration: float) -> str:
    """Seconds as people say them: `40 s`, `8 min`, `3 h`, `2 days`."""
    if duration < 90:
        return f"{max(10, round(duration, -1)):.0f} s"
    if duration < 90 * 60:
        return f"{duration / 60:.0f} min"
    if duration < 36 * 3600:
        return f"{duration / 3600:.0f} h"
    return f"{duration / 86400:.0f} days"


def warnings(params: AllParams) -> list[str]:
    """What is too little for the vocabulary, the model or the validation."""
    found = []
    size, pieces = training_bytes(params), params.tokenizer.vocab_size
    if size < pieces * BYTES_PER_PIECE:
        fits = max(512, size // BYTES_PER_PIECE // 256 * 256)
        found.append(
            f"{size / 1e6:.2f} MB is little for tokenizer.vocab_size {pieces}; {fits} would suit it better"
        )
    tokens = training_tokens(params)
    epochs = params.train.steps * params.train.tokens_per_step / tokens
    if epochs > MOST_EPOCHS:
        steps = int(MOST_EPOCHS * tokens / params.train.tokens_per_step)
        found.append(
            f"train.steps {params.train.steps} reads about {tokens / 1e6:.2f} M tokens {epochs:.0f} times;"
            f" more text is better, or train.steps {max(1, steps)}"
        )
    return found
