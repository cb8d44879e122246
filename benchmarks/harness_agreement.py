"""Agreement with lm-evaluation-harness: both score the same items with one model folder, in fp32.

The harness has an environment of its own, whose torch and transformers are those of requirements.txt:

    python -m venv /tmp/harness
    /tmp/harness/bin/pip install "lm_eval[hf]==0.4.13" torch==2.13.0 transformers==5.23.0
    python -m benchmarks.harness_agreement models/base /tmp/harness/bin/python --limit 320

Run it in a project whose data/raw/eval has the data of the tasks `turblimp` and `xquad_tr`. Items are those
that our readers return, in normalized form. The harness runs them as multiple choice. A pair's sentences are
two options after an empty prompt, for which it puts `<s>`, with `target_delimiter` empty, as in its own task
`turblimp`. The choice task asks which of four answers from one XQuAD paragraph follows a question and a
space. The letters of a special token in a text are text for both. Items that the context does not hold are
left out, as the harness cuts off their beginning.

They agree where no sum of log-probabilities differs by more than 1e-3 nats, and both choose the same option
of every item unless our scores of the two options are that close. Prints a table, and JSON.
"""

import json
import math
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from pipeline.common.io import write_json
from pipeline.eval_sets.readers import Choice, Pair, read_choices, read_records, read_task
from pipeline.eval_sets.tasks import EvalTask, find_data_files, read_task_file
from pipeline.evaluation.bits_per_byte import MODEL, Scorer, sequence_bits
from pipeline.evaluation.continuations import measure_choices
from pipeline.evaluation.minimal_pairs import measure_minimal_pairs
from pipeline.evaluation.word_frequency import WordFrequency
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import load_decoder
from pipeline.tokenizer.special import BOS
from pipeline.tokenizer.tokenizer import Tokenizer

TOLERANCE = 1e-3  # nats
OPTIONS = 4  # of a choice
CHOICES = "xquad_choices.jsonl"  # the file of the choice task


@dataclass(frozen=True)
class Scored:
    """Items of one task, each with our log-probabilities of its options in nats, and our accuracy."""

    choices: Sequence[Choice]
    delimiter: str  # between prompt and option
    nats: Sequence[np.ndarray]
    accuracy: float


