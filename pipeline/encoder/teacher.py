"""A teacher: an encoder that was trained on much more text, whose vectors ours learns to imitate.

A sentence-transformers folder is asked for the vectors of words and of short spans of the training text. A
Parquet file has texts and their vectors already: columns `text` and `vector`.

N texts    E width of the teacher's vectors    D width of ours
"""

import glob
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from pipeline.common.data_files import matching_files
from pipeline.common.errors import UserError, one_line
from pipeline.common.io import atomic_file
from pipeline.common.library_messages import recognize
from pipeline.common.paths import RAW_MODEL
from pipeline.encoder.pairs import count_words
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.sentences import split_sentences
from pipeline.encoder.table import VectorTable
from pipeline.encoder.vocabulary import encode_texts, rank_by_count

SPAN_WORDS = (3, 12)  # least and most words of a span
SPAN_STREAM = 101  # of random numbers
WORD = re.compile(r"[^\W\d_]+")


class Teacher(NamedTuple):
    """Texts as token ids, and the teacher's vectors of them, centered and of length 1."""

    rows: list[np.ndarray]
    vectors_NxE: np.ndarray


def list_teacher_texts(texts: Sequence[str], words: int, spans: int, seed: int) -> list[str]:
    """Return what to ask a teacher for: the commonest words of the texts, then spans of their sentences."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(WORD.findall(text))
    return [*rank_by_count(counts)[:words], *dict.fromkeys(sample_spans(texts, spans, seed))]


def sample_spans(texts: Sequence[str], count: int, seed: int) -> Iterable[str]:
    """Yield up to `count` spans of a few words, of sentences of documents drawn at random."""
    rng = np.random.default_rng([seed, SPAN_STREAM])
    least, most = SPAN_WORDS
    documents, spans_D = np.unique(rng.integers(len(texts), size=count), return_counts=True)
    for document, spans in zip(documents, spans_D, strict=True):
        sentences = [each for each in split_sentences(texts[document]) if count_words(each) >= least]
        for _ in range(spans if sentences else 0):
            words = sentences[rng.integers(len(sentences))].split()
            length = int(rng.integers(least, most + 1))
            start = int(rng.integers(max(1, len(words) - length + 1)))
            yield " ".join(words[start : start + length])


def ask_teacher(
    folder: Path, texts: Sequence[str], device: torch.device | str, prompt: str = ""
) -> np.ndarray:
    """Return the vectors [N, E] that the sentence-transformers model in `folder` has of the texts.

    `prompt` is put before each text. Raises UserError where the library is missing or the folder no model.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise UserError("{folder}: to ask it takes `pip install -e '.[teacher]'`", folder=folder) from None
    try:
        model = SentenceTransformer(str(folder), device=str(device), local_files_only=True)
    except Exception as error:  # of many kinds
        raise UserError(
            "{folder}: no sentence-transformers model: {error}", folder=folder, error=one_line(error)
        ) from None
    return model.encode([prompt + text for text in texts], batch_size=64, show_progress_bar=True)


def write_teacher(path: Path, texts: Sequence[str], vectors_NxE: np.ndarray) -> None:
    """Write texts and their vectors as a Parquet file, which appears whole or not at all."""
    vectors = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors_NxE.astype(np.float32).ravel()), vectors_NxE.shape[1]
    )
    table = pa.table({"text": pa.array(texts), "vector": vectors})
    with atomic_file(path) as file:
        pq.write_table(table, file, compression="zstd")


def read_teacher(path: Path) -> tuple[list[str], np.ndarray]:
    """Return the texts and vectors [N, E] of a Parquet file. Raises UserError, with the row, for a fault."""
    try:
        table = pq.read_table(path, columns=["text", "vector"])
    except (pa.ArrowException, OSError, KeyError) as error:
        raise UserError(
            "{path}: no Parquet file with columns text and vector: {error}",
            path=path,
            error=recognize(one_line(error)),
        ) from None
    texts, column = table["text"].to_pylist(), table["vector"].combine_chunks()
    if not texts:
        raise UserError("{path}: no rows; a teacher needs texts and their vectors", path=path)
    for row, text in enumerate(texts, start=1):
        if not isinstance(text, str) or not text.strip():
            raise UserError("{path}: row {row}: no text", path=path, row=row)
    is_list = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(is_kind(column.type) for is_kind in is_list):
        raise UserError("{path}: column vector has {kind}, not lists of numbers", path=path, kind=column.type)
    lengths = pc.list_value_length(column).to_pylist()
    for row, length in enumerate(lengths, start=1):
        if length is None or length != lengths[0]:
            raise UserError(
                "{path}: row {row}: its vector is not as long as that of row 1", path=path, row=row
            )
    try:
        vectors_NxE = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    except (TypeError, ValueError):
        raise UserError("{path}: a vector holds something that is no number", path=path) from None
    if not vectors_NxE.size or not np.isfinite(vectors_NxE).all():
        raise UserError("{path}: a vector is empty or holds a number that is not finite", path=path)
    vectors_NxE = vectors_NxE.reshape(len(texts), -1)
    return texts, vectors_NxE


