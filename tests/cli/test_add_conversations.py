"""`tezgah add --sft`: conversations of the user become a source of tuning, and are told apart from text."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from pipeline.cli.add import add_files
from pipeline.cli.add_conversations import add_conversations
from pipeline.cli.check import check_params
from pipeline.cli.detect_conversations import is_conversation
from pipeline.cli.main import app
from pipeline.common.errors import UserError
from tests.helpers.small import sentences

TURNS = [{"role": "user", "content": "Kedi ne içer?"}, {"role": "assistant", "content": "Süt içer."}]
GPT = [{"from": "human", "value": "Kedi ne içer?"}, {"from": "gpt", "value": "Süt içer."}]
ROWS = {
    "messages": {"messages": TURNS},
    "sharegpt": {"id": "1", "conversations": GPT},
    "alpaca": {"instruction": "Kedi ne içer?", "input": "", "output": "Süt içer.", "text": "Kedi … içer."},
    "prompt": {"prompt": "Kedi ne içer?", "response": "Süt içer."},
    "tools": {"messages": [{"role": "user", "content": "Kim?", "tool_calls": ["a"]}]},
}


def sft_sources(project):
    return YAML(typ="safe", pure=True).load((project / "params.yaml").read_text())["sft"]["sources"]


def write_rows(file, row, count=3):
    file.write_text((json.dumps(row, ensure_ascii=False) + "\n") * count, encoding="utf-8")
    return file


def snapshot(project):
    files = [file for file in (project / "data/raw").rglob("*") if not file.is_dir()]
    return (project / "params.yaml").read_bytes(), files


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_add_tells_where_conversations_belong_and_leaves_nothing(project, row):
    file, before = write_rows(project / "sohbet 1.jsonl", row), snapshot(project)
    with pytest.raises(UserError) as caught:
        add_files([file], None, None, False, False)
    assert str(caught.value) == (
        f"{file}: holds conversations, no documents; `tezgah add --sft '{file}'` puts it under data/raw/sft"
        " (as text: name its --column)"
    )
    assert snapshot(project) == before


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.parquet", "a.csv", "a.json"])
def test_add_recognises_conversations_in_every_format(project, name):
    file = project / name
    match name:
        case "a.jsonl.gz":
            file.write_bytes(gzip.compress(json.dumps(ROWS["messages"]).encode()))
        case "a.parquet":
            pq.write_table(pa.Table.from_pylist([ROWS["messages"]] * 3), file)
        case "a.csv":
            file.write_text("prompt;response\nKim?;Ben.\n")
        case _:
            file.write_text(json.dumps([ROWS["sharegpt"]], indent=1))
    advice = rf"`tezgah add --sft .*{name}` puts it under data/raw/sft"
    with pytest.raises(UserError, match=f"{name}: holds conversations, no documents; {advice}"):
        add_files([file], None, None, False, False)
    add_conversations([file], None, None, False, False)
    assert sft_sources(project)["a"] == {"kind": "local", "path": f"data/raw/sft/{name}"}


def test_add_conversations_refuses_files_of_unknown_formats(project):
    (project / "a.txt").write_text("Merhaba!")
    with pytest.raises(UserError, match=r"a\.txt: of no known format; rename or convert it to one of jsonl"):
        add_conversations([project / "a.txt"], None, None, False, False)


def test_documents_are_no_conversations(project, capsys):
    for row in ({"text": "Bir."}, {"messages": "Bir."}, {"messages": []}, {"messages": [{"user": "a"}]},
                {"prompt": "Bir."}, {"prompt": "Bir.", "response": None}, {}):  # fmt: skip
        assert not is_conversation(row)
    rows = [{"prompt": text, "response": text} for text in sentences(40)]
    (project / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    add_files([project / "a.jsonl"], None, "response", False, False)  # its owner says that it is text
    assert "40 documents" in capsys.readouterr().out


def test_add_conversations_writes_a_source_and_prints_what_will_run(project, capsys):
    before = (project / "params.yaml").read_text().splitlines()
    file = write_rows(project / "Sohbetlerim.jsonl", {**ROWS["messages"], "id": 1})
    app(["add", "--sft", str(file)], standalone_mode=False)
    placed = project / "data/raw/sft/Sohbetlerim.jsonl"
    assert placed.is_symlink()
    assert placed.samefile(file)
    assert sft_sources(project)["sohbetlerim"] == {"kind": "local", "path": "data/raw/sft/Sohbetlerim.jsonl"}
    assert "miniworld" in sft_sources(project)
    assert set(before) <= set((project / "params.yaml").read_text().splitlines())
    check_params()
    printed = capsys.readouterr().out
    assert f"{file}: 3 conversations; the first begins “Kedi ne içer?…”" in printed
    assert f"note: {file}: keys without effect: id" in printed
    assert "`dvc repro` will run: train_sft, evaluate; " in printed


def test_add_conversations_copies_other_encodings_as_utf_8(project, capsys):
    one, two = project / "bir.jsonl", project / "iki.jsonl"
    one.write_bytes(json.dumps(ROWS["prompt"], ensure_ascii=False).encode("cp1254"))
    write_rows(two, ROWS["alpaca"])
    add_conversations([one, two], "mine", None, copy=True, track=False)
    paths = ["data/raw/sft/bir.jsonl", "data/raw/sft/iki.jsonl"]
    assert sft_sources(project)["mine"] == {"kind": "local", "path": paths}
    assert "içer" in (project / paths[0]).read_text(encoding="utf-8")
    assert not (project / paths[1]).is_symlink()
    assert "bir.jsonl: 1 conversations; the first begins “Kedi ne içer?…”" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, [], "a.jsonl: no such file"),
        ("", [], "no conversation in it"),
        (json.dumps(ROWS["prompt"]) + "\n{", [], r"a\.jsonl:2: not JSON.*, or set sft.on_error: skip"),
        ('{"metin": "Kim?"}', [], r"a\.jsonl:1: 'metin': no conversation; give messages"),
        (json.dumps(ROWS["tools"]), [], "tools are not supported"),
        (json.dumps(ROWS["prompt"]), ["--name", "miniworld"], r"sft\.sources\.miniworld: already exists"),
        (json.dumps(ROWS["prompt"]), ["--name", "b c"], "--name: 'b c': letters"),
        (json.dumps(ROWS["prompt"]), ["--column", "prompt"], "--column: 'prompt': give user=…,assistant=…"),
        (json.dumps(ROWS["prompt"]), ["--no-header"], "--no-header: conversations need names of columns"),
    ],
)
def test_add_conversations_refuses_a_mistake_and_leaves_nothing(project, content, arguments, message):
    if content is not None:
        (project / "a.jsonl").write_text(content)
    before = snapshot(project)
    with pytest.raises(UserError, match=message):
        app(["add", "--sft", str(project / "a.jsonl"), *arguments], standalone_mode=False)
    assert snapshot(project) == before


def test_add_conversations_takes_columns_of_other_names(project, capsys):
    (project / "özet.csv").write_text(",metin,ozet\n0,Kedi süt içti.,Kedi içti.\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"such as {user: metin, assistant: ozet}"):
        app(["add", "--sft", "özet.csv"], standalone_mode=False)
    command = [
        "add",
        "--sft",
        "özet.csv",
        "--name",
        "o",
        "--column",
        "user=Oku, özetle: {metin},assistant=ozet",
    ]
    app(command, standalone_mode=False)
    assert sft_sources(project)["o"]["columns"] == {"user": "Oku, özetle: {metin}", "assistant": "ozet"}
    assert "the first begins “Oku, özetle: Kedi süt içti.…”" in capsys.readouterr().out
    check_params()
