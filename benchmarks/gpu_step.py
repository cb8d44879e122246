"""What a pretraining step reaches on a GPU: tokens a second, and the share of the card's peak.

    python -m benchmarks.gpu_step llama-134m --batch-size 8

The model of a preset takes its steps, of as many forward passes as the batch makes them, on random tokens
four ways, each in its own process, in turn, several rounds: as training runs it before it is compiled and
after, the latter also with four documents in a window that do not see one another, and as a plain loop over
the same architecture in transformers, compiled whole, with fused AdamW. Prints medians for people and one
JSON line for machines. Where there is no GPU it says so.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

APART = "tezgah, compiled, documents apart"
WAYS = ("tezgah", "tezgah, compiled", APART, "transformers, compiled")
# Dense bf16 products with fp32 sums, in 10^12 operations a second, by the makers' data sheets; the first name
# that the card's own contains.
PEAKS = {
    "H200": 989.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "A100": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "A10G": 70.0,
    "A10": 125.0,
    "RTX 4090": 165.2,
    "RTX 3090": 71.0,
}


def measure(way: str, preset: str, batch_size: int, steps: int) -> dict[str, float]:
    """Tokens a second of the median step, and the allocator's peak in GiB."""
    import torch

    from pipeline.autobatch.probe import time_random_step
    from pipeline.cli import preset as presets
    from pipeline.device.device import pick_precision, synchronize
    from pipeline.model.decoder import Decoder, initialize
    from pipeline.training.optimizer import Optimizers

    params = presets.check_params_text(presets.apply_presets([preset])[0])
    device = torch.device("cuda")
    precision = pick_precision("bf16", device)
    vocab_size, context = params.tokenizer.vocab_size, params.model.context
    passes = max(1, params.train.tokens_per_step // (batch_size * context))
    tokens = passes * batch_size * context
    if way.startswith("tezgah"):
        model = Decoder(params.model, vocab_size)
        initialize(model, 0)
        model.set_activation_checkpointing(params.train.checkpointing)
        model.to(device).train()
        if "compiled" in way:
            model.compile_layers()
        optimizers = Optimizers(model, params.train)

        def step() -> float:
            how = precision, passes, params.train.loss_chunks, 4 if way == APART else 1
            return time_random_step(model, optimizers, batch_size, context, *how)
    else:
        stock = stock_model(params.model, vocab_size).to(device).train()
        stock.compile()
        optimizer = torch.optim.AdamW(stock.parameters(), lr=1e-3, fused=True)

        def step() -> float:
            synchronize(device)
            began = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            for _ in range(passes):
                ids = torch.randint(vocab_size, (batch_size, context), device=device)
                with torch.autocast("cuda", torch.bfloat16):
                    loss = stock(input_ids=ids, labels=ids).loss / passes
                loss.backward()
            optimizer.step()
            synchronize(device)
            return time.perf_counter() - began

    for _ in range(5):  # compiles, and fills the allocator's pools
        step()
    seconds = statistics.median(step() for _ in range(steps))
    peak = torch.cuda.max_memory_allocated(device) / 2**30
    return {"tokens_per_second": tokens / seconds, "peak_gib": peak}


def stock_model(config, vocab_size: int):  # type: ignore[no-untyped-def]
    """transformers' model of the same shape, with its own initial weights."""
    import transformers

    kinds = {
        "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    }
    make_config, make_model = kinds[config.arch]
    return make_model(
        make_config(
            vocab_size=vocab_size,
            hidden_size=config.width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.kv_heads,
            head_dim=config.head_dim,
            intermediate_size=config.ffn,
            max_position_embeddings=config.context,
            rms_norm_eps=config.norm_eps,
            tie_word_embeddings=config.tie_embeddings,
            attn_implementation="sdpa",
            use_cache=False,
        )
    )


def main() -> None:
    """Measure one way in this process, or all in turn."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("preset", nargs="?", default="llama-134m", help="of arch qwen3 or llama")
    parser.add_argument("--batch-size", type=int, default=8, help="sequences in a forward pass")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=WAYS, help="this way alone, in this process")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("no GPU here: nothing measured")
        return
    if options.one:
        print(json.dumps(measure(options.one, options.preset, options.batch_size, options.steps)))
        return
    from pipeline.cli import estimate
    from pipeline.cli import preset as presets

    rounds: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way, runs in rounds.items():
            command = [sys.executable, "-m", "benchmarks.gpu_step", options.preset, "--one", way]
            command += ["--batch-size", str(options.batch_size), "--steps", str(options.steps)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
    card = torch.cuda.get_device_name()
    peak = next((rate for name, rate in PEAKS.items() if name in card), None)
    params = presets.check_params_text(presets.apply_presets([options.preset])[0])
    of_token = estimate.decoder_flops(params)
    found: dict[str, dict[str, float]] = {}
    print(f"{options.preset}, {options.batch_size} sequences of {params.model.context} tokens; {card}")
    for way, runs in rounds.items():
        row = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        line = f"{way:34} {row['tokens_per_second']:12,.0f} tokens/s  {row['peak_gib']:6.2f} GiB"
        if peak:
            row["share_of_peak"] = row["tokens_per_second"] * of_token / (peak * 1e12)
            line += f"  {row['share_of_peak']:.1%} of the card's bf16 peak"
        print(line)
        found[way] = row
    if not peak:
        print(f"{card}: its peak is not in PEAKS, so that no share of it is given")
    print(json.dumps({"card": card, "preset": options.preset, "batch_size": options.batch_size, **found}))


if __name__ == "__main__":
    main()
