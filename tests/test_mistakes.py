"""Mistakes of a user, each made end to end: one line, exit status 1, no traceback, and nothing is touched.

A mistake is a command, what is done to a project before it (`prepare`), and what the line must say. The quick
ones run in `make test`, all of them in `make test-all`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from pipeline.common.io import sha256
from pipeline.data.writer import SplitWriter
from pipeline.model.decoder import Decoder
from pipeline.model.hf_io import save_decoder
from pipeline.packing.writer import write_manifest
from pipeline.tokenizer.tokenizer import Tokenizer
from tests.helpers.factories import tiny_model_params
from tests.helpers.paths import ROOT
from tests.helpers.small import sentences, write_task

TEZGAH = "-m pipeline.cli "
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Length 6>>stream\nx\x9c\x0b\0\xff\0\nendstream\n%%EOF\n"
TOKENIZER_FOLDER = "models/tokenizer"
OUTPUTS = {  # folders that a stage replaces
    "slice_corpus": "data/corpus",
    "train_tokenizer": TOKENIZER_FOLDER,
    "pack_shards": "data/shards",
    "train_encoder": "models/encoder",
    "train_base": "models/base",
    "train_sft": "models/sft",
}
Prepare = Callable[[Path], object]  # does something to a project


def do_nothing(project: Path) -> None:
    """Leave the project as it is."""


def write_file(path: str, content: str | bytes) -> Prepare:
    """Put a file there."""

    def prepare(project: Path) -> None:
        file = project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    return prepare


def remove_path(path: str) -> Prepare:
    """Take a file or folder away."""

    def prepare(project: Path) -> None:
        file = project / path
        shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()

    return prepare


def change_section(path: str, change: Callable[[dict, str], object]) -> Prepare:
    """Call `change` with the section of params.yaml that holds a key, and the key."""

    def prepare(project: Path) -> None:
        yaml = YAML()
        document = yaml.load((project / "params.yaml").read_text())
        *sections, key = path.split(".")
        inner = document
        for section in sections:
            inner = inner[section]
        change(inner, key)
        with open(project / "params.yaml", "w") as file:
            yaml.dump(document, file)

    return prepare


def set_key(path: str, value: object) -> Prepare:
    """Set one key of params.yaml, such as train.steps."""
    return change_section(path, lambda section, key: section.update({key: value}))


def prepare_all(*steps: Prepare) -> Prepare:
    """Do several things, in their order."""

    def prepare(project: Path) -> None:
        for step in steps:
            step(project)

    return prepare


def remove_key(path: str) -> Prepare:
    """Take one key or section of params.yaml away."""
    return change_section(path, lambda section, key: section.pop(key))


def local_source(name: str, content: str | bytes | None, **more: object) -> Prepare:
    """A corpus of one file, None: that is not there, and conversations of another."""

    def prepare(project: Path) -> None:
        source = {"kind": "local", "path": f"data/raw/corpus/{name}", **more}
        set_key("corpus.sources", {"mine": source})(project)
        set_key("sft.sources", {"mine": {"kind": "local", "path": "data/raw/sft/rows.jsonl"}})(project)
        write_file("data/raw/sft/rows.jsonl", '{"prompt": "Kim?", "response": "Ben."}\n')(project)
        if content is not None:
            write_file(f"data/raw/corpus/{name}", content)(project)

    return prepare


def write_splits(project: Path, *names: str) -> None:
    """Splits of eight documents each in data/corpus."""
    for name in names:
        writer = SplitWriter(project / "data/corpus" / name)
        for number, text in enumerate(sentences(8)):
            writer.add(str(number), "mine", text, len(text.encode()))
        writer.close()


def write_small_corpus(project: Path) -> None:
    """All of the corpus that a tokenizer is trained on."""
    write_splits(project, "train", "val")
    write_file("data/corpus/miniworld/segmentations.tsv", "")(project)


def eval_task(name: str, kind: str, content: str | bytes) -> Prepare:
    """Something to measure, beside small splits."""

    def prepare(project: Path) -> None:
        write_task(project, "mine", kind, path=f"data/raw/eval/{name}")
        set_key("eval.tasks", ["mine"])(project)
        write_file(f"data/raw/eval/{name}", content)(project)
        write_splits(project, "val", "test")
        for file in ("questions.jsonl", "minimal_pairs.jsonl", "queries.jsonl"):
            write_file(f"data/corpus/miniworld/{file}", "")(project)

    return prepare


def write_shards(project: Path, tokens: int) -> None:
    """Packed splits of that many tokens in one file each."""
    tokenizer = Tokenizer.load(project / TOKENIZER_FOLDER)
    splits = {}
    for split in ("train", "val"):
        file = project / "data/shards" / split / "shard-00000.npy"
        file.parent.mkdir(parents=True)
        np.save(file, np.arange(tokens, dtype=np.uint16) % tokenizer.vocab_size)
        shard = {"file": file.name, "tokens": tokens, "documents": 1, "bytes": tokens, "sha256": sha256(file)}
        splits[split] = {"tokens": tokens, "documents": 1, "bytes": tokens, "shards": [shard]}
    write_manifest(project / "data/shards", tokenizer, splits)


def flip_last_bit(file: Path) -> None:
    """Alter a file without altering its size."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def write_base(project: Path, **changes: object) -> None:
    """A tiny models/base, its config.json with `changes`."""
    folder = project / TOKENIZER_FOLDER
    model = Decoder(tiny_model_params(layers=1, context=256), Tokenizer.load(folder).vocab_size)
    save_decoder(project / "models/base", model, folder)
    config = project / "models/base/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))


