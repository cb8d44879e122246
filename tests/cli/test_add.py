"""`tezgah add`: text files of the user become a source of the corpus."""

import gzip
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from pipeline.cli import add, estimate, preset
from pipeline.cli.check import check_params
from pipeline.common.errors import UserError
from pipeline.corpus import params as corpus_params
from pipeline.corpus.readers.files import read_file
from pipeline.corpus.sources.base import list_shards
from tests.helpers.small import sentences

TURKISH = "Şu köşe yaz köşesi.\n\nÇiğdem ile İğde ağacının gölgesi; güneş ışığı, ölçü ve üzüm."


def sources(project):
    return YAML(typ="safe", pure=True).load((project / "params.yaml").read_text())["corpus"]["sources"]


def add_files(*files, name=None, column=None, copy=False, track=False, has_header=True):
    add.add_files(list(files), name, column, copy, track, has_header)


@pytest.fixture
def mine(project):
    file = project / "Şiirlerim.txt"
    file.write_text("\n\n".join(sentences(300)), encoding="utf-8")
    return file


def test_add_files_writes_a_source_and_prints_what_will_run(project, mine, capsys):
    before = (project / "params.yaml").read_text()
    add_files(mine)
    assert sources(project)["siirlerim"] == {
        "kind": "local", "path": "data/raw/corpus/Şiirlerim.txt", "weight": 1.0,
        "without": ["repetition", "prose"],  # short documents of repeated sentences
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
    assert all(line in after for line in before.splitlines())  # all other lines stay, comments too


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1254"])
def test_add_files_copies_other_encodings_as_utf_8(project, encoding, capsys):
    file = project / "eski.txt"
    file.write_bytes(TURKISH.encode(encoding))
    before = file.read_bytes()
    add_files(file)
    placed = project / "data/raw/corpus/eski.txt"
    assert [record.text.strip() for record in read_file(placed)] == TURKISH.split("\n\n")
    assert file.read_bytes() == before
    assert placed.is_symlink() == (encoding in ("utf-8", "utf-8-sig"))
    assert ("is a copy in UTF-8" in capsys.readouterr().out) == (not placed.is_symlink())


def test_add_files_speaks_turkish(project, mine, capsys, monkeypatch):
    monkeypatch.setenv("TEZGAH_LANG", "tr")
    add_files(mine)
    printed = capsys.readouterr().out
    assert f"{mine}: 300 belge; ilki şöyle başlıyor: “" in printed
    assert "`dvc repro` ile çalışacak aşamalar: slice_corpus, " in printed


def test_add_files_takes_several_formats_and_a_column(project):
    rows = [{"başlık": "A", "gövde": text} for text in sentences(40)]
    (project / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (project / "b.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    pq.write_table(pa.Table.from_pylist(rows), project / "c.parquet")
    with pytest.raises(UserError, match="which column is the text"):
        add_files(project / "a.jsonl")
    assert not list((project / "data/raw/corpus").iterdir())
    add_files(
        *(project / name for name in ("a.jsonl", "b.jsonl.gz", "c.parquet")), name="hepsi", column="gövde"
    )
    assert sources(project)["hepsi"]["text_column"] == "gövde"
    assert len(sources(project)["hepsi"]["path"]) == 3


def test_add_files_copies_or_uses_a_file_in_place(project, mine):
    add_files(mine, copy=True)
    placed = project / "data/raw/corpus/Şiirlerim.txt"
    assert not placed.is_symlink()
    assert placed.read_bytes() == mine.read_bytes()
    add_files(placed, name="again")
    assert sources(project)["again"]["path"] == "data/raw/corpus/Şiirlerim.txt"


def test_add_files_takes_a_repeated_file_once_and_escapes_brackets(project, mine):
    odd = mine.rename(project / "şiir [1].txt")
    add_files(odd, odd)
    assert sources(project)["siir-1"]["path"] == "data/raw/corpus/şiir [[]1].txt"
    corpus_params.check_inputs(check_params().corpus, project)


def test_add_files_works_where_the_device_is_missing(project, mine, capsys):
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("device: auto", "device: cuda:7"))
    add_files(mine)
    assert "siirlerim" in sources(project)
    assert "evaluate; `tezgah plan` measures how long it takes\n" in capsys.readouterr().out


def test_add_files_does_not_track_a_refused_file(project, mine):
    subprocess.run(["git", "init", "-q"], check=True, cwd=project)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True, cwd=project)
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("val_fraction: 0.06", "val_fraction: 0.96"))
    with pytest.raises(UserError, match="leave nothing to train on"):
        add_files(mine, track=True)
    assert not list((project / "data/raw/corpus").iterdir())


