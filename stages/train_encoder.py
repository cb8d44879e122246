"""Stage 4: train the sentence encoder on sentences and their surroundings, and measure its retrieval."""

from pipeline.common import errors

errors.install()

from pipeline.autobatch.memory_limit import check_weights
from pipeline.common.fingerprint import make_fingerprint
from pipeline.common.io import atomic_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import CORPUS_TRAIN, CORPUS_VAL, ENCODER_MODEL, TOKENIZER
from pipeline.common.runtime import RuntimeParams
from pipeline.data.reader import read_texts, split_files
from pipeline.device.memory import tune_allocator
from pipeline.encoder import evaluate
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.hf_io import save_encoder
from pipeline.encoder.pairs import inverse_document_frequencies, read_sentences, sample_documents
from pipeline.encoder.params import EncoderParams
from pipeline.encoder.table import VectorTable
from pipeline.encoder.task import PairTask, build_encoder
from pipeline.encoder.teacher import find_teacher_files, initialize_from_teacher, load_teacher
from pipeline.encoder.vocabulary import build_vocabulary
from pipeline.training.distributed import run_training_stage
from pipeline.training.run import train_model

STAGE = "train_encoder"


def main() -> None:
    """Train a sentence encoder, compare it with word search, and write it for sentence-transformers.

    Reads params `seed` and `encoder`, data/corpus/{train,val} and models/tokenizer. Writes models/encoder and
    reports/train_encoder.
    """
    seed, runtime = load_seed(), load_section("runtime", RuntimeParams)
    params = load_section("encoder", EncoderParams)
    tune_allocator()

    val_texts = list(read_texts(CORPUS_VAL))
    choice, pool = evaluate.build_held_out_pools(val_texts, params, seed, str(CORPUS_VAL))
    documents = sample_documents(read_texts(CORPUS_TRAIN), seed)
    tokenizer = build_vocabulary(params.vocabulary, params.vocab_size, documents.texts, TOKENIZER)
    sentences = read_sentences(documents.texts, tokenizer)
    token_weights = inverse_document_frequencies(sentences, tokenizer.get_vocab_size())
    weights = params.count_weights(len(token_weights))
    check_weights(f"params.yaml: encoder.width: {params.width}", weights, params, runtime)

    model = build_encoder(params, token_weights, seed)
    teacher = load_teacher(params, documents.texts, tokenizer, seed)
    if teacher and isinstance(model, VectorTable):
        initialize_from_teacher(model, teacher)
    task = PairTask(sentences, choice, params, tokenizer, seed, teacher)
    encoder = TextEncoder(model, tokenizer)
    untrained = evaluate.dense_metrics(encoder, pool)
    splits = [path for folder in (CORPUS_TRAIN, CORPUS_VAL) for path in split_files(folder)]
    inputs = [*splits, TOKENIZER / "tokenizer.model", *find_teacher_files(params.teacher)]
    fingerprint = make_fingerprint(STAGE, {"seed": seed, "encoder": params}, inputs)
    print(f"{weights:,} parameters; {task.describe()}")
    history = train_model(model, task, params, params.steps, runtime, fingerprint)

    model.eval()
    encoder.hybrid_weight = evaluate.choose_hybrid_weight(encoder, choice)
    retrieval = evaluate.held_out_metrics(encoder, pool, seed) | {"untrained": untrained}
    with atomic_folder(ENCODER_MODEL) as folder:
        save_encoder(folder, encoder)
    missed = evaluate.missed_thresholds(retrieval["dense"], params)
    metrics = evaluate.training_metrics(history, retrieval, missed, pool, sentences, encoder)
    write_metrics(STAGE, metrics)
    write_timing(STAGE, history.timing)
    print("recall at 1: " + ", ".join(f"{name} {row['recall_at_1']:.3f}" for name, row in retrieval.items()))
    evaluate.enforce_gate(missed, params)


if __name__ == "__main__":
    run_training_stage(STAGE, main)