def write_conversation(project: Path, role: str) -> None:
    """One conversation, in the second line, whose answer is of this role."""
    messages = [{"role": "user", "content": "Kim?"}, {"role": role, "content": "Ben."}]
    write_file("data/raw/sft/rows.jsonl", "\n" + json.dumps({"messages": messages}))(project)
    set_key("sft.sources", {"mine": {"kind": "local", "path": "data/raw/sft/rows.jsonl"}})(project)


@dataclass(frozen=True)
class Mistake:
    """What is run on a project that has been prepared, and what its one line says."""

    command: str
    prepare: Prepare
    says: str
    quick: bool = False
    with_tokenizer: bool = False  # in models/tokenizer, before it is prepared


CHECK = TEZGAH + "check"
STAGE = "-m stages."
SLICE, TOKENIZER, PACK = STAGE + "slice_corpus", STAGE + "train_tokenizer", STAGE + "pack_shards"
ENCODER, BASE, SFT, EVALUATE = (
    STAGE + "train_encoder",
    STAGE + "train_base",
    STAGE + "train_sft",
    STAGE + "evaluate",
)
MISTAKES: dict[str, Mistake] = {
    "params: no file": Mistake(CHECK, remove_path("params.yaml"), "params.yaml: no such file", quick=True),
    "params: no YAML": Mistake(CHECK, write_file("params.yaml", "seed: [1"), "params.yaml:1: not valid YAML"),
    "params: tabs": Mistake(CHECK, write_file("params.yaml", "seed:\n\t- 1"), "not valid YAML"),
    "params: a list": Mistake(CHECK, write_file("params.yaml", "- 1"), "expected sections"),
    "params: no UTF-8": Mistake(CHECK, write_file("params.yaml", b"a: \xff"), "not UTF-8 at byte 3"),
    "params: a number as key": Mistake(CHECK, write_file("params.yaml", "1: 2"), "a key must be text"),
    "params: a misspelt key": Mistake(CHECK, set_key("train.stepps", 3), "did you mean 'steps'", quick=True),
    "params: a misspelt section": Mistake(CHECK, set_key("trian", {}), "trian: unknown key"),
    "params: a missing key": Mistake(CHECK, remove_key("train.steps"), "train.steps: missing"),
    "params: a missing section": Mistake(CHECK, remove_key("model"), "model: missing"),
    "params: text for a number": Mistake(CHECK, set_key("train.steps", "many"), "train.steps: 'many'"),
    "params: a negative number": Mistake(CHECK, set_key("train.steps", -1), "train.steps: -1"),
    "params: zero": Mistake(CHECK, set_key("model.layers", 0), "model.layers: 0"),
    "params: not a number": Mistake(
        CHECK, set_key("train.learning_rate", float("nan")), "learning_rate: nan"
    ),
    "params: a fraction above one": Mistake(CHECK, set_key("corpus.val_fraction", 1.5), "val_fraction: 1.5"),
    "params: nothing to train on": Mistake(
        CHECK, set_key("corpus.val_fraction", 0.97), "leave nothing to train on"
    ),
    "params: a choice that is none": Mistake(
        CHECK, set_key("model.arch", "gpt2"), "model.arch: 'gpt2'", quick=True
    ),
    "params: a seed that is none": Mistake(CHECK, set_key("seed", -1), "seed: -1"),
    "params: heads": Mistake(CHECK, set_key("model.heads", 3), "kv_heads 4 does not divide heads 3"),
    "params: an odd head": Mistake(CHECK, set_key("model.head_dim", 7), "head_dim 7 is odd"),
    "params: tanai's heads": Mistake(
        CHECK,
        lambda p: (set_key("model.arch", "tanai")(p), set_key("model.head_dim", 32)(p)),
        "arch tanai needs heads x head_dim = width",
    ),
    "params: a step of no whole batches": Mistake(
        CHECK,
        set_key("train.batch_size", 7),
        "train.batch_size: 7: a step of train.tokens_per_step 2048 has 8",
    ),
    "params: tuning's batches": Mistake(CHECK, set_key("sft.batch_size", 5), "must be a multiple of it"),
    "params: tuning's context": Mistake(CHECK, set_key("sft.context", 512), "longer than model.context 256"),
    "params: the encoder's heads": Mistake(
        CHECK,
        prepare_all(set_key("encoder.layers", 1), set_key("encoder.heads", 5)),
        "encoder.heads: 5",
    ),
    "params: a device that is none": Mistake(
        CHECK, set_key("runtime.device", "gpu"), "runtime.device: 'gpu'"
    ),
    "params: an empty prompt": Mistake(
        CHECK, set_key("eval.prompts", ["Ankara", ""]), "eval.prompts.1: '': empty; write how a text begins"
    ),
    "params: an empty prompt on the way": Mistake(
        CHECK, set_key("runtime.prompts", [" "]), "runtime.prompts.0: ' ': empty; write how a text begins"
    ),
    "params: a source's name": Mistake(
        CHECK, set_key("corpus.sources", {"a.b": {"kind": "miniworld"}}), "a.b"
    ),
    "params: no source": Mistake(CHECK, set_key("corpus.sources", {}), "corpus.sources"),
    "params: a source's kind": Mistake(
        CHECK, set_key("corpus.sources", {"m": {"kind": "web"}}), "m.kind: 'web'"
    ),
    "params: miniworld talk without a miniworld": Mistake(
        CHECK,
        prepare_all(
            write_file("data/raw/corpus/a.txt", "Bir metin."),
            set_key("corpus.sources", {"m": {"kind": "local", "path": "data/raw/corpus/a.txt"}}),
        ),
        "miniworld",
    ),
    "a path outside": Mistake(CHECK, local_source("../../../a.txt", None), "not under data/raw/corpus/"),
    "a path to nothing": Mistake(
        SLICE,
        local_source("none.txt", None),
        "corpus.sources.mine.path: data/raw/corpus/none.txt: no such file",
        quick=True,
    ),
    "a link to nothing": Mistake(
        CHECK,
        lambda p: (local_source("a.txt", None)(p), (p / "data/raw/corpus/a.txt").symlink_to("b")),
        "links to b",
    ),
    "a linked folder": Mistake(
        CHECK,
        lambda p: ((p / "data/raw/corpus/f").symlink_to(p / "presets"), local_source("f/*.yaml", None)(p)),
        "is a symlinked folder",
    ),
    "corpus: no text": Mistake(
        SLICE, local_source("a.txt", "\n \n"), "corpus.sources.mine: no text in its files", quick=True
    ),
    "corpus: unknown format": Mistake(SLICE, local_source("a.docx", "PK"), "of no known format"),
    "corpus: Latin-5": Mistake(
        SLICE,
        local_source("a.txt", "ığdır ".encode("cp1254") * 9),
        "data/raw/corpus/a.txt:1: not UTF-8",
        quick=True,
    ),
    "corpus: UTF-16": Mistake(SLICE, local_source("a.txt", "Iğdır ".encode("utf-16") * 9), "iconv -f UTF-16"),
    "corpus: broken JSON": Mistake(
        SLICE,
        local_source("a.jsonl", '{"text": "a"}\n{"text": \n{"text": "b"}'),
        "data/raw/corpus/a.jsonl:2: not JSON",
        quick=True,
    ),
    "corpus: no text column": Mistake(
        SLICE, local_source("a.jsonl", '{"x": "a", "y": "b"}'), "which column is the text"
    ),
    "corpus: another text column": Mistake(
        SLICE, local_source("a.csv", "x;y\n1;2", text_column="z"), "no column 'z'"
    ),
    "corpus: uneven csv": Mistake(
        SLICE, local_source("a.csv", "text;y\n1;2;3\n"), "a.csv:2: 3 columns, not 2"
    ),
    "corpus: broken gzip": Mistake(SLICE, local_source("a.txt.gz", b"\x1f\x8b\x08\x00abc"), "a.txt.gz: "),
    "corpus: no gzip": Mistake(SLICE, local_source("a.txt.gz", "metin"), "not readable as .gz"),
    "corpus: no parquet": Mistake(SLICE, local_source("a.parquet", "metin"), "not readable as Parquet"),
    "corpus: a folder": Mistake(
        SLICE, lambda p: ((p / "data/raw/corpus/a.txt").mkdir(), local_source("a.txt", None)(p)), "a.txt"
    ),
    "corpus: all too short": Mistake(SLICE, local_source("a.txt", "kısa\n\nbu da"), "none is left"),
    "tokenizer before the corpus": Mistake(
        TOKENIZER, do_nothing, "no such file; `dvc repro` makes it", quick=True
    ),
    "shards before the corpus": Mistake(PACK, do_nothing, "run `dvc repro"),
    "encoder before the corpus": Mistake(ENCODER, do_nothing, "run `dvc repro"),
    "tokenizer: a corpus too small for the vocabulary": Mistake(
        TOKENIZER,
        write_small_corpus,
        "tokenizer.vocab_size: 6144: the training text is too small",
        quick=True,
    ),
    "base before the shards": Mistake(BASE, do_nothing, "run `dvc repro train_tokenizer`"),
    "base: a corpus too small for a batch": Mistake(
        BASE,
        lambda p: write_shards(p, 1000),
        "data/shards/train: 1000 tokens make 2 windows of 256, but 8 are needed",
        quick=True,
        with_tokenizer=True,
    ),
    "base: more weights than any memory holds": Mistake(
        BASE,
        lambda p: (write_shards(p, 10_000), set_key("model.layers", 10**8)(p)),
        "params.yaml: model.width: 224: training takes ",
        quick=True,
        with_tokenizer=True,
    ),
    "base: an altered shard": Mistake(
        BASE,
        lambda p: (write_shards(p, 10_000), flip_last_bit(p / "data/shards/train/shard-00000.npy")),
        "data/shards/train/shard-00000.npy: not the file that manifest.json describes",
        quick=True,
        with_tokenizer=True,
    ),
    "tuning before the base": Mistake(SFT, do_nothing, "models/base/config.json: no such file"),
    "evaluation before the models": Mistake(EVALUATE, do_nothing, "data/corpus"),
    "tuning: damaged base": Mistake(SFT, write_file("models/base/config.json", "{"), "models/base: damaged"),
    "tuning: another base": Mistake(
        SFT,
        write_file("models/base/config.json", '{"model_type": "gpt2", "vocab_size": 9}'),
        "not one of qwen3",
    ),
    "tuning: weights of another architecture": Mistake(
        SFT,
        lambda p: (write_base(p, hidden_size=64), write_conversation(p, "assistant")),
        "models/base/model.safetensors: weights of another architecture",
        quick=True,
        with_tokenizer=True,
    ),
    "tuning: an unknown role": Mistake(
        SFT,
        lambda p: (write_base(p), write_conversation(p, "robot")),
        "data/raw/sft/rows.jsonl:2: messages[1]: role: 'robot': unknown",
        quick=True,
        with_tokenizer=True,
    ),
    "evaluation: unknown kind": Mistake(
        CHECK, eval_task("a.jsonl", "poems", ""), "tasks/mine.yaml: kind: 'poems'"
    ),
    "evaluation: no rows": Mistake(EVALUATE, eval_task("a.jsonl", "questions", ""), "a.jsonl"),
    "evaluation: unknown format": Mistake(EVALUATE, eval_task("a.txt", "questions", "a"), "unknown format"),
    "evaluation: broken row": Mistake(
        EVALUATE, eval_task("a.jsonl", "questions", "{"), "a.jsonl:1: not JSON"
    ),
    "evaluation: a field is lacking": Mistake(
        EVALUATE, eval_task("a.jsonl", "minimal_pairs", '{"good": "a"}'), "a.jsonl"
    ),
    "check: evaluation's columns": Mistake(
        CHECK,
        eval_task("a.jsonl", "questions", '{"soru": "Kim?", "yanıt": "Ben"}'),
        "no column for 'question'",
    ),
    "check: a conversation that is none": Mistake(
        CHECK,
        lambda p: (
            local_source("a.txt", "Bir.")(p),
            write_file("data/raw/sft/rows.jsonl", '{"soru": "Kim?"}')(p),
        ),
        "rows.jsonl:1: 'soru': no conversation",
    ),
    "check: a conversation far from the first": Mistake(
        CHECK,
        lambda p: (
            local_source("a.txt", "Bir.")(p),
            write_file("data/raw/sft/rows.jsonl", '{"prompt": "Kim?", "response": "Ben."}\n' * 60 + "{")(p),
        ),
        "rows.jsonl:61: not JSON",
        quick=True,
    ),
    "check: an evaluation's row far from the first": Mistake(
        CHECK,
        eval_task(
            "a.jsonl", "questions", '{"question": "Kim?", "answers": "Ben"}\n' * 60 + '{"question": "Ne?"}'
        ),
        "a.jsonl:61: no column for 'answers'",
    ),
    "check: a text column": Mistake(
        CHECK, local_source("a.csv", "x;y\n1;2", text_column="z"), "no column 'z'"
    ),
    "tokenize: no tokenizer": Mistake(TEZGAH + "tokenize Ev", do_nothing, "run `dvc repro train_tokenizer`"),
    "shards: nothing packed": Mistake(TEZGAH + "shards", do_nothing, "run `dvc repro pack_shards`"),
    "preset: unknown": Mistake(TEZGAH + "preset smok", do_nothing, "did you mean 'smoke'", quick=True),
    "preset: broken": Mistake(
        TEZGAH + "preset mine", write_file("presets/mine.yaml", "a: ["), "presets/mine.yaml"
    ),
    "preset: unknown key": Mistake(
        TEZGAH + "preset mine",
        write_file("presets/mine.yaml", "train: {stepps: 1}"),
        "train.stepps: unknown key",
    ),
    "add: no file": Mistake(TEZGAH + "add none.txt", do_nothing, "none.txt: no such file", quick=True),
    "add: unknown format": Mistake(
        TEZGAH + "add a.pdf", write_file("a.pdf", "%PDF"), "a.pdf: of no known format"
    ),
    "add: a book as PDF": Mistake(TEZGAH + "add a.pdf", write_file("a.pdf", PDF), "a.pdf: no text; give txt"),
    "add: empty params": Mistake(
        TEZGAH + "add a.txt",
        lambda p: (write_file("a.txt", "Bir.")(p), write_file("params.yaml", "")(p)),
        "by name",
    ),
    "add: an empty corpus": Mistake(
        TEZGAH + "add a.txt",
        lambda p: (write_file("a.txt", "Bir.")(p), set_key("corpus", None)(p)),
        "by name",
    ),
    "add: a name that is taken": Mistake(
        TEZGAH + "add a.txt --name miniworld", write_file("a.txt", "Bir."), "already exists"
    ),
    "import: no file": Mistake(TEZGAH + "import tanai none.pt", do_nothing, "none.pt: no such file"),
    "import: no torch file": Mistake(
        TEZGAH + "import tanai a.pt", write_file("a.pt", "PK"), "a.pt: damaged, or no"
    ),
    "import: no model": Mistake(
        TEZGAH + "import hf presets", do_nothing, "presets/config.json: no such file"
    ),
    "import: a kind that is none": Mistake(TEZGAH + "import gguf a", do_nothing, "gguf: no such command"),
    "params: a model to start from": Mistake(
        CHECK,
        set_key("train.init_from", "data/raw/model/none"),
        "data/raw/model/none/config.json: no such file",
    ),
    "infer: no model": Mistake(TEZGAH + "infer Ankara", do_nothing, "models/sft: no model there", quick=True),
    "infer: an argument": Mistake(
        TEZGAH + "infer Ankara --temperature -1", do_nothing, "--temperature -1.0 is not", quick=True
    ),
    "infer: an empty stop": Mistake(TEZGAH + "infer Ankara --stop ''", do_nothing, "--stop: '': an empty"),
    "chat: no model": Mistake(TEZGAH + "chat --model none", do_nothing, "none: no model there"),
    "report: no run": Mistake(TEZGAH + "report", do_nothing, "run `dvc repro`"),
    "status: no DVC": Mistake(
        TEZGAH + "status", do_nothing, "dvc status: ERROR: you are not inside of a DVC"
    ),
    "check: a stage that is none": Mistake(
        TEZGAH + "check --stage foo", do_nothing, "--stage: foo: no such stage"
    ),
    "infer: no prompt": Mistake(TEZGAH + "infer", do_nothing, "Missing argument 'prompt'; --help tells"),
    "infer: a misspelt option": Mistake(
        TEZGAH + "infer a --temprature 1", do_nothing, "options: --temperature"
    ),
    "infer: text for a number": Mistake(
        TEZGAH + "infer a --seed x", do_nothing, "for '--seed': Input should be"
    ),
    "plan: an argument too many": Mistake(
        TEZGAH + "plan all", do_nothing, "unexpected extra argument(s) (all)"
    ),
    "a stage with arguments": Mistake(SLICE + " --steps 3", do_nothing, "No such option: --steps"),
    "a command that is none": Mistake(TEZGAH + "pland", do_nothing, "did you mean 'plan'", quick=True),
}


