"""The encoder's task for the shared training loop: the batches of a step, the loss, the validation."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.encoder.contrastive import duplicate_mask, info_nce
from pipeline.encoder.embed import TokenizerLike, make_input_ids, pad
from pipeline.encoder.model import Encoder, EncoderConfig, initialize
from pipeline.encoder.pairs import Pair, batch_pairs
from pipeline.encoder.params import EncoderParams

LENGTH_GROUPS = 4  # forward passes of a batch, each over texts of similar length: less padding


class Batch(NamedTuple):
    """B pairs: their 2B texts sorted by length, and the positions that restore the order."""

    groups: list[tuple[Tensor, Tensor]]  # ids and their mask, [rows, T of the group] each
    position_2B: Tensor  # of each text's vector; queries first, then their documents
    ignored_BxB: Tensor  # True where two pairs share a text


def build_encoder(params: EncoderParams, vocab_size: int, seed: int) -> Encoder:
    """Return an untrained encoder of the shape in params.yaml. The same seed gives the same weights."""
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
    return encoder


class PairTask:
    """Contrastive training on pairs of spans. The batch of step n depends on (seed, n) alone."""

    unit = "pairs"
    compile = None
    batch_size_key = "encoder.batch_size"

    def __init__(
        self,
        texts: list[str],
        held_out: Sequence[Pair],
        params: EncoderParams,
        tokenizer: TokenizerLike,
        seed: int,
    ) -> None:
        """Raises UserError where the documents do not fill one batch."""
        if len(texts) < params.batch_size:
            raise UserError(
                f"params.yaml: encoder.batch_size: {params.batch_size}: only {len(texts)} documents of"
                " data/corpus/train are long enough for two spans; lower it or add text"
            )
        self.texts = texts
        self.params = params
        self.tokenizer = tokenizer
        self.seed = seed
        self.batch_size = self.units_per_step = params.batch_size
        self.val_batch = self.collate(held_out[: params.batch_size])

    def collate(self, pairs: Sequence[Pair]) -> Batch:
        """Return a batch of pairs of texts as tensors."""
        queries, documents = zip(*pairs, strict=True)
        context = self.params.context
        rows = [make_input_ids(self.tokenizer, text, context) for text in [*queries, *documents]]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        size = -(-len(rows) // LENGTH_GROUPS)
        groups = [pad([rows[i] for i in order[start : start + size]]) for start in range(0, len(rows), size)]
        return Batch(groups, torch.argsort(torch.tensor(order)), duplicate_mask(queries, documents))

    def micro_batches(self, step: int) -> Sequence[Batch]:
        """Return the one batch of a step: its pairs are each other's negatives, so it cannot be cut."""
        pairs = batch_pairs(
            self.texts,
            self.seed,
            step,
            self.params.batch_size,
            self.tokenizer.encode,
            self.params.span_tokens,
        )
        return [self.collate(pairs)]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the symmetric InfoNCE loss of a batch, in nats."""
        device = next(model.parameters()).device
        vectors = torch.cat([model(ids.to(device), mask.to(device)) for ids, mask in batch.groups])
        queries_BxD, documents_BxD = vectors[batch.position_2B.to(device)].chunk(2)
        ignored_BxB = batch.ignored_BxB.to(device)
        return info_nce(queries_BxD, documents_BxD, self.params.temperature, ignored_BxB)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Return the loss on a fixed batch of held-out pairs, in nats."""
        return {"val_loss": self.loss(model, self.val_batch).item()}
