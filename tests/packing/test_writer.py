"""Shards are the documents in order, with a manifest that adds up; a killed run resumes."""

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
from pipeline.packing.writer import EncodedDocuments, ShardWriter, token_dtype, write_split
from pipeline.shards.format import Shards
from pipeline.tokenizer.special import BOS, EOS
from tests.helpers.small import pack_splits, write_corpus


@pytest.fixture(scope="module")
def packed(tokenizer, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    pack_splits(folder, tokenizer, texts)
    return folder


def test_write_split_stores_documents_one_after_another_from_bos_to_eos(packed, tokenizer, texts):
    shards = Shards(packed / "train")
    stream = shards.read(0, shards.tokens).tolist()
    expected = [i for text in texts for i in [BOS, *tokenizer.encode(text), EOS]]
    assert stream == expected
    assert len(shards.arrays) > 10
    assert shards.dtype == np.uint16
    assert all(array.ndim == 1 and not array.flags.writeable for array in shards.arrays)


def test_write_manifest_counts_tokens_documents_and_bytes(packed, texts):
    manifest = json.loads((packed / "manifest.json").read_text())
    train = manifest["train"]
    assert train["documents"] == len(texts)
    assert train["bytes"] == sum(len(text.encode()) for text in texts)
    for key in ("tokens", "documents", "bytes"):
        assert train[key] == sum(shard[key] for shard in train["shards"])


def test_write_split_writes_the_same_bytes_with_any_number_of_workers(packed, tokenizer, texts, tmp_path):
    pack_splits(tmp_path, tokenizer, texts, workers=2)
    files = sorted(p.relative_to(packed) for p in packed.rglob("*.*"))
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.*"))
    assert len(files) > 30
    assert all((packed / f).read_bytes() == (tmp_path / f).read_bytes() for f in files)


def test_token_dtype_widens_for_large_vocabularies():
    assert token_dtype(1) == token_dtype(65_535) == np.uint16
    assert token_dtype(65_536) == np.uint32


def remove(path):
    path.unlink()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-2])


def empty(path):
    path.write_bytes(b"")


def replace_by_a_list(path):
    path.write_text("[]")


@pytest.mark.parametrize(
    ("file", "harm"),
    [
        ("json", remove),
        ("npy", remove),
        ("npy", truncate),
        ("json", truncate),
        ("json", empty),
        ("json", replace_by_a_list),
    ],
)
def test_write_split_resumes_after_the_last_finished_shard(
    packed, tokenizer, texts, tmp_path, capsys, file, harm
):
    pack_splits(tmp_path, tokenizer, texts)
    whole = {path.name: path.read_bytes() for path in (packed / "train").glob("*.npy")}
    harm(tmp_path / f"train/shard-00004.{file}")
    for path in sorted((tmp_path / "train").iterdir()):
        if path.stem > "shard-00004":
            path.unlink()
    manifest = json.loads((packed / "manifest.json").read_text())
    kept = sum(shard["documents"] for shard in manifest["train"]["shards"][:4])
    pack_splits(tmp_path, tokenizer, texts)
    assert {path.name: path.read_bytes() for path in (tmp_path / "train").glob("*.npy")} == whole
    assert f"resumed after {kept} documents" in capsys.readouterr().out


def test_write_split_names_the_document_of_a_word_too_long(tokenizer, texts, tmp_path):
    longer = "iki söz " * 20_000
    rows = [{"id": f"d{n}", "text": text} for n, text in enumerate([longer, "a" * 70_000, texts[0]])]
    (tmp_path / "corpus").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "corpus/part-00000.parquet")
    with pytest.raises(UserError, match=r"part-00000\.parquet: document d1: text: 70,000 bytes without"):
        write_split(tmp_path / "train", tmp_path / "corpus", tokenizer.folder, 300, 1)


def kill_self(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_write_split_refuses_a_split_without_documents(tokenizer, tmp_path):
    write_corpus(tmp_path / "val", [])
    with pytest.raises(UserError, match=r"val: holds no document; run `dvc repro --force slice_corpus`"):
        write_split(tmp_path / "shards", tmp_path / "val", tokenizer.folder, 300, 1)


def test_write_split_reports_a_killed_worker_in_one_line(packed, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_encode_row_group", kill_self)
    with pytest.raises(UserError, match=r"^runtime\.workers: 2: a worker has ended too early.*; lower it"):
        write_split(tmp_path, packed / "corpus/train", tokenizer.folder, 300, 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=40), st.integers(1, 60), st.data())
def test_shard_writer_ends_a_shard_with_the_document_that_fills_it(
    tmp_path_factory, lengths, shard_tokens, data
):
    folder = tmp_path_factory.mktemp("cut")
    shards = ShardWriter(folder, shard_tokens)
    first = 0
    while first < len(lengths):  # as many at a time as a row group may bring
        counts = lengths[first : first + data.draw(st.integers(1, 9))]
        start = sum(lengths[:first])
        shards.add(
            EncodedDocuments(np.arange(start, start + sum(counts)), np.array(counts), np.array(counts))
        )
        first += len(counts)
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
