"""Stage 2: learn the vocabulary and report how well it fits Turkish."""

from pathlib import Path

from pipeline import params
from pipeline.corpus.read import texts
from pipeline.errors import UserError, run
from pipeline.files import whole_folder
from pipeline.reporting.metrics import write_metrics
from pipeline.tokenizer.convert import write_folder
from pipeline.tokenizer.params import TokenizerParams
from pipeline.tokenizer.report import morpheme_report, read_segmentations, text_report
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.tokenizer.train import sampled_lines, train

CORPUS = Path("data/corpus")
FOLDER = Path("models/tokenizer")


def main() -> None:
    """Train a SentencePiece model on the train split and write it in both forms."""
    params.check_all()
    settings = params.load("tokenizer", TokenizerParams)
    lines = sampled_lines(CORPUS / "train", settings.sample_bytes, params.seed())
    model = train(lines, settings)
    with whole_folder(FOLDER) as folder:
        write_folder(folder, model, settings.kind)
        report = text_report(Tokenizer.load(folder), texts(CORPUS / "val"))
        if report["fast_form_equal"] < 1:
            raise UserError(
                "models/tokenizer: tokenizer.json and tokenizer.model disagree on a document of"
                " data/corpus/val; this is a fault of the program, please report it"
            )
        morphemes = {}
        for path in [CORPUS / "miniworld/segmentations.tsv", *sorted(Path("data/raw/morph").glob("*.tsv"))]:
            if rows := read_segmentations(path):
                morphemes[path.stem] = morpheme_report(Tokenizer.load(folder), rows)
    write_metrics("train_tokenizer", {"val": report, "morpheme_boundaries": morphemes})
    print(
        f"{settings.vocab_size} pieces, {report['bytes_per_token']:.2f} bytes per token,"
        f" {report['tokens_per_word']:.2f} tokens per word on validation text"
    )


if __name__ == "__main__":
    run(main)
