import csv
import gzip
import io
import json
import unicodedata

import pytest

from pipeline.common.errors import UserError
from pipeline.eval_sets.readers import (
    Choice,
    Document,
    Pair,
    Question,
    ScoredPair,
    read_choices,
    read_documents,
    read_pairs,
    read_questions,
    read_retrieval,
    read_similarity,
    read_task,
    read_task_texts,
)
from pipeline.eval_sets.tasks import EvalTask
from tests.helpers.paths import SHARED

REAL = SHARED / "eval"
real = pytest.mark.skipif(not REAL.exists(), reason="no development data")


@pytest.fixture
def read(tmp_path):
    """Read `content` as the file of a task."""

    def read_as(reader, kind, file, content, replace=None, **columns):
        content = content.encode() if isinstance(content, str) else content
        (tmp_path / file).write_bytes(content)
        task = EvalTask(kind=kind, path=file, columns=columns, replace=replace or {})
        return reader("mine", task, tmp_path)

    return read_as


def test_read_documents_with_and_without_id_and_source(read):
    content = '{"id": 7, "source": "laws", "text": "Bir"}\n\n{"text": "İki"}\n'
    first, second = read(read_documents, "text", "held.jsonl", content)
    assert first == Document("7", "laws", "Bir")
    assert (second.source, second.text) == ("held", "İki")


def test_read_documents_from_another_column(read):
    documents = read(read_documents, "text", "a.jsonl", '{"metin": "Bir"}', text="metin")
    assert documents[0].text == "Bir"


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_read_pairs_of_a_table_with_any_separator(read, separator):
    header = separator.join(["good_sentence", "bad_sentence", "phenomenon", "subtype"])
    rows = [
        separator.join(["Gelir.", "Gelar.", "aorist  ", ""]),
        separator.join(["A", "B", "case", "dative"]),
    ]
    pairs = read(read_pairs, "minimal_pairs", "p.csv", "\n".join([header, *rows]) + "\n")
    assert pairs == [Pair("Gelir.", "Gelar.", "aorist"), Pair("A", "B", "case_dative")]


def test_read_pairs_accepts_quoted_separators_and_a_byte_order_mark(read):
    content = '\ufeffgood,bad\n"Evet, gelir.","Evet, gelar."\n'
    assert read(read_pairs, "minimal_pairs", "p.csv", content) == [Pair("Evet, gelir.", "Evet, gelar.", "p")]


def test_read_pairs_of_json_lines(read):
    content = '{"good": "a", "bad": "b", "type": "t"}\n'
    assert read(read_pairs, "minimal_pairs", "p.jsonl", content) == [Pair("a", "b", "t")]


def test_read_questions_with_one_answer_or_several(read):
    content = (
        '{"question": "Plaka?", "answers": ["6", "altı"], "family": "plate", "kind": "seen"}\n'
        '{"question": "Kaç?", "answers": 6}\n'
    )
    assert read(read_questions, "questions", "q.jsonl", content) == [
        Question("Plaka?", ("6", "altı"), "plate", "seen"),
        Question("Kaç?", ("6",), "all", "all"),
    ]


def test_read_retrieval_merges_equal_documents(read):
    content = "\n".join(json.dumps({"query": q, "document": d}) for q, d in ["1x", "2y", "3x"])
    task = read(read_retrieval, "retrieval", "r.jsonl", content)
    assert (task.documents, task.targets) == (("x", "y"), (0, 1, 0))


def test_read_retrieval_and_questions_of_squad(read):
    qas = [{"id": "1", "question": "Kim?", "answers": [{"text": "Ali"}, {"text": "Ali"}]}]
    squad = {"data": [{"paragraphs": [{"context": "\ufeffAli geldi.", "qas": qas}]}]}
    task = read(read_retrieval, "retrieval", "s.json", json.dumps(squad))
    assert (task.queries, task.documents, task.targets) == (("Kim?",), ("Ali geldi.",), (0,))
    for indent in (None, 2):
        (question,) = read(read_questions, "questions", "s.json", json.dumps(squad, indent=indent))
        assert question.answers == ("Ali",)


