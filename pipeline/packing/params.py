"""The `shards` section."""

from pydantic import Field

from pipeline.common.params import Section


class ShardsParams(Section):
    """The size of the files of packed tokens."""

    shard_tokens: int = Field(gt=0)  # a file ends with the document that reaches this many
