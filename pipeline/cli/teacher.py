"""`tezgah teacher`: a file of a model's vectors, which `encoder.teacher` names."""

import os
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.i18n import print_message
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import CORPUS_TRAIN, RAW_MODEL
from pipeline.common.runtime import RuntimeParams
from pipeline.data.reader import read_texts
from pipeline.device.device import pick_device
from pipeline.encoder.pairs import sample_documents
from pipeline.encoder.teacher import ask_teacher, list_teacher_texts, write_teacher


def run_teacher(folder: Path, out: Path, words: int, spans: int, prompt: str) -> None:
    """Write texts of the corpus with the vectors that the model in `folder` has of them.

    Raises UserError where there is no corpus or no model, or nothing to ask for.
    """
    place = Path(os.path.normpath(out.absolute()))
    if RAW_MODEL.absolute() not in place.parents:
        raise UserError(
            "--out {out}: not under {raw_model}/, where encoder.teacher looks", out=out, raw_model=RAW_MODEL
        )
    if place.is_dir():
        raise UserError("--out {out}: is a folder; name a file", out=out)
    device = pick_device(load_section("runtime", RuntimeParams).device)
    seed = load_seed()
    documents = sample_documents(read_texts(CORPUS_TRAIN), seed)
    texts = list_teacher_texts(documents.texts, words, spans, seed)
    if not texts:
        raise UserError(
            "--words {words} --spans {spans}: the corpus has nothing to ask for; raise one",
            words=words,
            spans=spans,
        )
    write_teacher(place, texts, ask_teacher(folder, texts, device, prompt))
    name = place.relative_to(Path.cwd())
    print_message(
        "{name}: {count:,} texts and their vectors; set encoder.teacher to it", name=name, count=len(texts)
    )
