"""The `sft.lora` section: small trained matrices beside frozen ones."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from pipeline.common.errors import UserError
from pipeline.common.params import Section

LORA_EXTRA = 'pip install -e ".[lora]"'  # what installs the libraries of this room


class LoraParams(Section):
    """LoRA: the weights of a model are frozen, and each matrix of its layers gets trained ones beside it."""

    rank: int = Field(ge=0)  # inner size of the trained matrices; 0: no LoRA, all weights are trained
    alpha: float = Field(gt=0)  # what they compute is multiplied by alpha / rank
    bits: Literal[16, 4]  # of a frozen weight
    adapter: str | None  # an adapter under data/raw/model to go on from; null: a new one

    @field_validator("bits", "adapter")
    @classmethod
    def check_rank(cls, value: int | str | None, info: ValidationInfo) -> int | str | None:
        """Raise ValueError for what only frozen weights can have."""
        if info.data.get("rank") == 0 and value not in (16, None):
            raise UserError("needs frozen weights; set sft.lora.rank, such as to 16")
        return value
