"""Estimates of how much a run reads and how long it takes on this machine, before it is run.

Matrix products make up most of training. So a stage's floating-point operations, counted from the params, are
divided by the measured rate of this machine and by the share of it that each stage reached
(experiments/default-run-before.md). The time of other work grows with the bytes of text. Expect an error of
up to a factor of 1.5, and a larger one where other programs share the machine.
"""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.cli.check import AllParams, tuned_model
from pipeline.cli.rate import stored_rate
from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable
from pipeline.common.params import suggest_nearest
from pipeline.common.paths import RAW_CORPUS, RAW_SFT, STAGES
from pipeline.corpus.params import LocalSource
from pipeline.corpus.readers.files import compression_ratio
from pipeline.encoder.pairs import MAX_BYTES
from pipeline.encoder.params import EncoderParams
from pipeline.readers.decompress import open_decompressed
from pipeline.readers.files import row_format
from pipeline.readers.json_rows import read_json_rows
from pipeline.readers.rows import Row

# Share of the machine's rate of matrix products that each stage reaches.
EFFICIENCY = {"train_encoder": 0.48, "train_base": 0.40, "train_sft": 0.24, "evaluate": 0.12}
BYTES_PER_SECOND = {
    "slice_corpus": 1.5e6, "train_tokenizer": 4e6, "pack_shards": 6e6, "train_encoder": 1e6,
}  # fmt: skip
STARTUP_SECONDS = 4.0  # of a stage before its work: imports, the check of the params
EVALUATION_SECONDS = 12.0  # to count n-grams and to search
MINIWORLD_DOCUMENT_BYTES = 545  # on average
BYTES_PER_TOKEN = {1_000: 2.9, 4_096: 4.3, 8_192: 4.8, 16_000: 5.4, 32_000: 6.0}  # by vocabulary size
QUERY_TOKENS, PASSAGE_TOKENS = 20, 100  # of the encoder's pairs
MINIWORLD_CONVERSATIONS, CONVERSATION_TOKENS = 6_640, 50
# Different n-grams of each length from 1 on for each token of a text of 22.5 M tokens, and seconds to count
# a token of it, for each length (experiments/counting-speed.md).
NGRAMS_PER_TOKEN = (0.0, 0.05, 0.24, 0.47, 0.64, 0.74, 0.80)
COUNTING_SECONDS = 2.5e-7
MIN_BYTES_PER_PIECE = 250  # of text; with less a vocabulary is too large
# With more epochs rereading teaches little (Muennighoff et al. 2023, arXiv 2305.16264: 4 to 16).
MAX_EPOCHS = 8


def corpus_bytes(params: AllParams, root: Path = Path()) -> int:
    """Return the UTF-8 bytes of text in the sources, from file sizes; at most corpus.max_bytes."""
    total = 0
    for name, source in params.corpus.sources.items():
        if source.kind == "miniworld":
            total += source.documents * MINIWORLD_DOCUMENT_BYTES
        elif not isinstance(source, LocalSource):
            total += params.corpus.byte_budgets().get(name, 0)
        else:
            for file in matching_files(f"corpus.sources.{name}.path", source.path, RAW_CORPUS, root):
                total += file.stat().st_size * compression_ratio(file)
    return min(total, params.corpus.max_bytes or total)


def training_bytes(params: AllParams, root: Path = Path()) -> int:
    """Return the UTF-8 bytes of the train split."""
    return round(corpus_bytes(params, root) * (1 - params.corpus.val_fraction - params.corpus.test_fraction))


def bytes_per_token(vocab_size: int) -> float:
    """Return the bytes per token of Turkish text, those of the measured tokenizer nearest in size."""
    return BYTES_PER_TOKEN[min(BYTES_PER_TOKEN, key=lambda size: abs(size - vocab_size))]


def training_tokens(params: AllParams, root: Path = Path()) -> int:
    """Return the tokens of the train split, at least one."""
    return max(1, round(training_bytes(params, root) / bytes_per_token(params.tokenizer.vocab_size)))


