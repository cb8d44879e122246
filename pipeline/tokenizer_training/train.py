"""Learn a SentencePiece vocabulary from a sample of the training split."""

import hashlib
import io
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sentencepiece
from sentencepiece.sentencepiece_model_pb2 import ModelProto  # type: ignore[attr-defined]

from pipeline.common.errors import UserError
from pipeline.data.reader import parts
from pipeline.tokenizer.chat_template import MARKERS
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.turkish.analyse import analyser

THREADS = 4  # written into the model file: a constant, so that the file is the same everywhere
CUT = "\t"
ANALYSED_WORDS = 10_000  # the most frequent ones
LETTERS = re.compile(r"[^\W\d_]+")
LONGEST_LINE = 1 << 16  # bytes; SentencePiece skips longer lines


def sampled_lines(folder: Path, sample_bytes: int, seed: int) -> Iterator[str]:
    """Lines of a random choice of documents, about `sample_bytes` in all.

    A document is taken or left by its id and the seed alone, so that the sample covers the split and has
    of every source the same part, of each at least one document. No text but the chosen ones becomes a Python
    object, so that a split of any size is read fast.
    """
    chosen = chosen_documents(folder, sample_bytes, seed)
    first = 0
    for part in parts(folder):
        with pq.ParquetFile(part) as file:
            for group in range(file.num_row_groups):
                here = chosen[first : first + file.metadata.row_group(group).num_rows]
                first += len(here)
                if here.any():
                    texts = file.read_row_group(group, ["text"], use_threads=False)["text"]
                    for text in texts.filter(pa.array(here)).to_pylist():
                        # Newlines stay out, so that a newline is a byte and no piece spans two lines.
                        yield from (line for line in text.split("\n") if line)


def chosen_documents(folder: Path, sample_bytes: int, seed: int) -> np.ndarray:
    """Which documents of a split are in the sample, as one truth value each, in order."""
    sizes, draws, sources = [], [], []
    numbers: dict[str, int] = {}  # of the sources
    for part in parts(folder):
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(columns=["id", "source", "text"], use_threads=False):
                sizes.append(pc.binary_length(batch["text"]).to_numpy())
                draws.append(np.array([draw(seed, id) for id in batch["id"].to_pylist()]))
                of = [numbers.setdefault(name, len(numbers)) for name in batch["source"].to_pylist()]
                sources.append(np.array(of, np.int32))
    share = sample_bytes / max(1, sum(int(each.sum()) for each in sizes))
    if share >= 1 or not numbers:
        return np.ones(sum(map(len, sizes)), bool)
    drawn, source = np.concatenate(draws), np.concatenate(sources)
    chosen = drawn < share
    for number in numbers.values():
        own = np.flatnonzero(source == number)
        chosen[own[drawn[own].argmin()]] = True
    return chosen


def draw(seed: int, id: str) -> float:
    """A number between 0 and 1 that a document draws, always the same."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{id}".encode(), digest_size=8).digest(), "big") / 2**64


def cut_at_morphemes(lines: Iterable[str]) -> list[str]:
    """The lines with a CUT between the morphemes of their most frequent words, where the analyser knows them.

    Of several readings that of fewest morphemes and the longest stem is taken (süreç-i, not süre-ci).
    """
    lines = [line.replace(CUT, " ") for line in lines]
    counts = Counter(word for line in lines for word in LETTERS.findall(line))
    cut = {}
    for word, _ in counts.most_common(ANALYSED_WORDS):
        readings = analyser().segmentations(word)
        if readings:
            segments = min(readings, key=lambda reading: (len(reading), -len(reading[0])))
            ends = [0, *accumulate(map(len, segments))]
            if ends[-1] == len(word):  # cut in its own case
                cut[word] = CUT.join(word[start:end] for start, end in pairwise(ends))
    return [LETTERS.sub(lambda word: cut.get(word[0], word[0]), line) for line in lines]


def train(lines: Iterable[str], params: TokenizerParams) -> bytes:
    """The trained model file's content. Raises UserError where the text is too small for it."""
    model = io.BytesIO()
    if params.morphemes:
        lines = cut_at_morphemes(lines)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type=params.kind,
            vocab_size=params.vocab_size,
            max_sentencepiece_length=params.max_piece_chars,
            max_sentence_length=LONGEST_LINE,
            character_coverage=0.9995,
            # Every ASCII character has a piece: code, markup and a literal "<s>" stay plain text.
            required_chars="".join(c for c in string.printable if c.isprintable() and c != " "),
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            byte_fallback=True,
            split_digits=True,
            pretokenization_delimiter=CUT if params.morphemes else "",  # no piece is learnt across it
            control_symbols=MARKERS,
            unk_id=0,
            bos_id=1,
            eos_id=2,
            pad_id=3,
            pad_piece="<pad>",
            num_threads=THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        if "ocabulary size" not in str(error) and "sentences_.empty()" not in str(error):
            raise
        raise UserError(
            f"params.yaml: tokenizer.vocab_size: {params.vocab_size}: the training text is too small for"
            f" so many pieces; lower it or add text ({error})"
        ) from None
    return exact_scores(model.getvalue()) if params.kind == "unigram" else model.getvalue()


def exact_scores(model: bytes) -> bytes:
    """The same unigram model with log probabilities rounded to multiples of 2^-10.

    A word's sum of such scores is exact in 32 and in 64 bits, so that two equally likely
    segmentations are a tie in every implementation, and all of them break it alike. With the
    scores as trained, 3 of 4,000 adversarial strings differed between SentencePiece (which adds in
    32 bits) and tokenizers (64).
    """
    proto = ModelProto.FromString(model)
    for piece in proto.pieces:
        piece.score = round(piece.score * 1024) / 1024
    return proto.SerializeToString(deterministic=True)