def test_add_files_tracks_a_file_with_dvc(project, mine):
    subprocess.run(["git", "init", "-q"], check=True, cwd=project)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True, cwd=project)
    add_files(mine, track=True)
    assert (project / "data/raw/corpus/Şiirlerim.txt.dvc").is_file()


def test_add_files_notes_too_little_text(project, capsys):
    yaml = YAML()
    params = yaml.load((project / "params.yaml").read_text())
    params["corpus"]["sources"]["miniworld"]["documents"] = 100
    with open(project / "params.yaml", "w") as file:
        yaml.dump(params, file)
    (project / "az.txt").write_text("Kısa bir metin, o kadar.\n\nBir daha olsun, bir daha.")
    add_files(project / "az.txt")
    printed = capsys.readouterr().out
    assert "is little for tokenizer.vocab_size 6144; 512 would suit it better" in printed
    assert "more text is better, or train.steps" in printed


def test_add_files_refuses_a_link_to_itself(project):
    (project / "loop.txt").symlink_to("loop.txt")
    with pytest.raises(UserError, match=r"loop\.txt: no such file"):
        add_files(project / "loop.txt")


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("yok.txt", None, {}, "yok.txt: no such file"),
        ("a.docx", b"PK\x03\x04", {}, "a.docx: of no known format"),
        ("a.txt", b"\x00\x01\xff\xfe" * 10, {}, "a.txt: no text; give txt"),
        ("a.txt", b" \n\n ", {}, "a.txt: no text in it"),
        ("a.txt", b"Bir.", {"name": "b c"}, "--name: 'b c': letters"),
        ("a.txt", b"Bir.", {"name": "miniworld"}, r"corpus\.sources\.miniworld: already exists"),
        ("a.jsonl", b'{"text": "Bir."}\n{', {}, r"a\.jsonl:2: not JSON"),
        ("a.csv", b"text;x\nBir;2\n", {"column": "y"}, "no column 'y'"),
        ("a.txt", b"Bir.\n\nIki.", {}, r"a\.txt: no text of corpus\.min_chars 20 characters"),
        ("a.txt", "Şu köşe, bu köşe: ".encode() * 99_000 + b"\xff", {}, "not UTF-8 at byte 2277000"),
        ("a.csv", b"Bir.\nIki.\n", {"column": "2", "has_header": False}, "no column '2'"),
        ("a.txt", b"Bir \x8d", {}, "neither UTF-8 nor windows-1254 at byte 4"),
        ("a.txt", "Şu köşe yaz köşesi.".encode("utf-16")[:-1], {}, "not UTF-16 at byte 38"),
    ],
)
def test_add_files_refuses_a_mistake_and_leaves_nothing(project, name, content, options, message):
    before = (project / "params.yaml").read_bytes()
    if content is not None:
        (project / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        add_files(project / name, **options)
    assert (project / "params.yaml").read_bytes() == before
    assert not list((project / "data/raw/corpus").iterdir())


def test_add_files_refuses_a_folder_and_a_name_in_use(project, mine):
    with pytest.raises(UserError, match="a folder; name its files"):
        add_files(project / "data")
    (project / "data/raw/corpus/Şiirlerim.txt").write_text("Başka.")
    with pytest.raises(UserError, match=r"Şiirlerim\.txt: already exists; rename"):
        add_files(mine)
    assert (project / "data/raw/corpus/Şiirlerim.txt").read_text() == "Başka."


def test_add_files_suggests_a_first_run_where_it_is_short(project, mine, monkeypatch, capsys):
    monkeypatch.setattr(estimate, "stored_rate", lambda *_: 4e11)
    add_files(mine)
    assert "a first look: dvc exp run -S train.steps=150 -S encoder.steps=30" in capsys.readouterr().out
    preset.run_preset(["modern-42m"], False)  # which takes hours
    add_files(mine, name="again", copy=False)
    assert "a first look" not in capsys.readouterr().out


def test_add_files_advises_blank_lines_for_long_documents(project, capsys):
    file = project / "kitap.txt"
    file.write_text("\n".join(sentences(2_000)), encoding="utf-8")
    add_files(file)
    assert "they are long: put a blank line between documents" in capsys.readouterr().out


ROWS = [{"Başlık": "Bir", "Metin": text, "sıra": "1"} for text in sentences(40)]
LINES = "\n".join(map(json.dumps, ROWS))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.TXT", "\n\n".join(sentences(40))),
        ("a.JSONL.GZ", gzip.compress(LINES.encode(), mtime=0)),
        ("c4.json.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("a.json", json.dumps(ROWS, ensure_ascii=False, indent=2)),
        ("a.CSV", "Başlık;METİN\n" + "\n".join(f'Bir;"{row["Metin"]}"' for row in ROWS)),
        ("sep.csv", "sep=|\nMETIN|b\n" + "\n".join(f"{row['Metin']}|a;b" for row in ROWS)),
        ("mac.txt", "\r\r".join(sentences(40))),
        ("nul.txt", "\n\n".join(sentences(40)) + "\0\0"),
    ],
)
def test_add_files_takes_what_people_bring(project, name, content, capsys):
    (project / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    add_files(project / name)
    printed = capsys.readouterr().out
    assert f"{name}: 40 documents; the first begins “" in printed
    assert ("nul.txt: 2 NUL characters are left out" in printed) == (name == "nul.txt")


@pytest.mark.parametrize("column", [r"{başlık}\n\n{gövde}\t.", "{başlık}\n\n{gövde}\t."])
def test_add_files_and_the_stage_read_a_backslash_in_a_column_as_a_line_break(project, column):
    rows = [{"başlık": "A", "gövde": text} for text in sentences(40)]
    (project / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    add_files(project / "a.jsonl", column=column)
    corpus = check_params().corpus
    (shard,) = list_shards(corpus, "a", 1, project)
    texts = [record.text for record in shard.records()]
    assert texts == [f"A\n\n{text}\t." for text in sentences(40)]


def test_add_files_says_that_the_first_line_is_taken_for_a_name(project, capsys):
    file = project / "a.csv"
    file.write_text("\n".join(["İlk metin.", *(f'"{text}"' for text in sentences(39))]), encoding="utf-8")
    add_files(file)
    printed = capsys.readouterr().out
    assert "a.csv: 39 documents" in printed
    assert f"note: {file}: the first line is taken for the column's name: 'İlk metin.'; where" in printed
    assert "set header: false (`tezgah add`: --no-header)" in printed
    add_files(file, name="all", has_header=False)
    printed = capsys.readouterr().out
    assert "a.csv: 40 documents" in printed
    assert "first line" not in printed
    assert sources(project)["all"]["header"] is False
    check_params()


def test_add_files_skips_what_the_stage_will_skip(project, capsys):
    params = (project / "params.yaml").read_text()
    file = project / "a.jsonl"
    file.write_bytes(LINES.encode() + b'\n{"Metin": \n{"Metin": "\xc5\x9f \xff"}\n')
    with pytest.raises(UserError, match="not UTF-8 at byte"):
        add_files(file)
    (project / "params.yaml").write_text(params.replace("on_error: fail", "on_error: skip"))
    add_files(file)
    printed = capsys.readouterr().out
    assert "40 documents" in printed
    assert f"note: {file}: unreadable records that are left out: 2; the first: {file}:41: not JSON" in printed


def test_add_files_names_the_file_of_the_user(project):
    file = project / "a.csv"
    file.write_bytes("metin;n\nŞu köşe yaz köşesi;1;2\n".encode("cp1254"))  # which is copied
    with pytest.raises(UserError, match=rf"^{file}:2: 3 columns, not 2"):
        add_files(file)


def test_add_files_refuses_two_files_of_one_name(project, mine):
    (project / "b").mkdir()
    other = project / "b" / mine.name
    other.write_text("Başka bir metin, o kadar da kısa değil.")
    with pytest.raises(
        UserError, match=rf"^{other}: another of these files is called {mine.name} too; rename"
    ):
        add_files(mine, other)
    assert not list((project / "data/raw/corpus").iterdir())


def test_add_files_advises_blank_lines_in_text_only(project, capsys):
    (project / "kitap.jsonl").write_text(json.dumps({"text": "\n".join(sentences(2_000))}))
    add_files(project / "kitap.jsonl")
    assert "they are long" not in capsys.readouterr().out


def test_add_files_shows_a_tab(project, capsys):
    (project / "a.txt").write_text("1\tBir metin, o kadar da kısa değil.")
    add_files(project / "a.txt")
    assert r"begins “1\tBir metin" in capsys.readouterr().out
