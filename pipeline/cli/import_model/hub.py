"""`tezgah import hub owner/name`: the files of a model on the hub, fetched once and kept as they are."""

import shutil
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.fingerprint import scratch_folder
from pipeline.common.i18n import Translatable, print_message
from pipeline.common.paths import RAW_MODEL
from pipeline.hub.access import hub_access
from pipeline.model.hf_io import COMPANION_FILES, find_weight_files, read_config

WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model-*.safetensors")
LICENSES = ("LICENSE*", "README.md")  # what may be done with the model


def fetch_model(name: str, revision: str | None, to: Path | None) -> None:
    """Fetch the model `name` at `revision` to the folder `to`, by default data/raw/model/<its name>.

    An interrupted download goes on when it is called again. Raises UserError, with nothing written there,
    without a revision, for what the hub refuses, and for an architecture that this program does not know.
    """
    to = to or RAW_MODEL / name.rpartition("/")[2]
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError("{to}: already exists; remove it, or name another folder with --to", to=to)
    partial = scratch_folder() / "fetch" / f"{name.replace('/', '--')}--{revision}"
    with hub_access(name, name_key=name, revision_key="--revision"):
        from huggingface_hub import HfApi

        api = HfApi()
        if revision is None:
            current = api.model_info(name).sha
            raise UserError(
                "--revision: missing; {name} is now at {current}: --revision {current}",
                name=name,
                current=current,
            )
        # The configuration first: whether the model can be used is known before gigabytes are fetched.
        for patterns in (["config.json"], [*COMPANION_FILES, *WEIGHTS, *LICENSES]):
            api.snapshot_download(name, revision=revision, local_dir=partial, allow_patterns=patterns)
            params, vocab_size = read_config(partial)
    find_weight_files(partial, Translatable("choose a model with safetensors"))
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(partial, to)
    weights = params.count_weights(vocab_size)
    print_message(
        "{to}: {arch}, {weights:,} weights, {vocab_size:,} pieces",
        to=to,
        arch=params.arch,
        weights=weights,
        vocab_size=vocab_size,
    )
    print_message(
        "to tune it: sft.init_from: {to} in params.yaml, then `dvc repro train_sft`", to=to.as_posix()
    )
