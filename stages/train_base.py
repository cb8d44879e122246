"""Stage 5: pretrain the decoder on the shards."""

from pipeline.common import errors

errors.install()

from pipeline.autobatch.choose import resolve_batch_size
from pipeline.autobatch.memory_limit import check_pretraining
from pipeline.common.fingerprint import make_fingerprint
from pipeline.common.io import atomic_folder, write_atomic
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import BASE_MODEL, REPORTS, SHARDS, SHARDS_TRAIN, SHARDS_VAL, TOKENIZER
from pipeline.common.runtime import RuntimeParams
from pipeline.device.device import pick_device
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialize, parameter_count
from pipeline.model.hf_io import save_decoder
from pipeline.pretrain.counts import open_sampler, save_counts
from pipeline.pretrain.init_from import load_init_weights
from pipeline.pretrain.samples import NO_SAMPLES, make_sample_hook
from pipeline.pretrain.task import make_task, print_size, training_metrics
from pipeline.shards.format import Shards, check_tokenizer
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.distributed import run_training_stage
from pipeline.training.params import TrainParams
from pipeline.training.run import train_model

STAGE = "train_base"


def main() -> None:
    """Pretrain the decoder, from random weights or `train.init_from`. A killed run resumes.

    Reads params `seed`, `model` and `train`, data/shards, models/tokenizer and data/raw/model. Writes
    models/base, a Hugging Face folder, and reports/train_base.
    """
    seed, runtime = load_seed(), load_section("runtime", RuntimeParams)
    model_params, train_params = load_section("model", ModelParams), load_section("train", TrainParams)

    check_tokenizer(SHARDS, TOKENIZER)
    train, val, tokenizer = Shards(SHARDS_TRAIN), Shards(SHARDS_VAL), Tokenizer.load(TOKENIZER)
    steps, vocab_size = train_params.steps, train.vocab_size
    check_pretraining(train_params, model_params, vocab_size, runtime)
    model = Decoder(model_params, vocab_size)
    initialize(model, seed)
    init_files = load_init_weights(model, train_params.init_from, TOKENIZER)
    inputs = [SHARDS / "manifest.json", TOKENIZER / "tokenizer.model", *init_files]
    sections = {"seed": seed, "model": model_params, "train": train_params}
    fingerprint = make_fingerprint(STAGE, sections, inputs)
    print_size(model, train, train_params)

    device = pick_device(runtime.device)
    train_params = resolve_batch_size(train_params, model_params, vocab_size, device, runtime.process_count)
    model.set_activation_checkpointing(train_params.checkpointing)
    samples = make_sample_hook(tokenizer, runtime, train_params.eval_every, seed)
    with open_sampler(train, train_params.ngram_draws, fingerprint.folder) as sampler:
        task = make_task(train, val, model_params.context, train_params, seed, device, sampler)
        history = train_model(model, task, train_params, steps, runtime, fingerprint, hooks=[samples])
    with atomic_folder(BASE_MODEL) as folder:
        save_decoder(folder, model, TOKENIZER)
        save_counts(folder, train, val, model_params.ngram.order, fingerprint.folder)
    write_metrics(STAGE, training_metrics(history, val, parameter_count(model), train_params))
    write_timing(STAGE, history.timing)
    write_atomic(REPORTS / STAGE / "samples.md", samples.read() or NO_SAMPLES)


if __name__ == "__main__":
    run_training_stage(STAGE, main)
