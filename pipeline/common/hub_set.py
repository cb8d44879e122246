"""The params that name a data set on the hub."""

from pydantic import Field

from pipeline.common.params import Section


class HubSet(Section):
    """A split of a data set on the Hugging Face hub."""

    dataset: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    config: str | None = None  # null: the set's default
    split: str = "train"
    # A commit; null: who wants the set stops and names the current one.
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
