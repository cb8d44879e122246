"""Learn a SentencePiece vocabulary from a sample of the training split."""

import hashlib
import io
import re
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
from pipeline.data.reader import split_files
from pipeline.tokenizer.special import BOS, CHAT_MARKERS, EOS, PAD, PAD_TOKEN, UNK
from pipeline.tokenizer_training.params import REQUIRED_CHARACTERS, TokenizerParams
from pipeline.turkish.analyse import default_analyser

THREADS = 4  # a constant: the model file records it and must be the same everywhere
MORPHEME_DELIMITER = "\t"
ANALYZED_WORDS = 10_000  # the most frequent words
LETTERS = re.compile(r"[^\W\d_]+")
MAX_LINE_BYTES = 1 << 16  # of UTF-8; SentencePiece skips longer lines


def sample_lines(folder: Path, sample_bytes: int, seed: int) -> Iterator[str]:
    """Yield the lines of a random sample of documents, about `sample_bytes` in all.

    The id and the seed alone decide on a document. So the sample covers the whole split and has the same
    share of every source, with at least one document of each. Only sampled texts become Python objects, which
    keeps the reading of a large split fast.
    """
    is_sampled = sample_documents(folder, sample_bytes, seed)
    first = 0
    for part in split_files(folder):
        with pq.ParquetFile(part) as file:
            for group in range(file.num_row_groups):
                in_group = is_sampled[first : first + file.metadata.row_group(group).num_rows]
                first += len(in_group)
                if in_group.any():
                    texts = file.read_row_group(group, ["text"], use_threads=False)["text"]
                    for text in texts.filter(pa.array(in_group)).to_pylist():
                        # Without newlines: a newline is a byte, and no piece spans two lines.
                        yield from (line for line in text.split("\n") if line)


def sample_documents(folder: Path, sample_bytes: int, seed: int) -> np.ndarray:
    """Return the sample of a split as a mask over its documents, in order: bool [documents]."""
    sizes, draws, sources = [], [], []
    source_ids: dict[str, int] = {}  # by source name
    for part in split_files(folder):
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(columns=["id", "source", "text"], use_threads=False):
                sizes.append(pc.binary_length(batch["text"]).to_numpy())
                draws.append(np.array([draw_uniform(seed, id) for id in batch["id"].to_pylist()]))
                ids = [source_ids.setdefault(name, len(source_ids)) for name in batch["source"].to_pylist()]
                sources.append(np.array(ids, np.int32))
    share = sample_bytes / max(1, sum(int(batch_sizes.sum()) for batch_sizes in sizes))
    if share >= 1 or not source_ids:
        return np.ones(sum(map(len, sizes)), bool)
    uniform, source = np.concatenate(draws), np.concatenate(sources)
    is_sampled = uniform < share
    for source_id in source_ids.values():
        documents = np.flatnonzero(source == source_id)
        is_sampled[documents[uniform[documents].argmin()]] = True
    return is_sampled


def draw_uniform(seed: int, id: str) -> float:
    """Return a document's number in [0, 1), a hash of the seed and its id."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{id}".encode(), digest_size=8).digest(), "big") / 2**64


def delimit_morphemes(lines: Iterable[str]) -> list[str]:
    """Return the lines with MORPHEME_DELIMITER between the morphemes of their most frequent words.

    Words that the analyzer does not know stay whole. Of several readings the one of fewest morphemes and the
    longest stem is taken (süreç-i, not süre-ci).
    """
    lines = [line.replace(MORPHEME_DELIMITER, " ") for line in lines]
    counts = Counter(word for line in lines for word in LETTERS.findall(line))
    delimited = {}
    for word, _ in counts.most_common(ANALYZED_WORDS):
        readings = default_analyser().segmentations(word)
        if readings:
            segments = min(readings, key=lambda reading: (len(reading), -len(reading[0])))
            ends = [0, *accumulate(map(len, segments))]
            if ends[-1] == len(word):  # segments have the stem's case; split the word as it is written
                delimited[word] = MORPHEME_DELIMITER.join(word[start:end] for start, end in pairwise(ends))
    return [LETTERS.sub(lambda match: delimited.get(match[0], match[0]), line) for line in lines]


def cut_long_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines, those longer than MAX_LINE_BYTES in parts, each from a space to before another.

    No word is cut: a single one that is longer than a line is left out.
    """
    for line in lines:
        if len(line) * 4 <= MAX_LINE_BYTES:  # a character has four bytes at most
            yield line
            continue
        data, start = line.encode("utf-8"), 0
        while len(data) - start > MAX_LINE_BYTES:
            end = data.rfind(b" ", start + 1, start + MAX_LINE_BYTES + 1)
            if end > 0:
                yield data[start:end].decode("utf-8")
            else:
                end = data.find(b" ", start + 1)
            start = end if end > 0 else len(data)
        if start < len(data):
            yield data[start:].decode("utf-8")


def train_sentencepiece(lines: Iterable[str], params: TokenizerParams) -> bytes:
    """Return the content of the trained model file, with a piece for each of REQUIRED_CHARACTERS.

    Raises UserError where the text is too small for the vocabulary, or has more characters than it.
    """
    model = io.BytesIO()
    if params.morphemes:
        lines = delimit_morphemes(lines)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=cut_long_lines(lines),
            model_writer=model,
            model_type=params.kind,
            vocab_size=params.vocab_size,
            max_sentencepiece_length=params.max_piece_chars,
            max_sentence_length=MAX_LINE_BYTES,
            character_coverage=0.9995,
            required_chars=REQUIRED_CHARACTERS,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            byte_fallback=True,
            split_digits=True,
            pretokenization_delimiter=MORPHEME_DELIMITER
            if params.morphemes
            else "",  # no piece is learned across it
            control_symbols=CHAT_MARKERS,
            unk_id=UNK,
            bos_id=BOS,
            eos_id=EOS,
            pad_id=PAD,
            pad_piece=PAD_TOKEN,
            num_threads=THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        if "smaller than required_chars" in str(error):
            raise UserError(
                "params.yaml: tokenizer.vocab_size: {vocab_size}: fewer pieces than the training "
                "text has characters; raise it ({error})",
                vocab_size=params.vocab_size,
                error=error,
            ) from None
        if "ocabulary size" not in str(error) and "sentences_.empty()" not in str(error):
            raise
        raise UserError(
            "params.yaml: tokenizer.vocab_size: {vocab_size}: the training text is too small "
            "for so many pieces; lower it or add text ({error})",
            vocab_size=params.vocab_size,
            error=error,
        ) from None
    return round_scores(model.getvalue()) if params.kind == "unigram" else model.getvalue()


def round_scores(model: bytes) -> bytes:
    """Return the same unigram model with log probabilities rounded to multiples of 2^-10.

    A word's sum of such scores is exact in 32 and in 64 bits. So two equally likely segmentations
    are a tie in every implementation, and all of them break it alike. With the scores as trained,
    3 of 4,000 adversarial strings differed between SentencePiece (which adds in 32 bits) and
    tokenizers (64).
    """
    proto = ModelProto.FromString(model)
    for piece in proto.pieces:
        piece.score = round(piece.score * 1024) / 1024
    return proto.SerializeToString(deterministic=True)
