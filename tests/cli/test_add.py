"""`tezgah add`: text files of the user's become a source of the corpus."""

import gzip
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from pipeline.cli import add, estimate, preset
from pipeline.cli.check import check
from pipeline.common.errors import UserError
from pipeline.corpus import params as corpus_params
from pipeline.corpus.readers.files import file_records
from tests.helpers.small import sentences

TURKISH = "Şu köşe yaz köşesi.\n\nÇiğdem ile İğde ağacının gölgesi; güneş ışığı, ölçü ve üzüm."


def sources(project):
    return YAML(typ="safe", pure=True).load((project / "params.yaml").read_text())["corpus"]["sources"]


def added(*files, name=None, column=None, copy=False, track=False):
    add.run(list(files), name, column, copy, track)


@pytest.fixture
def mine(project):
    file = project / "Şiirlerim.txt"
    file.write_text("\n\n".join(sentences(300)), encoding="utf-8")
    return file


def test_a_text_becomes_a_source_beside_the_others_and_says_what_follows(project, mine, capsys):
    before = (project / "params.yaml").read_text()
    added(mine)
    assert sources(project)["siirlerim"] == {
        "kind": "local", "path": "data/raw/corpus/Şiirlerim.txt", "weight": 1.0,
        "without": ["repetition", "prose"],  # as short as they are, and as often as sentences return
    }  # fmt: skip
    assert "miniworld" in sources(project)
    placed = project / "data/raw/corpus/Şiirlerim.txt"
    assert placed.is_symlink()
    assert placed.samefile(mine)
    printed = capsys.readouterr().out
    assert "300 documents; the first begins “" in printed
    assert "more than a fifth of the documents break do not look at them: repetition, prose" in printed
    assert "will run: slice_corpus, train_tokenizer, pack_shards" in printed
    after = iter((project / "params.yaml").read_text().splitlines())
    assert all(line in after for line in before.splitlines())  # all else stays as it was, comments too


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1254"])
def test_other_encodings_are_copied_as_utf_8_and_the_file_stays(project, encoding, capsys):
    file = project / "eski.txt"
    file.write_bytes(TURKISH.encode(encoding))
    before = file.read_bytes()
    added(file)
    placed = project / "data/raw/corpus/eski.txt"
    assert [record.text.strip() for record in file_records(placed)] == TURKISH.split("\n\n")
    assert file.read_bytes() == before
    assert placed.is_symlink() == (encoding in ("utf-8", "utf-8-sig"))
    assert ("is a copy in UTF-8" in capsys.readouterr().out) == (not placed.is_symlink())


def test_several_files_of_several_formats_and_a_named_column(project):
    rows = [{"başlık": "A", "gövde": text} for text in sentences(40)]
    (project / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (project / "b.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    pq.write_table(pa.Table.from_pylist(rows), project / "c.parquet")
    with pytest.raises(UserError, match="which column is the text"):
        added(project / "a.jsonl")
    assert not list((project / "data/raw/corpus").iterdir())
    added(*(project / name for name in ("a.jsonl", "b.jsonl.gz", "c.parquet")), name="hepsi", column="gövde")
    assert sources(project)["hepsi"]["text_column"] == "gövde"
    assert len(sources(project)["hepsi"]["path"]) == 3


def test_copies_are_copies_and_what_lies_there_already_is_taken_as_it_is(project, mine):
    added(mine, copy=True)
    placed = project / "data/raw/corpus/Şiirlerim.txt"
    assert not placed.is_symlink()
    assert placed.read_bytes() == mine.read_bytes()
    added(placed, name="again")
    assert sources(project)["again"]["path"] == "data/raw/corpus/Şiirlerim.txt"


def test_a_file_named_twice_is_taken_once_and_brackets_in_a_name_are_no_glob(project, mine):
    odd = mine.rename(project / "şiir [1].txt")
    added(odd, odd)
    assert sources(project)["siir-1"]["path"] == "data/raw/corpus/şiir [[]1].txt"
    corpus_params.check_inputs(check().corpus, project)


def test_text_is_added_where_the_card_of_params_is_missing(project, mine, capsys):
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("device: auto", "device: cuda:7"))
    added(mine)
    assert "siirlerim" in sources(project)
    assert "this machine cannot tell" in capsys.readouterr().out


def test_a_refused_file_is_not_tracked(project, mine):
    subprocess.run(["git", "init", "-q"], check=True, cwd=project)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True, cwd=project)
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("val_fraction: 0.06", "val_fraction: 0.96"))
    with pytest.raises(UserError, match="leave nothing to train on"):
        added(mine, track=True)
    assert not list((project / "data/raw/corpus").iterdir())


