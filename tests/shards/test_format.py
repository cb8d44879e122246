"""Shards are read across files and checked against their manifest."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.shards.format import Shards, check_tokenizer
from tests.helpers.small import pack_splits


@pytest.fixture(scope="module")
def packed(tokenizer, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    pack_splits(folder, tokenizer, texts)
    return folder


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_shards_read_crosses_files(packed, data):
    shards = Shards(packed / "train")
    whole = np.concatenate(shards.arrays)
    start = data.draw(st.integers(0, shards.tokens))
    stop = data.draw(st.integers(start, shards.tokens))
    assert np.array_equal(shards.read(start, stop), whole[start:stop])


def test_shards_refuse_an_altered_file(tokenizer, texts, tmp_path):
    pack_splits(tmp_path, tokenizer, texts[:20])
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
def test_shards_refuse_a_damaged_manifest_in_one_line(packed, tmp_path, change, message):
    manifest = json.loads((packed / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(change(manifest), errors="surrogateescape")
    with pytest.raises(
        UserError, match=rf"manifest\.json: {message}.*dvc repro --force pack_shards"
    ) as error:
        Shards(tmp_path / "train")
    assert "\n" not in str(error.value)


def test_shards_know_their_folder(packed):
    assert Shards(packed / "train").folder == packed / "train"


def test_check_tokenizer_refuses_another_tokenizer(packed, tokenizer, tmp_path):
    check_tokenizer(packed, tokenizer.folder)
    with pytest.raises(UserError, match="no such file; run `dvc repro train_tokenizer`"):
        check_tokenizer(packed, tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"another")
    with pytest.raises(UserError, match="was packed with another tokenizer; run `dvc repro pack_shards`"):
        check_tokenizer(packed, tmp_path)