def test_read_pairs_of_json_with_a_column_called_data_or_no_rows(read):
    rows = [{"data": "2020", "good": "a", "bad": "b"}, {"data": [1], "good": "c", "bad": "d"}]
    content = "\n".join(map(json.dumps, rows))
    assert read(read_pairs, "minimal_pairs", "p.json", content) == [Pair("a", "b", "p"), Pair("c", "d", "p")]
    assert read(read_pairs, "minimal_pairs", "p.json", "[]") == []


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("P.JSONL", '{"good": "a", "bad": "b\\ud83d"}\n'),
        ("p.json", '[{"good": "a", "bad": "b"}]'),
        ("p.json", '{"good": "a", "bad": "b"}\n'),
        ("p.CSV", "sep=|\r\ngood|bad\r\na|b\r\n"),
        ("p.csv", "good;bad\ra;b\r"),
        ("p.jsonl.gz", gzip.compress(b'{"good": "a", "bad": "b"}', mtime=0)),
        ("p.jsonl", b'\xef\xbb\xbf{"good": "a", "bad": "b\0"}'),
    ],
)
def test_read_pairs_reads_what_the_corpus_reads(read, file, content):
    assert [(p.good, p.bad) for p in read(read_pairs, "minimal_pairs", file, content)] == [("a", "b")]


def test_read_pairs_of_a_table_loses_none_to_an_open_quote(read):
    rows = [f'{n}"\t"{n}' if n in (5, 8) else f"{n}\t{n}." for n in range(20)]
    assert len(read(read_pairs, "minimal_pairs", "p.tsv", "\n".join(["good\tbad", *rows]))) == 20
    rows = [
        f'Bu {n},"O {n}' if n == 5 else f'Bu {n},O {n}"' if n == 8 else f"Bu {n},O {n}" for n in range(20)
    ]
    with pytest.raises(UserError, match=r"p\.csv:7: a quote stays open and takes in 3 rows below"):
        read(read_pairs, "minimal_pairs", "p.csv", "\n".join(["good,bad", *rows]))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("p.jsonl", '{"good": "a", "bad": "b"}\n{"good": \n', r"p\.jsonl:2: not JSON"),
        pytest.param(
            "p.jsonl", "\n" + '{"a":' * 100_000, r"p\.jsonl:2: not JSON: .*recursion", id="deep.jsonl"
        ),
        pytest.param("p.jsonl", "[" * 100_000, r"p\.jsonl: object 1: not JSON: .*recursion", id="deep array"),
        pytest.param("p.jsonl", "9" * 5000, r"p\.jsonl:1: not JSON: .*4300 digits", id="long.jsonl"),
        pytest.param("p.json", "[" * 100_000, r"p\.json: object 1: not JSON: .*recursion", id="deep.json"),
        pytest.param("p.json", "9" * 5000, r"p\.json:1: not JSON: .*4300 digits", id="long.json"),
        ("p.json", '{\n"data": x', r"p\.json:2: not JSON: Expecting value at column 9"),
        ("p.jsonl", "[1]\n", r"p\.jsonl: object 1: int, not an object"),
        ("p.jsonl", '{"good": "a", "bad": "b"}\n[1]\n', r"p\.jsonl:2: list, not an object"),
        (
            "p.jsonl",
            '{"good": "a"}\n',
            r"p\.jsonl:1: no column for 'bad'; name it in tasks/mine\.yaml: columns\.bad",
        ),
        ("p.jsonl", '{"good": "a", "bad": " "}\n', r"p\.jsonl:1: bad: ' ' is not a text"),
        ("p.jsonl", '{"good": "a", "bad": "\\ufeff\\u00a0"}\n', r"p\.jsonl:1: bad: .* is not a text"),
        ("p.jsonl", '{"good": "a", "bad": ["b"]}\n', r"p\.jsonl:1: bad: \['b'\] is not a text"),
        ("p.jsonl", '{"good": "a", "bad": "\\ud800"}\n', r"p\.jsonl:1: bad: '' is not a text"),
        ("p.jsonl", b'{"good": "\xfe"}\n', r"p\.jsonl:1: not UTF-8"),
        ("p.csv", "good;bad\na;b\na;b;c\n", r"p\.csv:3: 3 columns, not 2 as above \(separator ';'\)"),
        ("p.csv", "good;evil\na;b\n", r"p\.csv:2: no column for 'bad'"),
        ("p.json", '{"data": [1]}', "not SQuAD's layout"),
        ("p.json", '{"data": [1], "version"', r"p\.json:1: not JSON"),
        ("p.json", '{"data": "2020", "good": "a"}\n{}', r"p\.json:1: no column for 'bad'"),
        ("p.json", '{"data": ["a"], "good": "a"}\n{}', r"p\.json:1: no column for 'bad'"),
        ("p.json", "[1,2]", r"p\.json: object 1: int, not an object"),
        ("p.json", '{\n"good": "a",\n"bad": "b"\n}', r"p\.json:1: not JSON: it goes on below; write one"),
        ("p.json", '{\n"data": "a"\n}', r"p\.json:1: not JSON: it goes on below; write one"),
        ("p.json", '{"rows": []}', r"p\.json:1: no column for 'good'"),
        ("p.json", "{", r"p\.json:1: not JSON"),
        ("p.txt", "a b\n", "unknown format"),
    ],
)
def test_read_pairs_errors_name_file_and_line(read, file, content, message):
    with pytest.raises(UserError, match=message) as error:
        read(read_pairs, "minimal_pairs", file, content)
    assert "\n" not in str(error.value)