def counting_seconds(tokens: int, order: int) -> float:
    """Return the seconds that counting n-grams of a text takes."""
    return COUNTING_SECONDS * tokens * order


def ngram_bytes(tokens: int, order: int) -> float:
    """Return the bytes of the counts of a text: 6 for each n-gram, and 8 more for each that is a context."""
    last = NGRAMS_PER_TOKEN[-1]
    shares = [*NGRAMS_PER_TOKEN[:order], *[last] * (order - len(NGRAMS_PER_TOKEN))]
    return tokens * (6 * sum(shares) + 8 * sum(shares[:-1]))


def decoder_flops(params: AllParams) -> float:
    """Return the operations to train the decoder on one token.

    6 for each weight of a matrix product, and half of those of full attention, as attention is causal
    (Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
    """
    m = params.model
    weights = m.layers * m.count_layer_weights() + params.tokenizer.vocab_size * m.width
    return 6 * weights + 6 * m.layers * m.heads * m.head_dim * m.context


def tuning_flops(params: AllParams, root: Path = Path()) -> float:
    """Return the operations to tune on one token: with LoRA frozen weights need no gradient."""
    model, vocab_size = tuned_model(params, root)
    weights = model.layers * model.count_layer_weights() + vocab_size * model.width
    attention = 6 * model.layers * model.heads * model.head_dim * params.sft.context
    return (4 if params.sft.lora.rank else 6) * weights + attention


def encoder_step_flops(e: EncoderParams) -> float:
    """Return the operations of a step of the sentence encoder.

    Each of B queries is compared with B passages, in three passes. Besides, the network reads them.
    """
    comparisons = 6 * e.batch_size**2 * e.width * (1 + len(e.widths))
    tokens = e.batch_size * (min(QUERY_TOKENS, e.context) + min(PASSAGE_TOKENS, e.context))
    return comparisons + tokens * e.layers * (6 * e.count_layer_weights() + 12 * e.width * e.context)


def count_conversations(params: AllParams, root: Path = Path()) -> int:
    """Return about how many conversations there are to tune on."""
    total = 0
    for name, source in params.sft.sources.items():
        if source.kind == "miniworld":
            count = MINIWORLD_CONVERSATIONS
        elif source.kind == "hub":
            count = 0  # nobody has counted them yet
        else:
            files = matching_files(f"sft.sources.{name}.path", source.patterns, RAW_SFT, root)
            count = sum(map(count_rows, files))
        total += count if source.max_rows is None else min(count or source.max_rows, source.max_rows)
    return total


def count_rows(file: Path) -> int:
    """Return about how many rows a file of conversations has, 0 where it cannot be read."""
    try:
        if row_format(file) == ".parquet":
            return int(pq.read_metadata(file).num_rows)
        with open_decompressed(file) as stream:
            if row_format(file) == ".json":
                return sum(isinstance(row, Row) for row in read_json_rows(stream, str(file)))
            return sum(1 for _ in stream)
    except (UserError, OSError, pa.ArrowException):
        return 0


def stage_flops(params: AllParams, root: Path = Path()) -> dict[str, float]:
    """Return the operations of each stage that computes matrix products."""
    e, per_token = params.encoder, decoder_flops(params)
    scored_tokens = 2 * params.eval.max_bytes / bytes_per_token(params.tokenizer.vocab_size)
    return {
        "train_encoder": e.steps * encoder_step_flops(e),
        "train_base": params.train.steps * params.train.tokens_per_step * per_token,
        "train_sft": params.sft.epochs
        * count_conversations(params, root)
        * CONVERSATION_TOKENS
        * tuning_flops(params, root),
        "evaluate": (scored_tokens + params.eval.max_questions * 50) * per_token / 3,
    }