def load_teacher(
    params: EncoderParams, texts: Sequence[str], tokenizer: Tokenizer, seed: int, device: torch.device
) -> Teacher | None:
    """Return what `encoder.teacher` knows: a file's texts, or for a folder words and spans of `texts`.

    None where there is no teacher. Vectors are centered: many encoders give all texts a common part, which
    tells nothing. Raises UserError where the path is faulty, or has vectors wider than the encoder's.
    """
    if params.teacher is None:
        return None
    path = Path(params.teacher)
    find_teacher_files(params.teacher)
    if path.is_dir():
        asked = list_teacher_texts(texts, params.vocab_size, params.teacher_spans, seed)
        vectors_NxE = ask_teacher(path, asked, device)
    else:
        asked, vectors_NxE = read_teacher(path)
    if vectors_NxE.shape[1] > params.width:
        raise UserError(
            "params.yaml: encoder.width: {width}: the vectors of the teacher {path} have "
            "{size} numbers; set it to that or more",
            width=params.width,
            path=path,
            size=vectors_NxE.shape[1],
        )
    centered_NxE = vectors_NxE - vectors_NxE.mean(axis=0)
    norms_Nx1 = np.linalg.norm(centered_NxE, axis=1, keepdims=True)
    return Teacher(encode_texts(tokenizer, asked), centered_NxE / np.maximum(norms_Nx1, 1e-9))


def find_teacher_files(teacher: str | None, root: Path = Path()) -> list[Path]:
    """Return the files that a teacher consists of, in order; none where it is None.

    Raises UserError where it is missing, empty, or outside the folder that DVC tracks. `root`: the project's
    folder.
    """
    if teacher is None:
        return []
    name = teacher.rstrip("/")
    pattern = f"{glob.escape(name)}/**" if (root / name).is_dir() else glob.escape(name)
    return matching_files("params.yaml: encoder.teacher", [pattern], RAW_MODEL, root)


def initialize_from_teacher(table: VectorTable, teacher: Teacher) -> None:
    """Give every token that is a text of the teacher's the direction of its vector; lengths stay.

    The numbers behind the teacher's width keep what they were, scaled down: they tell words apart.
    """
    ones = [i for i, row in enumerate(teacher.rows) if len(row) == 1]
    if not ones:
        return
    tokens = torch.tensor([int(teacher.rows[i][0]) for i in ones])
    vectors = torch.from_numpy(teacher.vectors_NxE[ones]).float()
    weight_VxD = table.embedding.weight.detach()
    sums_VxE = torch.zeros(len(weight_VxD), vectors.shape[1]).index_add_(0, tokens, vectors)
    known = torch.unique(tokens)
    lengths = weight_VxD[known].norm(dim=1, keepdim=True)
    mixed = F.pad(F.normalize(sums_VxE[known], dim=1), (0, weight_VxD.shape[1] - vectors.shape[1]))
    mixed[:, vectors.shape[1] :] = F.normalize(weight_VxD[known], dim=1)[:, vectors.shape[1] :]
    with torch.no_grad():
        table.embedding.weight[known] = lengths * F.normalize(mixed, dim=1)


def imitation_loss(vectors_NxD: Tensor, targets_NxE: Tensor) -> Tensor:
    """Return 1 minus the mean cosine of our vectors' first E numbers with the teacher's vectors."""
    own_NxE = vectors_NxD[:, : targets_NxE.shape[1]]
    return 1 - F.cosine_similarity(own_NxE.float(), targets_NxE, dim=1).mean()
