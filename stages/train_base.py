"""Stage 5: pretrain the decoder on the shards."""

from pipeline.common import errors

errors.install()

from pathlib import Path

from pipeline.autobatch.choose import with_batch_size
from pipeline.common import params
from pipeline.common.fingerprint import fingerprint, locked
from pipeline.common.io import whole_folder
from pipeline.common.metrics import write_metrics, write_timing
from pipeline.common.runtime import RuntimeParams, place
from pipeline.device.select import pick_device
from pipeline.inference.sampling import Sampling
from pipeline.model.config import ModelParams
from pipeline.model.decoder import Decoder, initialise, parameter_count
from pipeline.model.hf_io import save_decoder
from pipeline.pretrain.init_from import start_from
from pipeline.pretrain.samples import write_samples
from pipeline.pretrain.task import figures, pretraining
from pipeline.shards.format import Shards, check_tokenizer
from pipeline.tokenizer.tokenizer import Tokenizer
from pipeline.training.distributed import together
from pipeline.training.loop import fit
from pipeline.training.params import MEMORY_ONLY, TrainParams

SHARDS = Path("data/shards")
TOKENIZER = Path("models/tokenizer")
FOLDER = Path("models/base")
SAMPLING = Sampling(temperature=0.7, top_p=0.95)  # of the samples on the way


def main() -> None:
    """Train from nothing or `train.init_from`, or resume; write `models/base` in the stock format."""
    seed = params.seed()
    shape = params.load("model", ModelParams)
    settings = params.load("train", TrainParams)
    runtime = params.load("runtime", RuntimeParams)
    check_tokenizer(SHARDS, TOKENIZER)
    train, val = Shards(SHARDS / "train"), Shards(SHARDS / "val")
    model = Decoder(shape, train.vocab_size)
    initialise(model, seed)
    start = start_from(model, settings.init_from, TOKENIZER) if settings.init_from else []
    model.recompute(settings.checkpointing)
    print(
        f"{parameter_count(model):,} parameters; {train.tokens:,} tokens to read,"
        f" {settings.steps * settings.tokens_per_step / train.tokens:.1f} times"
    )
    device = pick_device(runtime.device)
    sized = with_batch_size(settings, shape, train.vocab_size, device, runtime.together)
    task = pretraining(train, val, shape.context, sized, seed, device)
    tokenizer = Tokenizer.load(TOKENIZER)
    write = write_samples(tokenizer, runtime.prompts, runtime.prompt_tokens, SAMPLING, seed)
    mark = fingerprint(
        "train_base",
        {"seed": seed, "model": shape.model_dump(), "train": settings.model_dump()},
        [SHARDS / "manifest.json", TOKENIZER / "tokenizer.model", *start],
        memory_only=tuple(f"train.{key}" for key in MEMORY_ONLY),
    )
    with locked("train_base"):
        history = fit(model, task, settings, steps=settings.steps, runtime=runtime, mark=mark, write=write)
        if place().rank > 0:
            return  # the first process alone writes
        with whole_folder(FOLDER) as folder:
            save_decoder(folder, model, TOKENIZER)
        write_metrics("train_base", figures(history, val, parameter_count(model), settings))
        write_timing("train_base", history.timing)


if __name__ == "__main__":
    errors.run(together("train_base", main))