def stage_seconds(params: AllParams, rate: float, root: Path = Path()) -> dict[str, float]:
    """Return the seconds of every stage on a machine of `rate` floating-point operations per second."""
    size = corpus_bytes(params, root)
    operations = stage_flops(params, root)
    n_bytes = {
        "slice_corpus": size,
        "train_tokenizer": min(size, params.tokenizer.sample_bytes),
        "pack_shards": size / params.runtime.workers,
        "train_encoder": min(size, MAX_BYTES),
    }
    return {
        stage: STARTUP_SECONDS
        + n_bytes.get(stage, 0) / BYTES_PER_SECOND.get(stage, 1)
        + operations.get(stage, 0) / (rate * EFFICIENCY.get(stage, 1))
        + (EVALUATION_SECONDS if stage == "evaluate" else 0)
        for stage in STAGES
    }


def stored_stage_seconds(params: AllParams) -> dict[str, float] | None:
    """Return the seconds of every stage by the rate that was last measured here, or None without one."""
    rate = stored_rate(params.runtime.device, params.train.precision)
    return stage_seconds(params, rate) if rate else None


def describe_time(params: AllParams, stages: Collection[str]) -> Translatable:
    """Return a text about the time of those stages on this machine."""
    seconds = stored_stage_seconds(params)
    if seconds is None:
        return Translatable("`tezgah plan` measures how long it takes")
    duration = format_duration(sum(seconds[stage] for stage in stages))
    return Translatable("about {duration} here", duration=duration)


def describe_progress(params: AllParams, stage: str) -> Translatable:
    """Return `stage 5 of 7: train_base; about 8 min left`, for the start of a stage.

    Without the time where no rate of this machine is stored. Raises UserError for an unknown stage.
    """
    if stage not in STAGES:
        raise UserError(
            "--stage: {stage}: no such stage{suggestion}",
            stage=stage,
            suggestion=suggest_nearest(stage, list(STAGES)),
        )
    i, count = STAGES.index(stage), len(STAGES)
    seconds = stored_stage_seconds(params)
    if seconds is None:
        return Translatable("stage {number} of {count}: {stage}", number=i + 1, count=count, stage=stage)
    return Translatable(
        "stage {number} of {count}: {stage}; about {duration} left",
        number=i + 1,
        count=count,
        stage=stage,
        duration=format_duration(sum(seconds[later] for later in STAGES[i:])),
    )


def format_duration(duration: float) -> Translatable:
    """Return a duration in seconds as text: `40 s`, `8 min`, `3 h`, `2 days`."""
    if duration < 90:
        return Translatable("{seconds:.0f} s", seconds=max(10, round(duration, -1)))
    if duration < 90 * 60:
        return Translatable("{minutes:.0f} min", minutes=duration / 60)
    if duration < 36 * 3600:
        return Translatable("{hours:.0f} h", hours=duration / 3600)
    return Translatable("{days:.0f} days", days=duration / 86400)


def find_shortages(params: AllParams) -> list[Translatable]:
    """Return notes about too little text for the vocabulary or for the steps of training."""
    notes: list[Translatable] = []
    size, vocab_size = training_bytes(params), params.tokenizer.vocab_size
    if size < vocab_size * MIN_BYTES_PER_PIECE:
        fitting = max(512, size // MIN_BYTES_PER_PIECE // 256 * 256)
        notes.append(
            Translatable(
                "{megabytes:.2f} MB is little for tokenizer.vocab_size {vocab_size}; "
                "{fitting} would suit it better",
                megabytes=size / 1e6,
                vocab_size=vocab_size,
                fitting=fitting,
            )
        )
    tokens = training_tokens(params)
    epochs = params.train.steps * params.train.tokens_per_step / tokens
    if epochs > MAX_EPOCHS:
        steps = int(MAX_EPOCHS * tokens / params.train.tokens_per_step)
        notes.append(
            Translatable(
                "train.steps {steps} reads about {millions:.2f} M tokens {epochs:.0f} times; "
                "more text is better, or train.steps {fewer}",
                steps=params.train.steps,
                millions=tokens / 1e6,
                epochs=epochs,
                fewer=max(1, steps),
            )
        )
    return notes
