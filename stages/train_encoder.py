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
from pipeline.device.device import pick_device
from pipeline.device.memory import tune_allocator
from pipeline.encoder import evaluate
from pipeline.encoder.embed import TextEncoder
from pipeline.encoder.hf_io import save_encoder
from pipeline.encoder.params import EncoderParams, check_batches
from pipeline.encoder.table import VectorTable
from pipeline.encoder.task import PairTask, build_encoder, read_training_text
from pipeline.encoder.teacher import find_teacher_files, initialize_from_teacher, load_teacher
from pipeline.training.distributed import run_training_stage
from pipeline.training.run import train_model

STAGE = "train_encoder"


def main() -> None:
    """Train a sentence encoder, compare it with word search, and write it for sentence-transformers.

    Reads params `seed` and `encoder`, data/corpus/{train,val}, models/tokenizer and data/raw/model. Writes
    models/encoder and reports/train_encoder.
    """
    seed, runtime = load_seed(), load_section("runtime", RuntimeParams)
    params = load_section("encoder", EncoderParams)
    check_batches(params, runtime)
    tune_allocator()
    pools = evaluate.build_pools([*read_texts(CORPUS_VAL)], params, seed, str(CORPUS_VAL))
    text = read_training_text(read_texts(CORPUS_TRAIN), params, TOKENIZER, seed)
    weights = params.count_weights(len(text.token_weights_V))
    check_weights(f"params.yaml: encoder.width: {params.width}", weights, params, runtime)
    model = build_encoder(params, text.token_weights_V, seed)
    encoder = TextEncoder(model, text.tokenizer)
    untrained = evaluate.dense_metrics(encoder, pools.sentences)
    teacher = load_teacher(params, text.documents, text.tokenizer, seed, pick_device(runtime.device))
    if teacher and isinstance(model, VectorTable):
        initialize_from_teacher(model, teacher)
    task = PairTask(text.sentences, pools.choice[0], params, text.tokenizer, seed, teacher)
    splits = [path for folder in (CORPUS_TRAIN, CORPUS_VAL) for path in split_files(folder)]
    inputs = [*splits, TOKENIZER / "tokenizer.model", *find_teacher_files(params.teacher)]
    fingerprint = make_fingerprint(STAGE, {"seed": seed, "encoder": params}, inputs)
    task.print_size(weights)
    history = train_model(model, task, params, params.steps, runtime, fingerprint)

    model.eval()
    retrieval = evaluate.measure_trained(encoder, pools, params, seed)
    retrieval["sentences"]["untrained"] = untrained
    with atomic_folder(ENCODER_MODEL) as folder:
        save_encoder(folder, encoder)
    missed = evaluate.missed_thresholds(retrieval["halves"]["dense"], params)
    write_metrics(STAGE, evaluate.training_metrics(history, retrieval, missed, pools, text, encoder))
    write_timing(STAGE, history.timing)
    evaluate.print_recalls(retrieval)
    evaluate.enforce_gate(missed, params)


if __name__ == "__main__":
    run_training_stage(STAGE, main)