def test_dvc_add_keeps_a_file(project, mine):
    subprocess.run(["git", "init", "-q"], check=True, cwd=project)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True, cwd=project)
    added(mine, track=True)
    assert (project / "data/raw/corpus/Şiirlerim.txt.dvc").is_file()


def test_too_little_text_is_said(project, capsys):
    YAML_ = YAML()
    params = YAML_.load((project / "params.yaml").read_text())
    params["corpus"]["sources"]["miniworld"]["documents"] = 100
    with open(project / "params.yaml", "w") as file:
        YAML_.dump(params, file)
    (project / "az.txt").write_text("Kısa bir metin, o kadar.\n\nBir daha olsun, bir daha.")
    added(project / "az.txt")
    printed = capsys.readouterr().out
    assert "is little for tokenizer.vocab_size 6144; 512 would suit it better" in printed
    assert "more text is better, or train.steps" in printed


@pytest.mark.parametrize(
    ("name", "content", "options", "says"),
    [
        ("yok.txt", None, {}, "yok.txt: no such file"),
        ("a.docx", b"PK\x03\x04", {}, "a.docx: of no known format"),
        ("a.txt", b"\x00\x01\xff\xfe" * 10, {}, "a.txt: no text; give txt"),
        ("a.txt", b" \n\n ", {}, "a.txt: no text in it"),
        ("a.txt", b"Bir.", {"name": "b c"}, "--name: 'b c': letters"),
        ("a.txt", b"Bir.", {"name": "miniworld"}, r"corpus\.sources\.miniworld: is there already"),
        ("a.jsonl", b'{"text": "Bir."}\n{', {}, r"a\.jsonl:2: not JSON"),
        ("a.csv", b"text;x\nBir;2\n", {"column": "y"}, "no column 'y'"),
        ("a.txt", b"Bir.\n\nIki.", {}, r"a\.txt: no text of corpus\.min_chars 20 characters"),
        ("a.txt", "Şu köşe, bu köşe: ".encode() * 99_000 + b"\xff", {}, "not UTF-8 at byte 2277000"),
        ("a.txt", b"Bir \x8d", {}, "neither UTF-8 nor windows-1254 at byte 4"),
        ("a.txt", "Şu köşe yaz köşesi.".encode("utf-16")[:-1], {}, "not UTF-16 at byte 38"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(project, name, content, options, says):
    before = (project / "params.yaml").read_bytes()
    if content is not None:
        (project / name).write_bytes(content)
    with pytest.raises(UserError, match=says):
        added(project / name, **options)
    assert (project / "params.yaml").read_bytes() == before
    assert not list((project / "data/raw/corpus").iterdir())


def test_a_folder_and_another_file_of_the_same_name_are_refused(project, mine):
    with pytest.raises(UserError, match="a folder; name its files"):
        added(project / "data")
    (project / "data/raw/corpus/Şiirlerim.txt").write_text("Başka.")
    with pytest.raises(UserError, match=r"Şiirlerim\.txt: is there already; rename"):
        added(mine)
    assert (project / "data/raw/corpus/Şiirlerim.txt").read_text() == "Başka."


def test_a_first_look_is_offered_where_it_is_short(project, mine, monkeypatch, capsys):
    monkeypatch.setattr(estimate, "machine_rate", lambda *_: 4e11)
    added(mine)
    assert "a first look: dvc exp run -S train.steps=150 -S encoder.steps=30" in capsys.readouterr().out
    preset.run(["modern-42m"], False)  # for hours
    added(mine, name="again", copy=False)
    assert "a first look" not in capsys.readouterr().out


def test_long_documents_lack_their_blank_lines(project, capsys):
    file = project / "kitap.txt"
    file.write_text("\n".join(sentences(2_000)), encoding="utf-8")
    added(file)
    assert "they are long: put a blank line between documents" in capsys.readouterr().out
