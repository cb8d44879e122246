"""`tezgah shards`: the table of shards, and the text of any window."""

import shutil

import pytest

from pipeline.cli.show_shards import print_shards
from pipeline.common.errors import UserError
from pipeline.packing.writer import write_manifest, write_split
from pipeline.tokenizer.special import BOS, EOS
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


def test_print_shards_prints_a_row_for_each_file_and_the_sum(packed, capsys):
    print_shards("train", None, 9)
    printed = capsys.readouterr().out
    for shard in packed["shards"]:
        assert shard["file"] in printed
        assert shard["sha256"][:12] in printed
    assert f"{packed['tokens']:,}" in printed


def test_print_shards_prints_a_turkish_table(packed, capsys, monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    print_shards("train", None, 9)
    head, *_, last, _ = capsys.readouterr().out.splitlines()
    assert head.strip() == "data/shards/train"  # a path stays
    assert last.split("│")[1:3] == [f" {'toplam':15} ", f" {packed['tokens']:,} ".replace(",", ".")]


def test_print_shards_prints_a_window_with_document_markers(packed, tokenizer, texts, capsys):
    first = [BOS, *tokenizer.encode(texts[0]), EOS]
    print_shards("train", len(first) - 6, 20)
    lines = capsys.readouterr().out.split("┘\n")[-1].splitlines()
    assert texts[0].endswith(lines[0])
    assert lines[1:3] == ["</s>", "<s>"]
    assert texts[1].startswith(lines[3])


@pytest.mark.parametrize(
    ("split", "start", "count", "message"),
    [
        ("test", None, 9, "--split: test: no such split; there are train"),
        ("train", 10**9, 9, "--start 1000000000 --count 9: no such window"),
        ("train", -1, 9, "no such window"),
        ("train", 0, 0, "no such window"),
    ],
)
def test_print_shards_refuses_an_unknown_split_or_window(packed, split, start, count, message):
    with pytest.raises(UserError, match=message):
        print_shards(split, start, count)
