"""Data sets on the hub: their files, and their rows."""

from collections.abc import Iterator
from typing import Any

from pipeline.common.errors import UserError, one_line
from pipeline.common.hub_set import HubSet
from pipeline.common.i18n import Translatable
from pipeline.hub.access import hub_access


def list_urls(key: str, hub_set: HubSet) -> list[str]:
    """Return the URLs of the files of a configuration and split, in the order of the data set.

    Raises UserError naming `key` for a set without a pinned revision, and for one that cannot be loaded.
    """
    import datasets

    if hub_set.revision is None:
        from huggingface_hub import HfApi

        current = HfApi().dataset_info(hub_set.dataset).sha
        raise UserError(
            '{key}.revision: missing; {dataset} is now at "{current}", put that there',
            key=key,
            dataset=hub_set.dataset,
            current=current,
        )

    datasets.disable_progress_bars()
    try:
        builder = datasets.load_dataset_builder(hub_set.dataset, hub_set.config, revision=hub_set.revision)
    except RuntimeError as error:
        if "script" not in str(error):
            raise
        raise UserError(
            "{key}.dataset: {dataset} needs a script of its own, which is not supported; load "
            "it yourself, save it as Parquet or JSON lines, and add that as a source of kind "
            "local",
            key=key,
            dataset=hub_set.dataset,
        ) from None
    except ValueError as error:  # no such configuration
        raise UserError(
            "{key}.config: {config}: {error}", key=key, config=repr(hub_set.config), error=one_line(error)
        ) from None
    files = builder.config.data_files or {}
    if hub_set.split not in files:
        raise UserError(
            "{key}.split: {split}: not there; it has {splits}",
            key=key,
            split=repr(hub_set.split),
            splits=", ".join(files) or Translatable("none"),
        )
    return [str(url) for url in files[hub_set.split]]


def download_rows(key: str, hub_set: HubSet, streaming: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the rows of a pinned set, all its columns. Raises UserError naming `key`, as for a hub_set."""
    with hub_access(key):
        list_urls(key, hub_set)
        import datasets

        try:
            yield from datasets.load_dataset(
                hub_set.dataset,
                hub_set.config,
                split=hub_set.split,
                revision=hub_set.revision,
                streaming=streaming,
            )
        except datasets.exceptions.DatasetGenerationError as error:
            raise UserError("{key}: {error}", key=key, error=one_line(error.__cause__ or error)) from None
