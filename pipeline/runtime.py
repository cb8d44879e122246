"""The `runtime` section: where and how a run works."""

from typing import Literal

from pydantic import Field

from pipeline.params import Section


class RuntimeParams(Section):
    """It changes no result, so no stage lists it among its params."""

    device: str = Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    processes: Literal[1]  # that train together
    workers: int = Field(gt=0)  # processes that encode text
    log_every: int = Field(gt=0)  # steps between two lines of progress
    save_every: int = Field(gt=0)  # steps between two checkpoints
    prompts: list[str]  # continued at each validation of pretraining, to be read
    prompt_tokens: int = Field(gt=0)  # of each continuation
