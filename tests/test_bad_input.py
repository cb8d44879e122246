"""Every mistake ends the real stage in one line and status 1, and what stood there before stays."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.small import sentences, set_params

OUTPUTS = {
    "slice_corpus": "data/corpus",
    "train_tokenizer": "models/tokenizer",
    "train_base": "models/base",
    "train_sft": "models/sft",
}
FOR_PROSE = ["repetition", "lines", "prose", "near_copies"]  # rules, which the sentences here break


def source(project, name, content):
    """One corpus source, a file of this content; None: no such file."""
    path = f"data/raw/corpus/{name}"
    set_params(project, "corpus", sources={"mine": {"kind": "local", "path": path, "without": FOR_PROSE}})
    set_params(project, "sft", sources={"mine": {"kind": "local", "path": "data/raw/sft/rows.jsonl"}})
    (project / "data/raw/sft/rows.jsonl").write_text('{"prompt": "Kim?", "response": "Ben."}\n')
    if content is not None:
        (project / path).write_bytes(content)


def json_lines(broken):
    lines = [json.dumps({"text": text}).encode() for text in sentences(200)]
    return b"\n".join([lines[0], b'{"text": ', *lines[1:]] if broken else lines)


def small_corpus(project):
    from pipeline.data.writer import SplitWriter

    for split in ("train", "val"):
        writer = SplitWriter(project / "data/corpus" / split)
        for number, text in enumerate(sentences(8)):
            writer.add(str(number), "mine", text, len(text.encode()))
        writer.close()
    (project / "data/corpus/miniworld").mkdir()
    (project / "data/corpus/miniworld/segmentations.tsv").touch()


def shards(project, tokenizer, tokens):
    import numpy as np

    from pipeline.common.io import sha256
    from pipeline.packing.writer import write_manifest

    (project / "models/tokenizer").symlink_to(tokenizer.folder)
    splits = {}
    for split in ("train", "val"):
        file = project / "data/shards" / split / "shard-00000.npy"
        file.parent.mkdir(parents=True)
        np.save(file, np.arange(tokens, dtype=np.uint16) % tokenizer.vocab_size)
        shard = {"file": file.name, "tokens": tokens, "documents": 1, "bytes": tokens, "sha256": sha256(file)}
        splits[split] = {"tokens": tokens, "documents": 1, "bytes": tokens, "shards": [shard]}
    write_manifest(project / "data/shards", tokenizer, splits)


def altered_shards(project, tokenizer):
    shards(project, tokenizer, 10_000)
    path = project / "data/shards/train/shard-00000.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def base(project, tokenizer, **changed):
    """A tiny models/base, its config.json `changed`, and a conversation; a faulty one if nothing is."""
    from pipeline.model.config import ModelParams
    from pipeline.model.decoder import Decoder
    from pipeline.model.hf_io import save_decoder

    shape = {"width": 32, "layers": 1, "heads": 2, "kv_heads": 1, "head_dim": 16, "ffn": 32, "context": 256}
    rest = {"arch": "qwen3", "rope_theta": 10000.0, "norm_eps": 1e-6, "tie_embeddings": True}
    (project / "models/tokenizer").symlink_to(tokenizer.folder)
    model = Decoder(ModelParams(**shape, **rest), tokenizer.vocab_size)
    save_decoder(project / "models/base", model, tokenizer.folder)
    config = project / "models/base/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changed))
    row = {
        "messages": [
            {"role": "user", "content": "Kim?"},
            {"role": "assistant" if changed else "robot", "content": "Ben."},
        ]
    }
    (project / "data/raw/sft/rows.jsonl").write_text("\n" + json.dumps(row))
    set_params(project, "sft", sources={"mine": {"kind": "local", "path": "data/raw/sft/rows.jsonl"}})


def run(project, stage):
    environment = {**os.environ, "TEZGAH_SCRATCH": str(project / ".scratch"), "COLUMNS": "120"}
    environment.pop("TEZGAH_DEBUG", None)
    return subprocess.run(
        [sys.executable, "-m", f"stages.{stage}"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder: Path):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


LATIN = "\n\n".join(sentences(3)).encode("iso-8859-9", "replace")


@pytest.mark.parametrize(
    ("stage", "prepare", "says"),
    [
        pytest.param(
            "slice_corpus",
            lambda project, _: source(project, "none.txt", None),
            r"corpus\.sources\.mine\.path: data/raw/corpus/none\.txt: no such file",
            id="a source path that is missing",
        ),
        pytest.param(
            "slice_corpus",
            lambda project, _: source(project, "blank.txt", b"\n \n"),
            r"corpus\.sources\.mine: no text in its files",
            id="a source without text",
        ),
        pytest.param(
            "slice_corpus",
            lambda project, _: source(project, "rows.jsonl", json_lines(broken=True)),
            r"data/raw/corpus/rows\.jsonl:2: not JSON",
            id="a line that is not JSON",
        ),
        pytest.param(
            "slice_corpus",
            lambda project, _: source(project, "latin.txt", LATIN),
            r"data/raw/corpus/latin\.txt:1: not UTF-8",
            id="text that is not UTF-8",
        ),
        pytest.param(
            "train_tokenizer",
            lambda project, _: small_corpus(project),
            r"tokenizer\.vocab_size: 6144: the training text is too small",
            id="a corpus too small for the vocabulary",
        ),
        pytest.param(
            "train_base",
            lambda project, tokenizer: shards(project, tokenizer, 1000),
            r"data/shards/train: 1000 tokens make 2 windows of 256, but 8 are needed",
            id="a corpus too small for a batch",
        ),
        pytest.param(
            "train_base",
            altered_shards,
            r"data/shards/train/shard-00000\.npy: not the file that manifest\.json describes",
            id="an altered shard",
        ),
        pytest.param(
            "train_sft",
            lambda project, tokenizer: base(project, tokenizer, hidden_size=64),
            r"models/base/model\.safetensors: weights of another architecture",
            id="a model of another architecture",
        ),
        pytest.param(
            "train_sft",
            base,
            r"data/raw/sft/rows\.jsonl:2: messages\[1\]: role: 'robot': unknown",
            id="a conversation with an unknown role",
        ),
    ],
)
def test_a_mistake_ends_in_one_line_and_touches_nothing(project, tokenizer, stage, prepare, says):
    (project / "models").mkdir()
    prepare(project, tokenizer)
    output = project / OUTPUTS[stage]
    output.mkdir(parents=True, exist_ok=True)
    (output / "from_before").write_text("kept")
    before = files(project / "data") | files(project / "models")

    done = run(project, stage)

    assert done.returncode == 1, done.stderr
    assert re.match(rf"error: .*{says}", done.stderr), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert files(project / "data") | files(project / "models") == before
    assert not (project / "reports").exists()
    assert not list(output.parent.glob(".*.partial"))


def test_a_skipped_line_is_counted(project):
    source(project, "rows.jsonl", json_lines(broken=True))
    set_params(project, "corpus", on_error="skip")
    done = run(project, "slice_corpus")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((project / "reports/slice_corpus/metrics.json").read_text())
    assert metrics["removed"]["unreadable"]["documents"] == 1
    assert metrics["kept"]["documents"] == 200
