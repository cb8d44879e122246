"""One training step on random tokens, to measure what steps cost."""

import time

import torch

from pipeline.device.select import autocast, synchronise
from pipeline.model.decoder import Decoder
from pipeline.training.loss import summed_loss
from pipeline.training.optimizer import Optimizers

FIRST_TOKEN = 8  # below lie the markers


def random_step(
    model: Decoder,
    optimizers: Optimizers,
    rows: int,
    length: int,
    precision: str,
    passes: int = 1,
    loss_chunks: int = 1,
    documents: int = 1,
) -> float:
    """Seconds of an optimiser step: `passes` forward passes of `rows` sequences of `length` tokens each.

    With more than one of `documents` in a sequence, equally long, none sees another.
    """
    device = model.lm_head.weight.device
    document_BxT = None
    if documents > 1:
        document_BxT = (torch.arange(length, device=device) * documents // length).expand(rows, length)
    began = time.perf_counter()
    optimizers.zero_grad()
    for _ in range(passes):
        ids_BxT = torch.randint(FIRST_TOKEN, model.vocab_size, (rows, length + 1), device=device)
        with autocast(device, precision):
            summed = summed_loss(model, ids_BxT[:, :-1], ids_BxT[:, 1:], document_BxT, loss_chunks)
            loss = summed / (passes * rows * length)
        loss.backward()
    for optimizer in optimizers.all:
        optimizer.step()
    synchronise(device)
    return time.perf_counter() - began