class Recorder:
    """A scorer that keeps the bits of every sequence, so that what `evaluate` scores can be looked up."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.bits: dict[tuple[int, ...], float] = {}

    def __call__(self, sequences: Sequence[Sequence[int]]) -> np.ndarray:
        bits = self.scorer(sequences)
        self.bits |= zip(map(tuple, sequences), bits.tolist(), strict=True)
        return bits

    def nats(self, tokenizer: Tokenizer, text: str) -> float:
        """Return the log-probability of a text after `<s>`, which `evaluate` has scored."""
        return -math.log(2) * self.bits[(BOS, *tokenizer.encode(text))]


def score_pairs(pairs: Sequence[Pair], tokenizer: Tokenizer, scorer: Scorer) -> Scored:
    """Return the scores of pairs, as `evaluate` has them, without those of two identical strings."""
    recorder = Recorder(scorer)
    words = WordFrequency(Counter())  # of which nothing is asked here
    accuracy = measure_minimal_pairs(pairs, tokenizer, {MODEL: recorder}, words).figures["mean"]
    choices = [
        Choice("", (pair.good, pair.bad), 0) for pair in pairs if pair.good.strip() != pair.bad.strip()
    ]
    nats = [np.array([recorder.nats(tokenizer, text) for text in choice.options]) for choice in choices]
    return Scored(choices, "", nats, accuracy)


def score_choices(choices: Sequence[Choice], tokenizer: Tokenizer, scorer: Scorer) -> Scored:
    """Return the scores of choices, as `evaluate` has them."""
    recorder = Recorder(scorer)
    accuracy = measure_choices(choices, tokenizer, {MODEL: recorder}).figures["accuracy"]
    nats = []
    for choice in choices:
        prompt = recorder.nats(tokenizer, choice.prompt)
        texts = [f"{choice.prompt} {option}" for option in choice.options]
        nats.append(np.array([recorder.nats(tokenizer, text) - prompt for text in texts]))
    return Scored(choices, " ", nats, accuracy)


def build_choices(questions: Iterable[Mapping[str, Any]]) -> list[Choice]:
    """Return a choice for every question of a SQuAD file whose paragraph has four different answers.

    The options are the question's first answer, and the three that follow it in the paragraph. The right one
    stands at each place in turn.
    """
    paragraphs: dict[str, list[tuple[str, str]]] = {}
    for row in questions:
        paragraphs.setdefault(row["context"], []).append((row["question"].strip(), row["answers"][0].strip()))
    choices: list[Choice] = []
    for rows in paragraphs.values():
        answers = list(dict.fromkeys(answer for _, answer in rows))
        if len(answers) < OPTIONS:
            continue
        for question, answer in rows:
            first = answers.index(answer)
            others = [answers[(first + i) % len(answers)] for i in range(1, OPTIONS)]
            place = len(choices) % OPTIONS
            choices.append(Choice(question, (*others[:place], answer, *others[place:]), place))
    return choices


def write_choices(path: Path, choices: Sequence[Choice]) -> None:
    """Write choices as JSON lines of a `choice` task."""
    rows = ({"prompt": c.prompt, "options": c.options, "answer": c.answer} for c in choices)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_harness_task(folder: Path, name: str, choices: Sequence[Choice], delimiter: str) -> None:
    """Write a task of the harness: its rows, and its YAML (JSON is YAML)."""
    rows = folder / f"{name}.jsonl"
    write_choices(rows, choices)
    config = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(rows)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "num_fewshot": 0,
        "doc_to_text": "prompt",  # names of columns, whose values are taken as they are
        "doc_to_choice": "options",
        "doc_to_target": "answer",
        "target_delimiter": delimiter,
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }
    (folder / f"{name}.yaml").write_text(json.dumps(config, indent=2), encoding="utf-8")


def write_harness_tokenizer(folder: Path, model: Path) -> None:
    """Write the tokenizer of a model folder as one that reads special tokens in a text as text.

    Some sentences of TurBLiMP begin with the letters `</s>`.
    """
    folder.mkdir()
    for path in model.glob("tokenizer*"):
        shutil.copyfile(path, folder / path.name)
    config = json.loads((model / "tokenizer_config.json").read_text(encoding="utf-8"))
    write_json(folder / "tokenizer_config.json", config | {"split_special_tokens": True})


def run_harness(python: Path, model: Path, tasks: Mapping[str, Scored], folder: Path) -> None:
    """Run the harness on all tasks, on the CPU in fp32; what it writes lies under `folder`."""
    for name, task in tasks.items():
        write_harness_task(folder / "tasks", name, task.choices, task.delimiter)
    tokenizer = folder / "tokenizer"
    write_harness_tokenizer(tokenizer, model)
    options = {
        "model": "hf",
        "model_args": f"pretrained={model.resolve()},tokenizer={tokenizer},dtype=float32",
        "tasks": ",".join(tasks),
        "include_path": folder / "tasks",
        "output_path": folder / "results",
        "device": "cpu",
        "batch_size": 32,
    }
    arguments = [str(part) for key, value in options.items() for part in (f"--{key}", value)]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache")}
    command = [str(python), "-m", "lm_eval", "run", *arguments, "--log_samples"]
    subprocess.run(command, check=True, env=os.environ | offline, cwd=folder)


def read_harness(folder: Path, name: str) -> tuple[list[np.ndarray], float]:
    """Return the harness's log-probabilities of every item's options, in order, and its accuracy."""
    (path,) = folder.rglob(f"samples_{name}_*.jsonl")
    samples = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    samples.sort(key=lambda sample: sample["doc_id"])
    nats = [np.array([float(value) for value, _ in sample["filtered_resps"]]) for sample in samples]
    return nats, float(np.mean([sample["acc"] for sample in samples]))


def compare_scores(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return how two scorings of the same items differ, in nats, and in how many items they choose another.

    `beyond` counts the other choices where our scores of the two options are more than TOLERANCE apart.
    """
    differences = np.abs(np.concatenate(ours) - np.concatenate(theirs))
    choices = [(int(a.argmax()), int(b.argmax())) for a, b in zip(ours, theirs, strict=True)]
    margins = [a[mine] - a[other] for a, (mine, other) in zip(ours, choices, strict=True) if mine != other]
    return {
        "items": len(ours),
        "largest": float(differences.max()),
        "mean": float(differences.mean()),
        "different_choices": len(margins),
        "beyond": sum(margin > TOLERANCE for margin in margins),
    }


