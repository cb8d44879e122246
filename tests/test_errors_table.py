"""Sixty mistakes, each made end to end: one line, exit status 1, no traceback, nothing half-written.

A case is a command, what is done to a project before it (`prepare`), and what the line must say. Ten of them
run in `make test`, all in `make test-all`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.data.writer import SplitWriter
from tests.helpers.small import sentences

TEZGAH = "-m pipeline.cli "
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Length 6>>stream\nx\x9c\x0b\0\xff\0\nendstream\n%%EOF\n"


def write(path: str, content: str | bytes) -> Callable[[Path], None]:
    """Put a file there."""

    def prepare(project: Path) -> None:
        file = project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    return prepare


def remove(path: str) -> Callable[[Path], None]:
    """Take a file or folder away."""

    def prepare(project: Path) -> None:
        file = project / path
        shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()

    return prepare


def params(path: str, value: object) -> Callable[[Path], None]:
    """Set one key of params.yaml; None and a trailing - take it away."""

    def prepare(project: Path) -> None:
        yaml = YAML()
        document = yaml.load((project / "params.yaml").read_text())
        *sections, key = path.rstrip("-").split(".")
        inner = document
        for section in sections:
            inner = inner[section]
        if path.endswith("-"):
            del inner[key]
        else:
            inner[key] = value
        with open(project / "params.yaml", "w") as file:
            yaml.dump(document, file)

    return prepare


def local(name: str, content: str | bytes | None, **more: object) -> Callable[[Path], None]:
    """A corpus of one file, and conversations of another."""

    def prepare(project: Path) -> None:
        source = {"kind": "local", "path": f"data/raw/corpus/{name}", **more}
        params("corpus.sources", {"mine": source})(project)
        params("sft.sources", {"mine": {"kind": "local", "path": "data/raw/sft/rows.jsonl"}})(project)
        write("data/raw/sft/rows.jsonl", '{"prompt": "Kim?", "response": "Ben."}\n')(project)
        if content is not None:
            write(f"data/raw/corpus/{name}", content)(project)

    return prepare


def task(name: str, kind: str, content: str | bytes) -> Callable[[Path], None]:
    """Something to measure, beside small splits."""

    def prepare(project: Path) -> None:
        params("eval.tasks", {"mine": {"kind": kind, "path": f"data/raw/eval/{name}"}})(project)
        write(f"data/raw/eval/{name}", content)(project)
        for split in ("val", "test"):
            writer = SplitWriter(project / "data/corpus" / split)
            for number, text in enumerate(sentences(8)):
                writer.add(str(number), "mine", text, len(text.encode()))
            writer.close()
        for file in ("questions.jsonl", "minimal_pairs.jsonl", "queries.jsonl"):
            write(f"data/corpus/miniworld/{file}", "")(project)

    return prepare


def nothing(project: Path) -> None:
    """The project as it is."""


@dataclass(frozen=True)
class Case:
    """A mistake."""

    command: str
    prepare: Callable[[Path], None]
    says: str
    quick: bool = False


CHECK = TEZGAH + "check"
SLICE, TOKENIZER, PACK = "-m stages.slice_corpus", "-m stages.train_tokenizer", "-m stages.pack_shards"
ENCODER, BASE, SFT = "-m stages.train_encoder", "-m stages.train_base", "-m stages.train_sft"
EVALUATE = "-m stages.evaluate"
CASES = {
    "params: no file": Case(CHECK, remove("params.yaml"), "params.yaml: no such file", quick=True),
    "params: no YAML": Case(CHECK, write("params.yaml", "seed: [1"), "params.yaml:1: not valid YAML"),
    "params: tabs": Case(CHECK, write("params.yaml", "seed:\n\t- 1"), "not valid YAML"),
    "params: a list": Case(CHECK, write("params.yaml", "- 1"), "expected sections"),
    "params: no UTF-8": Case(CHECK, write("params.yaml", b"a: \xff"), "not UTF-8 at byte 3"),
    "params: a number as key": Case(CHECK, write("params.yaml", "1: 2"), "a key must be text"),
    "params: a misspelt key": Case(CHECK, params("train.stepps", 3), "did you mean 'steps'", quick=True),
    "params: a misspelt section": Case(CHECK, params("trian", {}), "trian: unknown key"),
    "params: a missing key": Case(CHECK, params("train.steps-", None), "train.steps: missing"),
    "params: a missing section": Case(CHECK, params("model-", None), "model: missing"),
    "params: text for a number": Case(CHECK, params("train.steps", "many"), "train.steps: 'many'"),
    "params: a negative number": Case(CHECK, params("train.steps", -1), "train.steps: -1"),
    "params: zero": Case(CHECK, params("model.layers", 0), "model.layers: 0"),
    "params: not a number": Case(CHECK, params("train.learning_rate", float("nan")), "learning_rate: nan"),
    "params: a fraction above one": Case(CHECK, params("corpus.val_fraction", 1.5), "val_fraction: 1.5"),
    "params: nothing to train on": Case(
        CHECK, params("corpus.val_fraction", 0.97), "leave nothing to train on"
    ),
    "params: a choice that is none": Case(
        CHECK, params("model.arch", "gpt2"), "model.arch: 'gpt2'", quick=True
    ),
    "params: a seed that is none": Case(CHECK, params("seed", -1), "seed: -1"),
    "params: heads": Case(CHECK, params("model.heads", 3), "kv_heads 4 does not divide heads 3"),
    "params: an odd head": Case(CHECK, params("model.head_dim", 7), "head_dim 7 is odd"),
    "params: llama's heads": Case(
        CHECK,
        lambda p: (params("model.arch", "llama")(p), params("model.head_dim", 32)(p)),
        "arch llama needs heads x head_dim = width",
    ),
    "params: a step of no whole batches": Case(
        CHECK,
        params("train.batch_size", 7),
        "train.batch_size: 7: a step of train.tokens_per_step 2048 has 8",
    ),
    "params: tuning's batches": Case(CHECK, params("sft.batch_size", 5), "must be a multiple of it"),
    "params: tuning's context": Case(CHECK, params("sft.context", 512), "longer than model.context 256"),
    "params: the encoder's heads": Case(CHECK, params("encoder.heads", 5), "encoder.heads: 5"),
    "params: a device that is none": Case(CHECK, params("runtime.device", "gpu"), "runtime.device: 'gpu'"),
    "params: a source's name": Case(CHECK, params("corpus.sources", {"a.b": {"kind": "miniworld"}}), "a.b"),
    "params: no source": Case(CHECK, params("corpus.sources", {}), "corpus.sources"),
    "params: a source's kind": Case(CHECK, params("corpus.sources", {"m": {"kind": "web"}}), "m.kind: 'web'"),
    "params: miniworld talk without a miniworld": Case(
        CHECK,
        params("corpus.sources", {"m": {"kind": "local", "path": "data/raw/corpus/a.txt"}}),
        "miniworld",
    ),
    "a path outside": Case(CHECK, local("../../../a.txt", None), "not under data/raw/corpus/"),
    "a path to nothing": Case(CHECK, local("a.txt", None), "a.txt: no such file"),
    "a link to nothing": Case(
        CHECK,
        lambda p: (local("a.txt", None)(p), (p / "data/raw/corpus/a.txt").symlink_to("b")),
        "links to b",
    ),
    "a linked folder": Case(
        CHECK,
        lambda p: ((p / "data/raw/corpus/f").symlink_to(p / "presets"), local("f/*.yaml", None)(p)),
        "is a symlinked folder",
    ),
    "corpus: no text": Case(SLICE, local("a.txt", " \n"), "no text in its files"),
    "corpus: unknown format": Case(SLICE, local("a.docx", "PK"), "of no known format"),
    "corpus: Latin-5": Case(
        SLICE, local("a.txt", "ığdır ".encode("cp1254") * 9), "a.txt:1: not UTF-8", quick=True
    ),
    "corpus: UTF-16": Case(SLICE, local("a.txt", "Iğdır ".encode("utf-16") * 9), "iconv -f UTF-16"),
    "corpus: broken JSON": Case(SLICE, local("a.jsonl", '{"text": "a"}\n{'), "a.jsonl:2: not JSON"),
    "corpus: no text column": Case(
        SLICE, local("a.jsonl", '{"x": "a", "y": "b"}'), "which column is the text"
    ),
    "corpus: another text column": Case(SLICE, local("a.csv", "x;y\n1;2", text_column="z"), "no column 'z'"),
    "corpus: uneven csv": Case(SLICE, local("a.csv", "text;y\n1;2;3\n"), "a.csv:2: 3 columns, not 2"),
    "corpus: broken gzip": Case(SLICE, local("a.txt.gz", b"\x1f\x8b\x08\x00abc"), "a.txt.gz: "),
    "corpus: no gzip": Case(SLICE, local("a.txt.gz", "metin"), "not readable as .gz"),
    "corpus: no parquet": Case(SLICE, local("a.parquet", "metin"), "not readable as Parquet"),
    "corpus: a folder": Case(
        SLICE, lambda p: ((p / "data/raw/corpus/a.txt").mkdir(), local("a.txt", None)(p)), "a.txt"
    ),
    "corpus: all too short": Case(SLICE, local("a.txt", "kısa\n\nbu da"), "none is left"),
    "tokenizer before the corpus": Case(TOKENIZER, nothing, "no such file; `dvc repro` makes it", quick=True),
    "shards before the corpus": Case(PACK, nothing, "run `dvc repro"),
    "encoder before the corpus": Case(ENCODER, nothing, "run `dvc repro"),
    "base before the shards": Case(BASE, nothing, "run `dvc repro train_tokenizer`"),
    "tuning before the base": Case(SFT, nothing, "models/base/config.json: no such file"),
    "evaluation before the models": Case(EVALUATE, nothing, "data/corpus"),
    "tuning: damaged base": Case(SFT, write("models/base/config.json", "{"), "models/base: damaged"),
    "tuning: another base": Case(
        SFT, write("models/base/config.json", '{"model_type": "gpt2", "vocab_size": 9}'), "not one of qwen3"
    ),
    "evaluation: unknown kind": Case(CHECK, task("a.jsonl", "poems", ""), "eval.tasks.mine.kind: 'poems'"),
    "evaluation: no rows": Case(EVALUATE, task("a.jsonl", "questions", ""), "a.jsonl"),
    "evaluation: unknown format": Case(EVALUATE, task("a.txt", "questions", "a"), "unknown format"),
    "evaluation: broken row": Case(EVALUATE, task("a.jsonl", "questions", "{"), "a.jsonl:1: not JSON"),
    "evaluation: a field is lacking": Case(
        EVALUATE, task("a.jsonl", "minimal_pairs", '{"good": "a"}'), "a.jsonl"
    ),
    "check: evaluation's columns": Case(
        CHECK, task("a.jsonl", "questions", '{"soru": "Kim?", "yanıt": "Ben"}'), "no column for 'question'"
    ),
    "check: a conversation that is none": Case(
        CHECK,
        lambda p: (local("a.txt", "Bir.")(p), write("data/raw/sft/rows.jsonl", '{"soru": "Kim?"}')(p)),
        "rows.jsonl:1: 'soru': no conversation",
    ),
    "check: a text column": Case(CHECK, local("a.csv", "x;y\n1;2", text_column="z"), "no column 'z'"),
    "tokenize: no tokenizer": Case(TEZGAH + "tokenize Ev", nothing, "run `dvc repro train_tokenizer`"),
    "shards: nothing packed": Case(TEZGAH + "shards", nothing, "run `dvc repro pack_shards`"),
    "preset: unknown": Case(TEZGAH + "preset smok", nothing, "did you mean 'smoke'", quick=True),
    "preset: broken": Case(TEZGAH + "preset mine", write("presets/mine.yaml", "a: ["), "presets/mine.yaml"),
    "preset: unknown key": Case(
        TEZGAH + "preset mine", write("presets/mine.yaml", "train: {stepps: 1}"), "train.stepps: unknown key"
    ),
    "add: no file": Case(TEZGAH + "add none.txt", nothing, "none.txt: no such file", quick=True),
    "add: unknown format": Case(TEZGAH + "add a.pdf", write("a.pdf", "%PDF"), "a.pdf: of no known format"),
    "add: a book as PDF": Case(TEZGAH + "add a.pdf", write("a.pdf", PDF), "a.pdf: no text; give txt"),
    "add: empty params": Case(
        TEZGAH + "add a.txt", lambda p: (write("a.txt", "Bir.")(p), write("params.yaml", "")(p)), "by name"
    ),
    "add: an empty corpus": Case(
        TEZGAH + "add a.txt", lambda p: (write("a.txt", "Bir.")(p), params("corpus", None)(p)), "by name"
    ),
    "add: a name that is taken": Case(
        TEZGAH + "add a.txt --name miniworld", write("a.txt", "Bir."), "is there already"
    ),
    "import: no file": Case(TEZGAH + "import tanai none.pt", nothing, "none.pt: no such file"),
    "import: no torch file": Case(TEZGAH + "import tanai a.pt", write("a.pt", "PK"), "a.pt: damaged, or no"),
    "import: no model": Case(TEZGAH + "import hf presets", nothing, "presets/config.json: no such file"),
    "import: a kind that is none": Case(TEZGAH + "import gguf a", nothing, "gguf: no such command"),
    "params: a model to start from": Case(
        CHECK,
        params("train.init_from", "data/raw/model/none"),
        "data/raw/model/none/config.json: no such file",
    ),
    "infer: no model": Case(TEZGAH + "infer Ankara", nothing, "models/sft: no model there", quick=True),
    "infer: an argument": Case(
        TEZGAH + "infer Ankara --temperature -1", nothing, "--temperature -1.0 is not", quick=True
    ),
    "infer: an empty stop": Case(TEZGAH + "infer Ankara --stop ''", nothing, "--stop: '': an empty"),
    "chat: no model": Case(TEZGAH + "chat --model none", nothing, "none: no model there"),
    "report: no run": Case(TEZGAH + "report", nothing, "run `dvc repro`"),
    "status: no DVC": Case(TEZGAH + "status", nothing, "dvc status: ERROR: you are not inside of a DVC"),
    "check: a stage that is none": Case(TEZGAH + "check --stage foo", nothing, "--stage: foo: no such stage"),
    "infer: no prompt": Case(TEZGAH + "infer", nothing, "Missing argument 'prompt'; --help tells"),
    "infer: a misspelt option": Case(TEZGAH + "infer a --temprature 1", nothing, "options: --temperature"),
    "infer: text for a number": Case(TEZGAH + "infer a --seed x", nothing, "for '--seed': Input should be"),
    "plan: an argument too many": Case(TEZGAH + "plan all", nothing, "unexpected extra argument(s) (all)"),
    "a stage with arguments": Case(SLICE + " --steps 3", nothing, "No such option: --steps"),
    "a command that is none": Case(TEZGAH + "pland", nothing, "did you mean 'plan'", quick=True),
}


def files(folder: Path) -> dict[Path, bytes]:
    """All files and links below the folder, but those of Python and of the scratch folder."""
    return {
        path: os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file())
        and ".scratch" not in path.parts
        and "pipeline" not in path.relative_to(folder).parts
    }


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if case.quick else pytest.mark.slow) for name, case in CASES.items()
])  # fmt: skip
def test_a_mistake_is_one_line(project, name):
    case = CASES[name]
    case.prepare(project)
    before = files(project)
    environment = {**os.environ, "COLUMNS": "200", "TEZGAH_SCRATCH": str(project / ".scratch")}
    environment |= {"TEZGAH_DEBUG": "", "TEZGAH_LANG": ""}
    command = [sys.executable, *(part.strip("'") for part in case.command.split())]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()
    assert len(line) == 1, done.stderr
    assert case.says in line[0], done.stderr
    assert files(project) == before


def test_there_are_sixty_of_them():
    assert len(CASES) >= 60
    assert sum(case.quick for case in CASES.values()) == 10
