"""`tezgah shards`: what is packed, and the text of any window."""

import shutil

import pytest

from pipeline.cli.show_shards import run
from pipeline.common.errors import UserError
from pipeline.packing.writer import write_manifest, write_split
from pipeline.tokenizer.tokenizer import BOS, EOS
from tests.helpers.small import write_corpus


@pytest.fixture
def packed(tokenizer, texts, tmp_path, monkeypatch):
    shutil.copytree(tokenizer.folder, tmp_path / "models/tokenizer")
    write_corpus(tmp_path / "corpus", texts[:30])
    folder = tmp_path / "data/shards"
    split = write_split(folder / "train", tmp_path / "corpus", tokenizer.folder, 300, 1)
    write_manifest(folder, tokenizer, {"train": split})
    monkeypatch.chdir(tmp_path)
    return split


def test_a_row_for_each_file_and_the_sum(packed, capsys):
    run("train", None, 9)
    printed = capsys.readouterr().out
    for shard in packed["shards"]:
        assert shard["file"] in printed
        assert shard["sha256"][:12] in printed
    assert f"{packed['tokens']:,}" in printed


def test_a_window_is_read_as_text_with_the_documents_marks(packed, tokenizer, texts, capsys):
    first = [BOS, *tokenizer.encode(texts[0]), EOS]
    run("train", len(first) - 6, 20)
    shown = capsys.readouterr().out.split("┘\n")[-1].splitlines()
    assert texts[0].endswith(shown[0])
    assert shown[1:3] == ["</s>", "<s>"]
    assert texts[1].startswith(shown[3])


@pytest.mark.parametrize(
    ("split", "start", "count", "message"),
    [
        ("test", None, 9, "--split: test: no such split; there are train"),
        ("train", 10**9, 9, "--start 1000000000 --count 9: no such window"),
        ("train", -1, 9, "no such window"),
        ("train", 0, 0, "no such window"),
    ],
)
def test_what_is_not_there(packed, split, start, count, message):
    with pytest.raises(UserError, match=message):
        run(split, start, count)
