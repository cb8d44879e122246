"""`tezgah teacher`: a file of a model's vectors, which `encoder.teacher` names."""

from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.i18n import translate
from pipeline.common.params import load_seed
from pipeline.common.paths import CORPUS_TRAIN, RAW_MODEL
from pipeline.data.reader import read_texts
from pipeline.encoder.pairs import sample_documents
from pipeline.encoder.teacher import ask_teacher, list_teacher_texts, write_teacher


def run_teacher(folder: Path, out: Path, words: int, spans: int, prompt: str) -> None:
    """Write texts of the corpus with the vectors that the model in `folder` has of them.

    Raises UserError where there is no corpus or no model, or nothing to ask for.
    """
    if not out.absolute().is_relative_to(RAW_MODEL.absolute()):
        raise UserError(f"--out {out}: not under {RAW_MODEL}/, where encoder.teacher looks")
    seed = load_seed()
    documents = sample_documents(read_texts(CORPUS_TRAIN), seed)
    texts = list_teacher_texts(documents.texts, words, spans, seed)
    if not texts:
        raise UserError(f"--words {words} --spans {spans}: the corpus has nothing to ask for; raise one")
    write_teacher(out, texts, ask_teacher(folder, texts, prompt))
    print(translate(f"{out}: {len(texts):,} texts and their vectors; set encoder.teacher to it"))
