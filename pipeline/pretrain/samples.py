"""Samples of the model during pretraining, for reports/train_base/live/samples.md."""

from collections.abc import Callable, Sequence

from torch import nn

from pipeline.inference.continuations import continue_prompts, format_samples
from pipeline.inference.sampling import Sampling
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.tokenizer import Tokenizer


def make_sample_writer(
    tokenizer: Tokenizer, prompts: Sequence[str], tokens: int, sampling: Sampling, seed: int
) -> Callable[[nn.Module], str]:
    """Return a function that continues the prompts with a decoder and formats the result as Markdown."""

    def write_samples(model: nn.Module) -> str:
        assert isinstance(model, Decoder)
        return format_samples(prompts, continue_prompts(model, tokenizer, prompts, tokens, sampling, seed))

    return write_samples
