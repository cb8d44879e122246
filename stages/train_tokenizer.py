"""Stage 2: learn the vocabulary and report how well it fits Turkish."""

from pipeline.common import errors

errors.install()

from pathlib import Path

from pipeline.common import params
from pipeline.common.errors import UserError
from pipeline.common.io import whole_folder, write_whole
from pipeline.common.metrics import write_metrics
from pipeline.data.reader import documents
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.tokenizer_training.hf_export import write_folder
from pipeline.tokenizer_training.params import TokenizerParams
from pipeline.tokenizer_training.report import morpheme_report, pieces_page, read_tables, text_report
from pipeline.tokenizer_training.train import sampled_lines, train

CORPUS = Path("data/corpus")
MORPH = "data/raw/morph"
FOLDER = Path("models/tokenizer")
PIECES = Path("reports/train_tokenizer/pieces.md")
FAITHFUL = {
    "fast_form_equal": "tokenizer.json and tokenizer.model disagree on a document",
    "exact_round_trip": "decoding does not give back a document",
}


def main() -> None:
    """Train a SentencePiece model on the train split and write it in both forms."""
    params.check_all("train_tokenizer")
    settings = params.load("tokenizer", TokenizerParams)
    tables = read_tables(CORPUS / "miniworld/segmentations.tsv", MORPH)
    lines = sampled_lines(CORPUS / "train", settings.sample_bytes, params.seed())
    model = train(lines, settings)
    with whole_folder(FOLDER) as folder:
        write_folder(folder, model)
        tokenizer = Tokenizer.load(folder)
        report, used = text_report(tokenizer, documents(CORPUS / "val"))
        for key, fault in FAITHFUL.items():
            if report[key] < 1:
                raise UserError(
                    f"{FOLDER}: {fault} of {CORPUS / 'val'}; this is a fault of the program, please report it"
                )
        morphemes = {key: morpheme_report(tokenizer, rows) for key, rows in tables.items()}
    write_whole(PIECES, pieces_page(tokenizer, used))
    write_metrics("train_tokenizer", {"val": report, "morpheme_boundaries": morphemes})
    print(
        f"{settings.vocab_size} pieces, {report['bytes_per_token']:.2f} bytes per token,"
        f" {report['tokens_per_word']:.2f} tokens per word on validation text"
    )


if __name__ == "__main__":
    errors.run(main)
