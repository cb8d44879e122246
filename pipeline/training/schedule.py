"""The learning rate schedule: a pure function of the step."""

import math

from pipeline.training.params import DecoderLoopParams, LoopParams


def lr_multiplier(step: int, steps: int, params: LoopParams) -> float:
    """Return the fraction of the peak learning rate that step `step` (from 0) of `steps` uses.

    A linear warmup comes first. Then `cosine` (Loshchilov & Hutter 2017, arXiv 1608.03983) and `linear` fall
    to `final_fraction` (the encoder: to 0) over all remaining steps. `wsd` stays at the peak and falls
    linearly over the last `decay_fraction` of the steps (Hu et al. 2024, arXiv 2404.06395, section 4).
    """
    if step < params.warmup_steps:
        return (step + 1) / params.warmup_steps
    start, final_fraction = params.warmup_steps, 0.0
    if isinstance(params, DecoderLoopParams):
        final_fraction = params.final_fraction
        if params.schedule == "wsd":
            start = max(start, steps - round(steps * params.decay_fraction))
    progress = max(0.0, (step - start) / max(1, steps - start))
    if params.schedule == "cosine":
        remaining = (1 + math.cos(math.pi * min(1.0, progress))) / 2
    else:
        remaining = 1 - min(1.0, progress)
    return final_fraction + (1 - final_fraction) * remaining
