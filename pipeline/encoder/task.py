"""The encoder's training as the shared loop sees it: what a step reads, its loss, its validation."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.encoder.contrastive import duplicates, info_nce
from pipeline.encoder.embed import TextEncoder, input_ids, pad
from pipeline.encoder.model import Encoder, EncoderConfig, initialise
from pipeline.encoder.pairs import Pair, batch_pairs
from pipeline.encoder.params import EncoderParams

LENGTH_GROUPS = 4  # forward passes of a batch, each over texts of similar length: less padding to compute


class Batch(NamedTuple):
    """B pairs: their 2B texts by length, and how to put the vectors back in order."""

    groups: list[tuple[Tensor, Tensor]]  # ids and which of them are real, [rows, T of the group] each
    place_2B: Tensor  # where each text's vector is; queries first, then their documents
    ignored_BxB: Tensor  # True where two pairs share a text


def new_encoder(settings: EncoderParams, vocab_size: int, seed: int) -> Encoder:
    """An untrained encoder of the shape in params.yaml; the same seed gives the same weights."""
    encoder = Encoder(
        EncoderConfig(
            vocab_size=vocab_size,
            width=settings.width,
            layers=settings.layers,
            heads=settings.heads,
            ffn=settings.ffn,
            context=settings.context,
            rope_theta=settings.rope_theta,
        )
    )
    initialise(encoder, seed)
    return encoder


class PairTask:
    """Contrastive training on pairs of spans. What step n reads depends on (seed, n) alone."""

    unit = "pairs"
    compile = None
    batch_size_key = "encoder.batch_size"

    def __init__(
        self,
        texts: list[str],
        held_out: Sequence[Pair],
        settings: EncoderParams,
        tokenizer: TextEncoder,
        seed: int,
    ) -> None:
        """Raises UserError where the documents do not fill one batch."""
        if len(texts) < settings.batch_size:
            raise UserError(
                f"params.yaml: encoder.batch_size: {settings.batch_size}: only {len(texts)} documents of"
                " data/corpus/train are long enough for two spans; lower it or add text"
            )
        self.texts = texts
        self.settings = settings
        self.tokenizer = tokenizer
        self.seed = seed
        self.batch_size = self.units_per_step = settings.batch_size
        self.held_out = self.batch(held_out[: settings.batch_size])

    def batch(self, pairs: Sequence[Pair]) -> Batch:
        """Pairs of texts as tensors."""
        queries, documents = zip(*pairs, strict=True)
        context = self.settings.context
        rows = [input_ids(self.tokenizer, text, context) for text in [*queries, *documents]]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        size = -(-len(rows) // LENGTH_GROUPS)
        groups = [pad([rows[i] for i in order[at : at + size]]) for at in range(0, len(rows), size)]
        return Batch(groups, torch.argsort(torch.tensor(order)), duplicates(queries, documents))

    def micro_batches(self, step: int) -> Sequence[Batch]:
        """The one batch of a step: its pairs are each other's negatives, so it cannot be cut."""
        size, most = self.settings.batch_size, self.settings.span_tokens
        return [self.batch(batch_pairs(self.texts, self.seed, step, size, self.tokenizer.encode, most))]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Symmetric InfoNCE of a batch, in nats."""
        device = next(model.parameters()).device
        vectors = torch.cat([model(ids.to(device), real.to(device)) for ids, real in batch.groups])
        queries_BxD, documents_BxD = vectors[batch.place_2B.to(device)].chunk(2)
        ignored_BxB = batch.ignored_BxB.to(device)
        return info_nce(queries_BxD, documents_BxD, self.settings.temperature, ignored_BxB)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """The loss on a fixed batch of held-out pairs, in nats."""
        return {"val_loss": self.loss(model, self.held_out).item()}
