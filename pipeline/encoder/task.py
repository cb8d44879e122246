"""The encoder's task for the shared training loop: the batch of a step, the loss, the validation."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from pipeline.common.i18n import Translatable, join_texts, print_message
from pipeline.encoder.contrastive import false_negatives, gather_rows, nested_info_nce
from pipeline.encoder.embed import Model
from pipeline.encoder.model import Encoder, EncoderConfig, initialize
from pipeline.encoder.pairs import (
    HeldOut,
    PairSampler,
    Sentences,
    inverse_document_frequencies,
    read_sentences,
    sample_documents,
)
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.table import TableConfig, VectorTable, initialize_table
from pipeline.encoder.teacher import Teacher, imitation_loss
from pipeline.encoder.vocabulary import build_vocabulary, encode_texts
from pipeline.training import distributed

TAUGHT_STREAM = 100  # of random numbers


class TrainingText(NamedTuple):
    """The training text in the forms that the encoder needs."""

    documents: list[str]
    tokenizer: Tokenizer
    sentences: Sentences
    token_weights_V: np.ndarray  # how much each token of the vocabulary counts


def read_training_text(
    texts: Iterable[str], params: EncoderParams, tokenizer_folder: Path, seed: int
) -> TrainingText:
    """Return the training text, or as much of it as memory is for, with its vocabulary and sentences.

    Raises UserError where it has no words, or no document of two sentences.
    """
    documents, count = sample_documents(texts, seed)
    if len(documents) < count:
        print_message(
            "{kept:,} of {count:,} documents, as many as memory is for", kept=len(documents), count=count
        )
    tokenizer = build_vocabulary(params.vocabulary, params.vocab_size, documents, tokenizer_folder)
    sentences = read_sentences(documents, tokenizer)
    weights_V = inverse_document_frequencies(sentences, tokenizer.get_vocab_size())
    return TrainingText(documents, tokenizer, sentences, weights_V)


class Batch(NamedTuple):
    """B pairs of a step, and the rows of them that this process embeds."""

    queries: list[np.ndarray]  # token ids of the own rows
    passages: list[np.ndarray]
    ignored_BxB: Tensor  # True where two pairs share text
    taught: list[np.ndarray]  # token ids of texts of the teacher's; own rows
    targets_RxE: Tensor  # the teacher's vectors of them


def build_encoder(params: EncoderParams, token_weights_V: np.ndarray, seed: int) -> Model:
    """Return an untrained encoder of the shape in params.yaml: a table of vectors, or with layers a network.

    `token_weights_V` has a number for each token of the vocabulary: how much it counts in the mean. The same
    seed gives the same weights.
    """
    vocab_size = len(token_weights_V)
    if not params.layers:
        table = VectorTable(TableConfig(vocab_size=vocab_size, width=params.width))
        initialize_table(table, token_weights_V, seed)
        return table
    encoder = Encoder(
        EncoderConfig(
            vocab_size=vocab_size,
            width=params.width,
            layers=params.layers,
            heads=params.heads,
            ffn=params.ffn,
            context=params.context,
            rope_theta=params.rope_theta,
        )
    )
    initialize(encoder, seed)
    encoder.set_token_weights(token_weights_V)
    return encoder


class PairTask:
    """Contrastive training on pairs of texts. The batch of step n depends on (seed, n) alone."""

    unit = "pairs"
    compile = None
    batch_size_key = "encoder.batch_size"

    def __init__(
        self,
        sentences: Sentences,
        held_out: HeldOut,
        params: EncoderParams,
        tokenizer: Tokenizer,
        seed: int,
        teacher: Teacher | None = None,
    ) -> None:
        """Raises UserError where the sentences do not fill one batch of each kind of pairs."""
        self.params, self.seed, self.teacher = params, seed, teacher
        self.batch_size = self.units_per_step = params.batch_size
        self.sampler = PairSampler(
            sentences,
            params.pairs.weights(),
            params.kept_fraction,
            params.word_dropout,
            params.batch_size,
            seed,
        )
        size = min(params.batch_size, len(held_out.queries))
        rows = encode_texts(tokenizer, [*held_out.queries[:size], *held_out.passages[:size]])
        ignored_BxB = torch.zeros(size, size, dtype=torch.bool)
        self.val_batch = Batch(rows[:size], rows[size:], ignored_BxB, [], torch.zeros(0, 0))

    def print_size(self, weights: int) -> None:
        """Print the number of weights, how many pairs of each kind a step has, and of how many sentences."""
        kinds = [
            Translatable(
                "{rows} {kind} of {count:,}", rows=rows, kind=kind, count=len(self.sampler.positions[kind])
            )
            for kind, rows in self.sampler.rows.items()
        ]
        print_message(
            "{weights:,} parameters; pairs in a step: {kinds}",
            weights=weights,
            kinds=join_texts(", ", kinds),
        )

    def micro_batches(self, step: int) -> Sequence[Batch]:
        """Return the one batch of a step: its pairs are each other's negatives, so it cannot be cut."""
        pairs = self.sampler.sample(step)
        ignored = false_negatives(pairs.range_Bx2, pairs.keys)
        own = own_rows(self.batch_size)
        taught, targets_RxE = self.sample_taught(step)
        return [Batch(pairs.queries[own], pairs.passages[own], ignored, taught, targets_RxE)]

    def sample_taught(self, step: int) -> tuple[list[np.ndarray], Tensor]:
        """Return this process's rows of a step's texts of the teacher's, and the vectors to imitate."""
        if self.teacher is None:
            return [], torch.zeros(0, 0)
        count = len(self.teacher.rows)
        rows = np.random.default_rng([self.seed, TAUGHT_STREAM, step]).integers(count, size=self.batch_size)
        rows = rows[own_rows(self.batch_size)]
        return [self.teacher.rows[i] for i in rows], torch.from_numpy(self.teacher.vectors_NxE[rows])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return this process's share of the loss of a batch: of the pairs, in nats, and of the imitation."""
        count = distributed.world_size()
        vectors = cast(Model, model).embed_rows([*batch.queries, *batch.passages, *batch.taught])
        queries_RxD, passages_RxD, taught_RxD = vectors.split(
            [len(batch.queries), len(batch.passages), len(batch.taught)]
        )
        loss = self.batch_loss(gather_rows(queries_RxD), gather_rows(passages_RxD), batch.ignored_BxB)
        # Every process has the whole loss, but the gradient of its own rows: its share in value is a part.
        loss = loss - loss.detach() * (1 - 1 / count)
        if batch.taught:
            imitation = imitation_loss(taught_RxD, batch.targets_RxE.to(taught_RxD.device))
            loss = loss + self.params.teacher_weight * imitation / count
        return loss

    def batch_loss(self, queries_BxD: Tensor, passages_BxD: Tensor, ignored_BxB: Tensor) -> Tensor:
        """Return the loss of all pairs, in nats."""
        return nested_info_nce(
            queries_BxD,
            passages_BxD,
            self.params.temperature,
            ignored_BxB.to(queries_BxD.device),
            self.params.widths,
        )

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Return the loss on a fixed batch of held-out pairs, in nats."""
        batch = self.val_batch
        queries_BxD, passages_BxD = (
            cast(Model, model).embed_rows(side) for side in (batch.queries, batch.passages)
        )
        return {"val_loss": self.batch_loss(queries_BxD, passages_BxD, batch.ignored_BxB).item()}


def own_rows(count: int) -> slice:
    """Return the rows of a batch of `count` that this process embeds: all have equally many."""
    size = count // distributed.world_size()
    return slice(distributed.rank() * size, (distributed.rank() + 1) * size)
