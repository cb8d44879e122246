"""Sources of conversations: every format and shape in one run, what is dropped, and what is drawn."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.sft.dataset import build_dataset
from pipeline.sft.load import check_sources, count_findings, list_notes, load_sources
from pipeline.sft.preview import CLOSE, OPEN, preview_sources, write_page


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "data/raw/sft"
    folder.mkdir(parents=True)
    return folder


def rows_of(shape, start, count=12):
    """Return rows of a shape, with questions that no other has."""
    for i in range(start, start + count):
        question, answer = f"{i}. soru nedir?", f"{i} numaralı cevap."
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        match shape:
            case "messages":
                yield {"messages": messages}
            case "sharegpt":
                turns = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
                yield {"conversations": turns}
            case "parts":
                parts = [{"type": "text", "text": question}, {"type": "image_url", "image_url": {}}]
                yield {"messages": [{"role": "user", "content": parts}, messages[1]]}
            case "trl":
                yield {"prompt": messages[:1], "completion": messages[1:]}
            case names:
                yield dict(zip(names.split(), (question, answer), strict=True))


def write_twelve_files(folder):
    """Write a file of every shape and format, and return the sources."""
    files = {
        "a.jsonl": "messages", "b.json": "sharegpt", "c.jsonl.gz": "instruction output",
        "d.csv": "soru cevap", "e.tsv": "talimat çıktı", "f.parquet": "messages",
        "g.jsonl": "prompt completion", "h.parquet": "question answer", "i.csv": "instruction response",
        "j.jsonl": "parts", "k.jsonl": "trl", "l.csv": "metin ozet",
    }  # fmt: skip
    for number, (name, shape) in enumerate(files.items()):
        rows, path = list(rows_of(shape, 100 * number)), folder / name
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        match name.partition(".")[2]:
            case "parquet":
                pq.write_table(pa.Table.from_pylist(rows), path)
            case "csv" | "tsv":
                mark = "," if name.endswith("csv") else "\t"
                table = [mark.join(rows[0]), *(mark.join(row.values()) for row in rows)]
                path.write_text("\n".join(table), encoding="utf-8")
            case "jsonl.gz":
                path.write_bytes(gzip.compress(lines.encode()))
            case "json":
                path.write_text(json.dumps(rows), encoding="utf-8")
            case _:
                path.write_text(lines, encoding="utf-8")
    sources = {name[0]: {"kind": "local", "path": f"data/raw/sft/{name}"} for name in files}
    sources["l"]["columns"] = {"user": "Metin: {metin}", "assistant": "ozet"}
    return sources


def test_twelve_files_of_every_shape_train_together(folder, tmp_path, tokenizer, make_sft_params):
    params = make_sft_params(sources=write_twelve_files(folder), careless_fraction=0.0)
    sources = load_sources(params, root=tmp_path)
    check_sources(sources)
    data = build_dataset({s.name: s.conversations for s in sources}, tokenizer, params, 42)
    assert data.counts["read"] == data.counts["whole"] == 12 * 12
    previews = {preview.name: preview for preview in preview_sources(sources, data, tokenizer, None, 2.0)}
    assert {name: preview.columns for name, preview in previews.items()} == {
        "a": {"messages": "messages"}, "b": {"conversations": "messages"},
        "c": {"instruction": "user", "output": "assistant"}, "d": {"soru": "user", "cevap": "assistant"},
        "e": {"talimat": "user", "çıktı": "assistant"}, "f": {"messages": "messages"},
        "g": {"prompt": "user", "completion": "assistant"},
        "h": {"question": "user", "answer": "assistant"},
        "i": {"instruction": "user", "response": "assistant"}, "j": {"messages": "messages"},
        "k": {"prompt": "user", "completion": "assistant"}, "l": {"metin": "user", "ozet": "assistant"},
    }  # fmt: skip
    for name, source in enumerate(sources):
        shown = previews[source.name]
        assert shown.counts["conversations kept"] == shown.counts["rows read"] == 12
        assert shown.counts["conversations to train on"] + shown.counts["to validate on"] == 12
        assert shown.readings == 2.0
        for spans in shown.samples:
            trained = [text for text, is_trained in spans if is_trained]
            question = "".join(text for text, is_trained in spans if not is_trained)
            number = question.partition(".")[0].split("<|user|>")[1].removeprefix("Metin: ")
            assert trained == [f"{number} numaralı cevap.", "<|end|>"]
            assert int(number) // 100 == name
    page = write_page(list(previews.values()))
    assert f"<|assistant|>{OPEN}1100 numaralı cevap.<|end|>{CLOSE}" in page
    assert "- `soru` became: user" in page
    assert list_notes(sources) == [
        "note: sft.sources.j: parts of messages that are no text, left out: image_url 12"
    ]


def test_load_sources_counts_what_each_rule_drops(folder, tmp_path, make_sft_params):
    good = list(rows_of("prompt response", 0))
    good[0]["response"] = "ali@example.com adresine yaz."
    bad = [{"prompt": "x", "response": " "}, {"prompt": "", "response": "y"}, good[3]]
    path = folder / "a.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in good + bad))
    params = make_sft_params(sources={"mine": {"kind": "local", "path": "data/raw/sft/a.jsonl"}})
    (mine,) = load_sources(params, [good[5]["prompt"]], tmp_path)
    assert mine.findings.dropped == {"silent": 1, "empty": 1, "duplicate": 1, "contamination": 1}
    assert len(mine.conversations) == 11
    assert mine.findings.masked == 1
    counts = count_findings([mine])
    assert counts["dropped"]["near_copies"] == 0
    assert counts["sources"] == {"mine": {"read": 15, "kept": 11}}
    assert mine.findings.dropped_examples["contamination"] == "5. soru nedir? / 5 numaralı cevap."


def test_load_sources_draws_max_rows_of_what_is_left_in_any_order(folder, tmp_path, make_sft_params):
    rows = list(rows_of("prompt response", 0, 100))
    source = {"kind": "local", "path": "data/raw/sft/a.jsonl", "max_rows": 30}
    drawn = []
    for order in (rows, rows[::-1]):
        (folder / "a.jsonl").write_text("\n".join(json.dumps(row) for row in order))
        (mine,) = load_sources(make_sft_params(sources={"mine": source}), root=tmp_path)
        drawn.append(sorted(json.dumps(messages) for messages in mine.conversations))
    assert len(drawn[0]) == 30
    assert drawn[0] == drawn[1]


def test_what_max_rows_draws_validates_as_often_as_the_rest(folder, tmp_path, tokenizer, make_sft_params):
    rows = list(rows_of("prompt response", 0, 1000))
    (folder / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    source = {"kind": "local", "path": "data/raw/sft/a.jsonl", "max_rows": 200}
    params = make_sft_params(sources={"mine": source}, val_fraction=0.1)
    (mine,) = load_sources(params, root=tmp_path)
    data = build_dataset({"mine": mine.conversations}, tokenizer, params, 42)
    assert 5 < len(data.val) < 45


def test_a_preview_shows_lines_tabs_and_other_letters(folder, tmp_path, tokenizer, make_sft_params):
    rows = [{"prompt": f"{i}. satır\n\tikinci 🙂", "response": f"cevap\n{i} ∑"} for i in range(40)]
    (folder / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    params = make_sft_params(sources={"mine": {"kind": "local", "path": "data/raw/sft/a.jsonl"}})
    sources = load_sources(params, root=tmp_path)
    data = build_dataset({"mine": sources[0].conversations}, tokenizer, params, 42)
    (preview,) = preview_sources(sources, data, tokenizer, None, 1.0)
    for spans in preview.samples:
        text = "".join(text for text, _ in spans)
        assert "satır\n\tikinci 🙂<|end|><|assistant|>cevap\n" in text or "İKİNCİ" in text.upper()


def test_check_sources_refuses_a_source_of_which_nothing_is_left(folder, tmp_path, make_sft_params):
    (folder / "a.jsonl").write_text('{"prompt": "x", "response": " "}\n' * 3)
    params = make_sft_params(sources={"mine": {"kind": "local", "path": "data/raw/sft/a.jsonl"}})
    with pytest.raises(UserError, match=r"sft\.sources\.mine: none of its 3 .* \(silent 3\); `tezgah sft"):
        check_sources(load_sources(params, root=tmp_path))
