"""The `shards` section."""

from pydantic import Field

from pipeline.common.params import Section


class ShardsParams(Section):
    """How packed tokens are laid out in files."""

    shard_tokens: int = Field(gt=0)  # a file is closed by the document that reaches this many
