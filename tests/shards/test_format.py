"""Shards and windows: every promise of the data contract."""

import json
import os
import signal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.packing import writer
from pipeline.packing.writer import Encoded, ShardWriter, token_dtype, write_manifest, write_split
from pipeline.shards.format import Shards, check_tokenizer
from pipeline.shards.sampler import Windows
from pipeline.tokenizer.tokenizer import BOS, EOS
from tests.helpers.small import write_corpus


class Stream:
    """An open split whose token at place i is i."""

    folder = "data/shards/train"

    def __init__(self, tokens):
        self.tokens = tokens

    def read(self, start, stop):
        assert 0 <= start <= stop <= self.tokens
        return np.arange(start, stop)


def pack(folder, tokenizer, texts, shard_tokens=300, workers=1):
    splits = {}
    for split, some in (("train", texts), ("val", texts[:9])):
        corpus = folder / "corpus" / split
        if not corpus.exists():
            write_corpus(corpus, some)
        splits[split] = write_split(folder / split, corpus, tokenizer.folder, shard_tokens, workers)
    write_manifest(folder, tokenizer, splits)
    return splits


@pytest.fixture(scope="module")
def packed(tokenizer, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    pack(folder, tokenizer, texts)
    return folder


def test_documents_stand_one_after_another_between_their_markers(packed, tokenizer, texts):
    shards = Shards(packed / "train")
    stream = shards.read(0, shards.tokens).tolist()
    expected = [i for text in texts for i in [BOS, *tokenizer.encode(text), EOS]]
    assert stream == expected
    assert len(shards.arrays) > 10
    assert shards.dtype == np.uint16
    assert all(array.ndim == 1 and not array.flags.writeable for array in shards.arrays)


def test_the_manifest_adds_up(packed, texts):
    manifest = json.loads((packed / "manifest.json").read_text())
    train = manifest["train"]
    assert train["documents"] == len(texts)
    assert train["bytes"] == sum(len(text.encode()) for text in texts)
    for key in ("tokens", "documents", "bytes"):
        assert train[key] == sum(shard[key] for shard in train["shards"])


def test_the_bytes_do_not_depend_on_the_number_of_workers(packed, tokenizer, texts, tmp_path):
    pack(tmp_path, tokenizer, texts, workers=2)
    files = sorted(p.relative_to(packed) for p in packed.rglob("*.*"))
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.*"))
    assert len(files) > 30
    assert all((packed / f).read_bytes() == (tmp_path / f).read_bytes() for f in files)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_stretch_is_read_across_files(packed, data):
    shards = Shards(packed / "train")
    whole = np.concatenate(shards.arrays)
    start = data.draw(st.integers(0, shards.tokens))
    stop = data.draw(st.integers(start, shards.tokens))
    assert np.array_equal(shards.read(start, stop), whole[start:stop])


def test_an_altered_shard_is_refused(tokenizer, texts, tmp_path):
    pack(tmp_path, tokenizer, texts[:20])
    path = tmp_path / "train/shard-00001.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"shard-00001\.npy: not the file that manifest\.json describes"):
        Shards(tmp_path / "train")
    path.write_bytes(content[:-10])
    with pytest.raises(UserError, match=r"shard-00001\.npy: not the file that manifest\.json describes"):
        Shards(tmp_path / "train")
    path.unlink()
    with pytest.raises(UserError, match=r"shard-00001\.npy"):
        Shards(tmp_path / "train")
    with pytest.raises(UserError, match="dvc repro pack_shards"):
        Shards(tmp_path / "none/train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: "{", "damaged"),
        (lambda manifest: "\udcff", "damaged: .*utf-8"),
        (lambda manifest: "[]", "damaged: holds a list"),
        (lambda manifest: json.dumps({**manifest, "train": {}}), "damaged: 'documents' is missing"),
        (lambda manifest: json.dumps({**manifest, "train": 3}), "damaged"),
        (lambda manifest: json.dumps({**manifest, "dtype": "wide"}), "damaged"),
        (lambda manifest: json.dumps(manifest).replace("documents", "files"), "damaged: 'documents' is"),
        (lambda manifest: json.dumps(manifest).replace('"sha256"', '"sha"'), "damaged: 'sha256' is"),
        (lambda manifest: json.dumps(manifest).replace('"shard-00000.npy"', "5"), "damaged"),
    ],
)
def test_a_damaged_manifest_is_one_line(packed, tmp_path, change, message):
    manifest = json.loads((packed / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(change(manifest), errors="surrogateescape")
    with pytest.raises(
        UserError, match=rf"manifest\.json: {message}.*dvc repro --force pack_shards"
    ) as error:
        Shards(tmp_path / "train")
    assert "\n" not in str(error.value)


def test_a_split_remembers_its_folder(packed):
    assert Shards(packed / "train").folder == packed / "train"


def test_shards_of_another_tokenizer_are_refused(packed, tokenizer, tmp_path):
    check_tokenizer(packed, tokenizer.folder)
    with pytest.raises(UserError, match="no such file; run `dvc repro train_tokenizer`"):
        check_tokenizer(packed, tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"another")
    with pytest.raises(UserError, match="was packed with another tokenizer; run `dvc repro pack_shards`"):
        check_tokenizer(packed, tmp_path)


def test_large_vocabularies_take_wider_numbers():
    assert token_dtype(1) == token_dtype(65_535) == np.uint16
    assert token_dtype(65_536) == np.uint32


def lose(path):
    path.unlink()


def cut(path):
    path.write_bytes(path.read_bytes()[:-2])


def empty(path):
    path.write_bytes(b"")


def other(path):
    path.write_text("[]")


@pytest.mark.parametrize(
    ("file", "harm"),
    [("json", lose), ("npy", lose), ("npy", cut), ("json", cut), ("json", empty), ("json", other)],
)
def test_a_killed_run_goes_on_after_its_last_whole_shard(
    packed, tokenizer, texts, tmp_path, capsys, file, harm
):
    pack(tmp_path, tokenizer, texts)
    whole = {path.name: path.read_bytes() for path in (packed / "train").glob("*.npy")}
    harm(tmp_path / f"train/shard-00004.{file}")
    for path in sorted((tmp_path / "train").iterdir()):
        if path.stem > "shard-00004":
            path.unlink()
    manifest = json.loads((packed / "manifest.json").read_text())
    kept = sum(shard["documents"] for shard in manifest["train"]["shards"][:4])
    pack(tmp_path, tokenizer, texts)
    assert {path.name: path.read_bytes() for path in (tmp_path / "train").glob("*.npy")} == whole
    assert f"resumed after {kept} documents" in capsys.readouterr().out


def test_a_word_that_is_none_names_its_document(tokenizer, texts, tmp_path):
    longer = "iki söz " * 20_000
    rows = [{"id": f"d{n}", "text": text} for n, text in enumerate([longer, "a" * 70_000, texts[0]])]
    (tmp_path / "corpus").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "corpus/part-00000.parquet")
    with pytest.raises(UserError, match=r"part-00000\.parquet: document d1: text: 70,000 bytes without"):
        write_split(tmp_path / "train", tmp_path / "corpus", tokenizer.folder, 300, 1)


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_split_without_documents_is_one_line(tokenizer, tmp_path):
    write_corpus(tmp_path / "val", [])
    with pytest.raises(UserError, match=r"val: holds no document; run `dvc repro --force slice_corpus`"):
        write_split(tmp_path / "shards", tmp_path / "val", tokenizer.folder, 300, 1)


def test_a_worker_that_is_killed_is_one_line(packed, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_encode", die)
    with pytest.raises(UserError, match=r"^runtime\.workers: 2: a worker has ended too early.*; lower it"):
        write_split(tmp_path, packed / "corpus/train", tokenizer.folder, 300, 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=40), st.integers(1, 60), st.data())
def test_a_shard_ends_with_the_document_that_fills_it(tmp_path_factory, lengths, shard_tokens, data):
    folder = tmp_path_factory.mktemp("cut")
    shards = ShardWriter(folder, shard_tokens)
    first = 0
    while first < len(lengths):  # as many at a time as a row group may bring
        some = lengths[first : first + data.draw(st.integers(1, 9))]
        start = sum(lengths[:first])
        shards.add(Encoded(np.arange(start, start + sum(some)), np.array(some), np.array(some)))
        first += len(some)
    shards.close()
    assert np.array_equal(
        np.concatenate([np.load(folder / s["file"]) for s in shards.shards]), np.arange(sum(lengths))
    )
    ends = set(np.cumsum(lengths).tolist())
    assert set(np.cumsum([shard["tokens"] for shard in shards.shards]).tolist()) <= ends
    assert all(shard["tokens"] >= shard_tokens for shard in shards.shards[:-1])
    longest = max(lengths)
    assert all(shard["tokens"] < shard_tokens + longest for shard in shards.shards)
    assert shards.totals()["documents"] == len(lengths)


sizes = st.tuples(st.integers(1, 9), st.integers(2, 300)).filter(lambda s: s[1] >= 2 * s[0])


@given(sizes, st.integers(0, 5), st.integers(0, 3))
def test_an_epoch_reads_every_window_once_and_nearly_every_target(size, seed, epoch):
    context, tokens = size
    windows = Windows(Stream(tokens), context, seed)
    read = windows.read(epoch * windows.per_epoch, windows.per_epoch)
    targets = read[:, 1:].ravel().tolist()
    assert len(set(targets)) == len(targets)
    assert (tokens - 1) - len(targets) < 2 * context
    assert (np.diff(read, axis=1) == 1).all()  # consecutive tokens


@given(sizes, st.integers(0, 5), st.integers(0, 500), st.integers(1, 12), st.data())
def test_a_steps_windows_do_not_depend_on_how_it_is_cut_or_reached(size, seed, first, count, data):
    context, tokens = size
    whole = Windows(Stream(tokens), context, seed).read(first, count)
    again = Windows(Stream(tokens), context, seed)
    cut = data.draw(st.integers(0, count))
    parts = [again.read(first + cut, count - cut), again.read(first, cut)]
    assert np.array_equal(np.concatenate(parts[::-1]), whole)


def test_epochs_differ_in_order_and_offset():
    windows = Windows(Stream(10_000), 16, seed=3)
    epochs = [windows.read(e * windows.per_epoch, windows.per_epoch)[:, 0] for e in range(4)]
    assert len({int(e.min()) % 16 for e in epochs}) > 1
    assert not np.array_equal(epochs[0], epochs[1])
    other = Windows(Stream(10_000), 16, seed=4).read(0, windows.per_epoch)[:, 0]
    assert not np.array_equal(epochs[0], other)


def test_too_few_tokens_for_a_step_are_named():
    with pytest.raises(
        UserError,
        match=r"^data/shards/train: 100 tokens make 5 windows of 16, but 8 are needed; add text or lower it$",
    ):
        Windows(Stream(100), 16, seed=0).require(8, "add text or lower it")
