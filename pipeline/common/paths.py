"""Names of the stages, and paths of the project's folders and files, relative to its root."""

from pathlib import Path

STAGES = (
    "slice_corpus",
    "train_tokenizer",
    "pack_shards",
    "train_encoder",
    "train_base",
    "train_sft",
    "evaluate",
)  # in the order of dvc.yaml

PARAMS_FILE = Path("params.yaml")
DVC_FILE = Path("dvc.yaml")
DVC_LOCK_FILE = Path("dvc.lock")
TASKS = Path("tasks")  # descriptions of what to evaluate on

# A user's own files. Each folder is a dependency of the stages that read it, so DVC sees what changes there.
RAW_CORPUS = Path("data/raw/corpus")  # text to train on
RAW_SFT = Path("data/raw/sft")  # conversations
RAW_EVAL = Path("data/raw/eval")  # tasks to evaluate on
RAW_MORPH = Path("data/raw/morph")  # tables of words and their segments
RAW_MODEL = Path("data/raw/model")  # models to start from

# The outputs of the stages.
CORPUS = Path("data/corpus")
CORPUS_TRAIN = CORPUS / "train"
CORPUS_VAL = CORPUS / "val"
CORPUS_TEST = CORPUS / "test"
MINIWORLD = CORPUS / "miniworld"  # the facts behind the generated documents
FIRST_WORDS_DEV = MINIWORLD / "first_words_dev.jsonl"  # messages to choose by
FIRST_WORDS_TEST = MINIWORLD / "first_words_test.jsonl"  # messages that only the evaluation reads
SHARDS = Path("data/shards")
SHARDS_TRAIN = SHARDS / "train"
SHARDS_VAL = SHARDS / "val"
TOKENIZER = Path("models/tokenizer")
ENCODER_MODEL = Path("models/encoder")
BASE_MODEL = Path("models/base")
SFT_MODEL = Path("models/sft")
REPORTS = Path("reports")  # reports/<stage>: metrics and what people read


def copied_from(folder: Path = Path()) -> Path | None:
    """Return the project that `dvc exp run --temp` or `--queue` has copied into `folder`, or None."""
    project, found, _ = folder.absolute().as_posix().partition("/.dvc/tmp/exps/")
    return Path(project) if found else None