def read_files(folder: Path) -> dict[Path, bytes]:
    """All files and links below the folder, but those of Python and of the scratch folder."""
    return {
        path: os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file())
        and ".scratch" not in path.parts
        and "pipeline" not in path.relative_to(folder).parts
    }


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if mistake.quick else pytest.mark.slow) for name, mistake in MISTAKES.items()
])  # fmt: skip
def test_mistake_ends_in_one_line_and_touches_nothing(project, request, name):
    mistake = MISTAKES[name]
    if mistake.with_tokenizer:
        (project / "models").mkdir()
        (project / TOKENIZER_FOLDER).symlink_to(request.getfixturevalue("tokenizer").folder)
    mistake.prepare(project)
    for stage, output in OUTPUTS.items():
        if mistake.command.startswith(STAGE + stage):
            write_file(f"{output}/from_before", "kept")(project)
    before = read_files(project)
    environment = {**os.environ, "COLUMNS": "200", "TEZGAH_SCRATCH": str(project / ".scratch")}
    environment |= {"TEZGAH_DEBUG": "", "TEZGAH_LANG": ""}
    command = [sys.executable, *(part.strip("'") for part in mistake.command.split())]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()
    assert len(line) == 1, done.stderr
    assert line[0].startswith("error: "), done.stderr
    assert mistake.says in line[0], done.stderr
    assert read_files(project) == before


def test_mistakes_cover_every_stage():
    stages = {path.stem for path in (ROOT / "stages").glob("[a-z]*.py")}
    assert stages == {
        m.command.split()[1].removeprefix("stages.") for m in MISTAKES.values() if STAGE in m.command
    }
