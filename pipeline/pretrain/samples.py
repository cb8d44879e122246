"""Samples of the model during pretraining, for reports/train_base/samples.md.

While it trains they are in reports/train_base/live/samples.md, beside the curves.
"""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from pipeline.common.paths import REPORTS
from pipeline.common.runtime import RuntimeParams
from pipeline.inference.continuations import continue_prompts, format_samples
from pipeline.inference.sampling import Sampling
from pipeline.model.decoder import Decoder
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training import distributed
from pipeline.training.loop import Hook, Trainer

NO_SAMPLES = "No samples: none were due, or the model was in shards.\n"
SAMPLING = Sampling(temperature=0.7, top_p=0.95)


class WriteSamples(Hook):
    """Appends to the file `path` what `make_samples` makes of the model, every `every` steps."""

    def __init__(self, path: Path, every: int, make_samples: Callable[[nn.Module], str]) -> None:
        self.path, self.every, self.make_samples = path, every, make_samples

    def read(self) -> str:
        """Return all samples so far, those before a restart too."""
        return self.path.read_text(encoding="utf-8") if self.path.exists() else ""

    def after_step(self, trainer: Trainer) -> None:
        """Write samples if they are due. A model in shards cannot generate in one process alone."""
        if not trainer.is_due(self.every) or trainer.is_sharded or distributed.rank() > 0:
            return
        with open(self.path, "a", encoding="utf-8") as file, trainer.evaluation_mode():
            file.write(f"## Step {trainer.step}\n\n{self.make_samples(trainer.model)}\n\n")


def make_sample_hook(tokenizer: Tokenizer, runtime: RuntimeParams, every: int, seed: int) -> WriteSamples:
    """Return the hook that continues `runtime.prompts` and writes them as Markdown beside the curves."""
    prompts = runtime.prompts

    def make_samples(model: nn.Module) -> str:
        assert isinstance(model, Decoder)
        continuations = continue_prompts(model, tokenizer, prompts, runtime.prompt_tokens, SAMPLING, seed)
        return format_samples(prompts, continuations)

    return WriteSamples(REPORTS / "train_base/live/samples.md", every, make_samples)
