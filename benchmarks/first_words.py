"""How several seeds of a chat model answer: first messages, trained wordings, questions that nobody trained.

    python -m benchmarks.first_words dev models/sft /tmp/seed1/sft /tmp/seed2/sft

`dev` or `test` names the list of first messages, and the test list is for reports alone. Run it in a project
whose slice_corpus has run. Prints a line for each measure, one column a model, their mean, and JSON.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipeline.common.params import load_section, load_seed
from pipeline.common.paths import MINIWORLD
from pipeline.eval_sets.params import EvalParams
from pipeline.evaluation.questions import measure_questions
from pipeline.evaluation.tasks import load_question_tasks
from pipeline.inference.first_words import measure_first_words, read_first_words
from pipeline.model.hf_io import load_decoder
from pipeline.tokenizer.tokenizer import Tokenizer


def measure_model(folder: Path, messages: str) -> dict[str, float]:
    """Return all shares of one model by name."""
    params, tokenizer = load_section("eval", EvalParams), Tokenizer.load(folder)
    model = load_decoder(folder)
    rows = read_first_words(MINIWORLD / f"first_words_{messages}.jsonl")
    shares = {
        f"first words, {kind}": values["share"]
        for kind, values in measure_first_words(model, tokenizer, rows, params.max_new_tokens).items()
    }
    seed = params.choose_data_seed(load_seed())
    for task, questions in load_question_tasks({}, params.max_questions, seed).items():
        values = measure_questions(model, tokenizer, questions, params.max_new_tokens).figures
        shares[task] = values["exact_match"]
        if task == "miniworld_seen":
            shares |= {
                f"{task}, {name}": family["exact_match"] for name, family in values["families"].items()
            }
    return shares


def main(
    messages: Annotated[str, typer.Argument(help="dev or test")],
    folders: Annotated[list[Path], typer.Argument(help="chat models, one a seed")],
) -> None:
    """Print the shares of every model and their mean."""
    measured = [measure_model(folder, messages) for folder in folders]
    means = {name: sum(shares[name] for shares in measured) / len(measured) for name in measured[0]}
    for name, mean in means.items():
        print(f"{name:40}", *(f"{shares[name]:.3f}" for shares in measured), f"mean {mean:.3f}")
    print(json.dumps({"list": messages, "models": len(folders), "mean": means}))


if __name__ == "__main__":
    typer.run(main)