TEXT = "Bir gün Iğdır'da güneş açtı.\nÇok güzeldi."
VERSIONS = [
    unicodedata.normalize("NFD", TEXT),
    TEXT.replace("\n", "\r\n"),
    TEXT.replace(" ", "\u00a0"),
    TEXT.replace(" ", "\t"),
    "\ufeff" + TEXT.replace("ü", "Ã¼"),
]


@pytest.mark.parametrize("version", VERSIONS)
def test_readers_give_the_same_task_for_every_version_of_a_text(read, version):
    for reader, kind, fields in [
        (read_documents, "text", ["id", "text"]),
        (read_pairs, "minimal_pairs", ["good", "bad"]),
        (read_questions, "questions", ["question", "answers"]),
        (read_retrieval, "retrieval", ["query", "document"]),
    ]:
        plain, other = ({field: f"{text} {field}" for field in fields} for text in (TEXT, version))
        assert read(reader, kind, "a.jsonl", json.dumps(other)) == read(
            reader, kind, "a.jsonl", json.dumps(plain)
        )
        table = f"{','.join(fields)}\n" + ",".join(f'"{value}"' for value in other.values()) + "\n"
        assert read(reader, kind, "a.csv", table) == read(reader, kind, "a.jsonl", json.dumps(plain))


@pytest.mark.parametrize(
    "answers",
    [
        "{'text': ['Ankara', 'Van Gölü'], 'answer_start': [12, 40]}",
        "{'text': array(['Ankara', 'Van Gölü'], dtype=object), 'answer_start': array([12, 40], dtype=int32)}",
        "['Ankara' 'Van Gölü']",  # as NumPy prints an array
        "['Ankara'\n 'Van Gölü']",
        "[np.str_('Ankara'), np.str_('Van Gölü')]",
        '["Ankara", "Van Gölü"]',
        {"text": ["Ankara", "Van Gölü"], "answer_start": [12, 40]},
        [{"text": "Ankara", "answer_start": 12}, {"text": "Van Gölü", "answer_start": 40}],
    ],
)
def test_read_questions_with_answers_as_published_files_have_them(read, answers):
    (question,) = read(
        read_questions, "questions", "q.jsonl", json.dumps({"question": "?", "answers": answers})
    )
    assert question.answers == ("Ankara", "Van Gölü")
    if isinstance(answers, str):
        table = io.StringIO()
        csv.writer(table).writerows([["question", "answers"], ["?", answers]])
        assert read(read_questions, "questions", "q.csv", table.getvalue()) == [question]


@pytest.mark.parametrize("answer", ["[sic]", "{x", "['Ankara'", "[1 2]", "{'a': 1}", "[" * 100_000])
def test_read_questions_takes_other_brackets_for_text(read, answer):
    (question,) = read(
        read_questions, "questions", "q.jsonl", json.dumps({"question": "?", "answers": answer})
    )
    assert question.answers == (answer,)


def test_read_documents_refuses_a_missing_named_column(read):
    with pytest.raises(UserError, match=r"a\.jsonl:1: no column 'metin' \(tasks/mine\.yaml: columns\.text\)"):
        read(read_documents, "text", "a.jsonl", '{"text": "Bir"}', text="metin")


def test_read_questions_refuses_an_empty_list_of_answers(read):
    with pytest.raises(UserError, match=r"q\.jsonl:1: answers: an empty list"):
        read(read_questions, "questions", "q.jsonl", '{"question": "Kim?", "answers": []}')


def test_read_documents_refuses_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"tasks/mine\.yaml: path: gone\.jsonl: no such file"):
        read_documents("mine", EvalTask(kind="text", path="gone.jsonl"), tmp_path)


@real
def test_read_pairs_of_turblimp_has_16_phenomena_of_1000_pairs():
    pairs = read_pairs("t", EvalTask(kind="minimal_pairs", path="turblimp/*.csv"), REAL)
    counts = {kind: sum(pair.type == kind for pair in pairs) for kind in {pair.type for pair in pairs}}
    assert len(counts) == 16
    assert set(counts.values()) == {1000}
    assert sum(pair.good == pair.bad for pair in pairs) == 20


