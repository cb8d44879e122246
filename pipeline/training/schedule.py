"""Learning rate over time: pure functions of the step."""

import math

from pipeline.training.params import LoopParams


def rate(step: int, steps: int, settings: LoopParams) -> float:
    """Share of the highest learning rate that step `step` of `steps` (from 0) uses.

    A linear warm-up comes first. Then `cosine` (Loshchilov & Hutter 2017, arXiv 1608.03983) and
    `linear` fall to `final_fraction` over all that remains; `wsd` stays and falls linearly over
    the last `decay_fraction` of the steps only (Hu et al. 2024, arXiv 2404.06395, section 4).
    """
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    if settings.schedule == "wsd":
        start = max(settings.warmup_steps, steps - round(steps * settings.decay_fraction))
    else:
        start = settings.warmup_steps
    progress = max(0.0, (step - start) / max(1, steps - start))
    if settings.schedule == "cosine":
        share = (1 + math.cos(math.pi * min(1.0, progress))) / 2
    else:
        share = 1 - min(1.0, progress)
    return settings.final_fraction + (1 - settings.final_fraction) * share
