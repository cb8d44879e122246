"""What the model writes as pretraining goes on, in reports/train_base/live/samples.md."""

from collections.abc import Callable, Sequence

from torch import nn

from pipeline.inference.continuations import as_markdown, continuations
from pipeline.inference.sampling import Sampling
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.tokenizer import Tokenizer


def write_samples(
    tokenizer: Tokenizer, prompts: Sequence[str], tokens: int, how: Sampling, seed: int
) -> Callable[[nn.Module], str]:
    """A function from a decoder to its continuations of the prompts, as Markdown."""

    def write(model: nn.Module) -> str:
        assert isinstance(model, Decoder)
        return as_markdown(prompts, continuations(model, tokenizer, prompts, tokens, how, seed))

    return write
