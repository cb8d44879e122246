"""Stage 5: pretrain the decoder on the shards."""

from pipeline.common import errors

errors.install_excepthook()

from pipeline.autobatch.choose import resolve_batch_size
from pipeline.common.fingerprint import make_fingerprint
from pipeline.common.io import atomic_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import BASE_MODEL, SHARDS, SHARDS_TRAIN, SHARDS_VAL, TOKENIZER
from pipeline.common.runtime import RuntimeParams, process_info
from pipeline.device.device import pick_device
from pipeline.inference.sampling import Sampling
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialize, parameter_count
from pipeline.model.hf_io import save_decoder
from pipeline.pretrain.init_from import load_init_weights
from pipeline.pretrain.samples import make_sample_writer
from pipeline.pretrain.task import make_task, training_metrics
from pipeline.shards.format import Shards, check_tokenizer
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.distributed import run_training_stage
from pipeline.training.loop import fit
from pipeline.training.params import MEMORY_ONLY, TrainParams

SAMPLING = Sampling(temperature=0.7, top_p=0.95)  # of the samples written at each validation


def main() -> None:
    """Pretrain the decoder, from random weights or `train.init_from`. A killed run resumes.

    Reads params `seed`, `model` and `train`, data/shards, models/tokenizer and data/raw/model. Writes
    models/base, a Hugging Face folder, and reports/train_base.
    """
    seed = load_seed()
    model_params = load_section("model", ModelParams)
    train_params = load_section("train", TrainParams)
    runtime = load_section("runtime", RuntimeParams)
    check_tokenizer(SHARDS, TOKENIZER)
    train, val = Shards(SHARDS_TRAIN), Shards(SHARDS_VAL)
    model = Decoder(model_params, train.vocab_size)
    initialize(model, seed)
    init_from = train_params.init_from
    init_files = load_init_weights(model, init_from, TOKENIZER) if init_from else []
    model.set_activation_checkpointing(train_params.checkpointing)
    print(
        f"{parameter_count(model):,} parameters; {train.tokens:,} tokens to read,"
        f" {train_params.steps * train_params.tokens_per_step / train.tokens:.1f} times"
    )
    device = pick_device(runtime.device)
    # With a number in place of `batch_size: auto`, which changes memory and not the result.
    sized_params = resolve_batch_size(
        train_params, model_params, train.vocab_size, device, runtime.process_count
    )
    task = make_task(train, val, model_params.context, sized_params, seed, device)
    tokenizer = Tokenizer.load(TOKENIZER)
    write_samples = make_sample_writer(tokenizer, runtime.prompts, runtime.prompt_tokens, SAMPLING, seed)
    fingerprint = make_fingerprint(
        "train_base",
        {"seed": seed, "model": model_params.model_dump(), "train": train_params.model_dump()},
        [SHARDS / "manifest.json", TOKENIZER / "tokenizer.model", *init_files],
        memory_only=tuple(f"train.{key}" for key in MEMORY_ONLY),
    )
    history = fit(
        model,
        task,
        train_params,
        steps=train_params.steps,
        runtime=runtime,
        fingerprint=fingerprint,
        write_samples=write_samples,
    )
    if process_info().rank > 0:
        return  # the first process alone writes
    with atomic_folder(BASE_MODEL) as folder:
        save_decoder(folder, model, TOKENIZER)
    write_metrics("train_base", training_metrics(history, val, parameter_count(model), train_params))
    write_timing("train_base", history.timing)


if __name__ == "__main__":
    run_training_stage("train_base", main)
