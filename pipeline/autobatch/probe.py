"""One timed training step on random tokens."""

import time

import torch

from pipeline.device.device import autocast, synchronize
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.special import FIRST_TEXT_TOKEN
from pipeline.training.loss import summed_loss
from pipeline.training.optimizer import Optimizers


def time_random_step(
    model: Decoder,
    optimizers: Optimizers,
    rows: int,
    length: int,
    precision: str,
    passes: int = 1,
    loss_chunks: int = 1,
    documents: int = 1,
) -> float:
    """Return the seconds of an optimizer step of `passes` forward passes of `rows` x `length` tokens.

    `documents`: equally long documents in a sequence, which do not attend to one another.
    """
    device = model.lm_head.weight.device
    document_BxT = None
    if documents > 1:
        document_BxT = (torch.arange(length, device=device) * documents // length).expand(rows, length)
    start = time.perf_counter()
    optimizers.zero_grad()
    for _ in range(passes):
        ids_BxT = torch.randint(FIRST_TEXT_TOKEN, model.vocab_size, (rows, length + 1), device=device)
        with autocast(device, precision):
            hidden_BxTxD = model.hidden_states(ids_BxT[:, :-1], document_BxT=document_BxT)
            loss = summed_loss(model, hidden_BxTxD, ids_BxT[:, 1:], loss_chunks) / (passes * rows * length)
        loss.backward()
    for optimizer in optimizers.all:
        optimizer.step()
    synchronize(device)
    return time.perf_counter() - start
