"""Stage 2: learn the vocabulary and report how well it fits Turkish."""

from pipeline.common import errors

errors.install()

from pipeline.common.errors import UserError
from pipeline.common.i18n import Translatable, print_message
from pipeline.common.io import atomic_folder, write_atomic
from pipeline.common.metrics import write_metrics
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import CORPUS_TRAIN, CORPUS_VAL, MINIWORLD, RAW_MORPH, REPORTS, TOKENIZER
from pipeline.common.stage import run_stage
from pipeline.data.reader import read_documents
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.tokenizer_training.hf_export import write_tokenizer_folder
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.tokenizer_training.report import (
    commonest_fallback,
    format_pieces_page,
    measure_morpheme_boundaries,
    measure_text_fit,
    read_segmentation_tables,
)
from pipeline.tokenizer_training.train import sample_lines, train_sentencepiece

FIDELITY_FAULTS = {  # by the metric that must be 1
    "fast_form_equal": "tokenizer.json and tokenizer.model disagree on a document of {corpus}",
    "exact_round_trip": "decoding does not give back a document of {corpus}",
}


def main() -> None:
    """Train a SentencePiece model and write it, with its Hugging Face form.

    Reads params `seed` and `tokenizer`, data/corpus/{train,val,miniworld} and data/raw/morph. Writes
    models/tokenizer and reports/train_tokenizer.
    """
    params = load_section("tokenizer", TokenizerParams)
    tables = read_segmentation_tables(MINIWORLD / "segmentations.tsv", RAW_MORPH)
    lines = sample_lines(CORPUS_TRAIN, params.sample_bytes, load_seed())
    model = train_sentencepiece(lines, params)
    with atomic_folder(TOKENIZER) as folder:
        write_tokenizer_folder(folder, model)
        tokenizer = Tokenizer.load(folder)
        metrics, piece_counts, fallback = measure_text_fit(tokenizer, read_documents(CORPUS_VAL))
        for key, fault in FIDELITY_FAULTS.items():
            if metrics[key] < 1:
                raise UserError(
                    "{tokenizer}: {fault}; this is a fault of the program, please report it",
                    tokenizer=TOKENIZER,
                    fault=Translatable(fault, corpus=CORPUS_VAL),
                )
        morphemes = {key: measure_morpheme_boundaries(tokenizer, rows) for key, rows in tables.items()}
    page = format_pieces_page(tokenizer, piece_counts, fallback)
    write_atomic(REPORTS / "train_tokenizer/pieces.md", page)
    by_character = {code: count for _, code, count in commonest_fallback(fallback)}
    write_metrics(
        "train_tokenizer", {"val": metrics, "byte_fallback": by_character, "morpheme_boundaries": morphemes}
    )
    print_message(
        "{pieces} pieces, {bytes_per_token:.2f} bytes per token, {tokens_per_word:.2f} tokens per word on "
        "validation text",
        **metrics,
        pieces=params.vocab_size,
    )


if __name__ == "__main__":
    run_stage("train_tokenizer", main)