def fits(texts: Sequence[str], tokenizer: Tokenizer, model: Decoder) -> bool:
    """Return whether the model can read each text whole, to predict its last token."""
    return max(len(tokenizer.encode(text)) for text in texts) <= model.context


def load_items(
    tokenizer: Tokenizer, model: Decoder, folder: Path, limit: int | None
) -> tuple[dict[str, list[Pair]], list[Choice]]:
    """Return TurBLiMP's pairs by phenomenon, and the choices, which go through a file under `folder`.

    Each has its first `limit` items that fit.
    """
    pairs: dict[str, list[Pair]] = {}
    for pair in read_task("turblimp", read_task_file("turblimp")):
        if fits((pair.good, pair.bad), tokenizer, model):
            pairs.setdefault(pair.type, []).append(pair)
    squads = find_data_files("xquad_tr", read_task_file("xquad_tr"))
    write_choices(folder / CHOICES, build_choices(row for file in squads for _, row in read_records(file)))
    choices = read_choices("choices", EvalTask(kind="choice", path=CHOICES), folder)
    fitting = [
        choice
        for choice in choices
        if fits([f"{choice.prompt} {option}" for option in choice.options], tokenizer, model)
    ]
    return {phenomenon: rows[:limit] for phenomenon, rows in pairs.items()}, fitting[:limit]


def main(
    folder: Annotated[Path, typer.Argument(help="a decoder's folder")],
    python: Annotated[Path, typer.Argument(help="Python of an environment with lm_eval")],
    limit: Annotated[
        int | None, typer.Option(help="items of each task, the first that fit; else all")
    ] = None,
) -> None:
    """Score TurBLiMP and choices from XQuAD with both, and print how they differ."""
    tokenizer, model = Tokenizer.load(folder), load_decoder(folder)
    scorer = partial(sequence_bits, model)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        pairs, choices = load_items(tokenizer, model, place, limit)
        tasks = {f"pairs_{kind}": score_pairs(rows, tokenizer, scorer) for kind, rows in pairs.items()}
        tasks["choices_xquad"] = score_choices(choices, tokenizer, scorer)
        run_harness(python, folder, tasks, place)
        results = {task: read_harness(place / "results", task) for task in tasks}
    figures = {
        task: compare_scores(scored.nats, results[task][0])
        | {"accuracy": scored.accuracy, "harness_accuracy": results[task][1]}
        for task, scored in tasks.items()
    }
    total = compare_scores(
        [nats for scored in tasks.values() for nats in scored.nats],
        [nats for theirs, _ in results.values() for nats in theirs],
    )
    table = Table(
        "task", "items", "largest |Δ| (nats)", "mean |Δ|", "other choice", "beyond", "accuracy", "harness"
    )
    for task, row in [*figures.items(), ("all", total)]:
        table.add_row(
            task,
            f"{row['items']:,}",
            f"{row['largest']:.1e}",
            f"{row['mean']:.1e}",
            str(row["different_choices"]),
            str(row["beyond"]),
            f"{row['accuracy']:.4f}" if "accuracy" in row else "",
            f"{row['harness_accuracy']:.4f}" if "accuracy" in row else "",
        )
    Console(width=130).print(table)
    agree = total["largest"] <= TOLERANCE and total["beyond"] == 0
    print(json.dumps({"model": str(folder), "limit": limit, "agree": agree, "all": total, "tasks": figures}))


if __name__ == "__main__":
    typer.run(main)