@real
def test_read_retrieval_of_xquad_and_held_out_text_is_complete():
    task = read_retrieval("x", EvalTask(kind="retrieval", path="xquad.tr.json"), REAL)
    assert (len(task.queries), len(task.documents)) == (1190, 240)
    documents = read_documents("h", EvalTask(kind="text", path="heldout.jsonl"), REAL)
    assert {document.source for document in documents} == {"tbmm_2020", "laws", "wiki"}


XCOPA = '{"premise": "Oldu.", "question": "cause", "choice1": "A.", "choice2": "B.", "label": 1}\n'
OPTIONS = ["choice1", "choice2"]
CAUSE = {"question": {"cause": "Çünkü"}}


def test_read_choices_of_several_columns_and_of_a_list(read):
    columns = {"prompt": "{premise} {question}", "options": OPTIONS, "answer": "label"}
    assert read(read_choices, "choice", "c.jsonl", XCOPA, CAUSE, **columns) == [
        Choice("Oldu. Çünkü", ("A.", "B."), 1)
    ]
    row = '{"prompt": "Kim?", "choices": ["Ben", "Sen", "O"], "answer": 2}\n'
    assert read(read_choices, "choice", "c.jsonl", row) == [Choice("Kim?", ("Ben", "Sen", "O"), 2)]


@pytest.mark.parametrize(
    ("columns", "replace", "message"),
    [
        (
            {"prompt": "{premise} {soru}"},
            {},
            r"c\.jsonl:1: no column 'soru' \(tasks/mine\.yaml: columns\.prompt",
        ),
        (
            {"options": ["choice1", "choice3"]},
            {},
            r"no column 'choice3' \(tasks/mine\.yaml: columns\.options",
        ),
        ({"options": ["choice1"]}, {}, "options: one alone leaves no choice"),
        (
            {"answer": "premise"},
            {},
            r"answer: 'Oldu\.': not a number from 0 to 1; map it in tasks/mine\.yaml",
        ),
        ({}, {"label": {"0": 0}}, r"label: 1: not in tasks/mine\.yaml: replace\.label; add it there"),
    ],
)
def test_read_choices_errors_name_file_line_and_key(read, columns, replace, message):
    columns = {"prompt": "premise", "options": OPTIONS, "answer": "label"} | columns
    with pytest.raises(UserError, match=message) as caught:
        read(read_choices, "choice", "c.jsonl", XCOPA, replace, **columns)
    assert str(caught.value).count("\n") == 0


def test_eval_task_takes_several_columns_for_options_alone():
    with pytest.raises(ValueError, match=r"columns\.prompt: one column is expected; write several as"):
        EvalTask(kind="choice", path="a", columns={"prompt": ["a", "b"]})


def test_read_similarity_of_numbers_and_of_a_table(read):
    row = '{"sentence1": "a", "sentence2": "b", "score": 2}\n'
    assert read(read_similarity, "similarity", "s.jsonl", row) == [ScoredPair("a", "b", 2.0)]
    table = "first;second;score\na;b;3.8\n"
    assert read(read_similarity, "similarity", "s.csv", table) == [ScoredPair("a", "b", 3.8)]
    for score in ("çok", "nan", "3,8"):
        with pytest.raises(UserError, match=rf"s\.csv:2: score: '{score}' is not a number; fix or remove"):
            read(read_similarity, "similarity", "s.csv", f"first;second;score\na;b;{score}\n")


def test_read_task_refuses_pairs_that_are_all_scored_alike(read):
    rows = '{"first": "a", "second": "b", "score": 2}\n' * 3
    with pytest.raises(UserError, match=r"tasks/mine\.yaml: s\.jsonl: needs pairs with different scores"):
        read(read_task, "similarity", "s.jsonl", rows)


def test_read_task_texts_are_those_of_every_kind(read):
    for kind, row, texts in [
        ("text", {"text": "a"}, ["a"]),
        ("minimal_pairs", {"good": "a", "bad": "b"}, ["a", "b"]),
        ("questions", {"question": "a", "answers": "b"}, ["a"]),
        ("retrieval", {"query": "a", "document": "b"}, ["a", "b"]),
        ("choice", {"prompt": "a", "options": ["b", "c"], "answer": 0}, ["a", "b", "c"]),
        ("second_halves", {"text": "a"}, ["a"]),
        ("similarity", {"first": "a", "second": "b", "score": 1}, ["a", "b"]),
    ]:
        assert read(read_task_texts, kind, "t.jsonl", json.dumps(row)) == texts
