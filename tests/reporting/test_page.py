"""The page: its numbers are those of the files, its text is text, its bytes are the same everywhere."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import lxml.html
import pytest

from pipeline.common import i18n
from pipeline.common.params import read_yaml
from pipeline.common.paths import STAGES
from pipeline.evaluation.compare import compare_runs
from pipeline.reporting.about import READS_FROM, STAGE_FIGURES, STAGE_WORK
from pipeline.reporting.data import PARAGRAPH, read_run
from pipeline.reporting.page import SECTIONS, draw_page
from pipeline.reporting.training import expect_bits
from pipeline.reporting.view import Extras, View
from pipeline.tokenizer.tokenizer import Tokenizer

# Text beside the figures that holds digits: names, steps, what models write, what stands in files.
QUOTED = (
    "//*[@lang='tr' or @aria-hidden='true']|//head|//code|//pre|//*[@class='step' or @class='verdict wrong']"
)
KNOWN_DIGITS = re.compile(r"5-gram|95 %|nDCG@10")
SAME_IN_TURKISH = {"train", "val", "test", "MRR", "nDCG@10", "B − A", "commit", "unigram"}


def parse(page: str):
    assert page.startswith("<!doctype html>\n")
    return lxml.html.document_fromstring(page)


def write_number(value: float, kind: str) -> str:
    """Return a number as the English page should show it."""
    if kind in ("percent", "points"):
        text = f"{round(100 * value + 1e-12, 1):.1f}".removesuffix(".0")
        return text + " %" * (kind == "percent")
    if kind == "p":
        return "<0.001" if value < 0.001 else f"{value:.3f}"
    if kind == "time":
        return f"{value / 60:.0f} min" if value >= 60 else f"{value:.0f} s"
    if kind == "millions":
        return f"{value / 1e6:,.1f}"
    return f"{value:,.{0 if kind == 'count' else kind}f}"


def find_source(folder, source: str, extras) -> float:
    """Return the number that a place of a file holds."""
    file, _, path = source.partition("#")
    if file == "extras":
        value = extras
        for key in path.split("."):
            value = value[key] if isinstance(value, dict) else getattr(value, key)
        return value
    if file == "scaling_law":
        return getattr(expect_bits(read_run(folder)), path)
    if file == "models/tokenizer":
        ids = Tokenizer.load(folder / file).encode(PARAGRAPH)
        return {"tokens": len(ids), "bytes": len(PARAGRAPH.encode())}[path]
    text = (folder / file).read_text(encoding="utf-8")
    if file.endswith(".tsv"):
        return float(dict(line.split("\t") for line in text.strip().split("\n"))[path])
    value = json.loads(text)
    for key in path.split("."):
        value = value[key]
    return value


def test_every_number_is_that_of_its_file(committed_run, run, extras):
    page = parse(draw_page(run, extras=extras))
    figures = page.xpath("//data")
    assert len(figures) > 300
    for figure in figures:
        value = find_source(committed_run, figure.get("data-source"), extras)
        assert float(figure.get("value")) == value
        assert figure.text_content() == write_number(value, figure.get("data-as")), figure.get("data-source")


def test_no_number_stands_outside_of_a_figure(run):
    page = parse(draw_page(run))
    for node in [*page.xpath("//data"), *page.xpath(QUOTED), *page.xpath("//tbody/tr/th")]:
        if node.getparent() is not None:
            node.drop_tree() if node.tag == "data" else node.clear(keep_tail=True)
    left = KNOWN_DIGITS.sub("", page.text_content())
    assert not re.search(r".{0,20}\d.{0,20}", left)


def test_three_sentences_say_what_the_model_is_and_what_it_is_not_good_for(run):
    is_a, good, poor = (p.text_content() for p in parse(draw_page(run)).xpath("//div[@class='lead']/p"))
    assert "million parameters" in is_a
    assert "it does well at: " in good
    assert "It is not good for " in poor
    shares = [float(share) for share in re.findall(r"\(([\d.]+) %\)", good)]
    assert shares
    assert min(shares) >= 85
    assert all(float(share) < 50 for share in re.findall(r"\(([\d.]+) %\)", poor))


def test_sections_stand_in_order_and_each_is_in_the_contents(run):
    page = parse(draw_page(run))
    assert page.xpath("//main/section/@id") == [section.id for section in SECTIONS]
    assert page.xpath("//nav//a/@href") == [f"#{section.id}" for section in SECTIONS]
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_page_is_small(run, other_run, extras):
    assert len(draw_page(run, extras=extras).encode()) < 1e6
    assert len(draw_page(run, other=other_run).encode()) < 3e6


def test_bytes_are_the_same_in_any_environment(committed_run, run, root, tmp_path):
    code = (
        "import sys; from pathlib import Path; from pipeline.reporting.data import read_run;"
        " from pipeline.reporting.page import draw_page;"
        " sys.stdout.buffer.write(draw_page(read_run(Path(sys.argv[1]))).encode())"
    )
    changed = {
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "C",
        "COLUMNS": "20",
        "TEZGAH_LANG": "tr",
        "PYTHONHASHSEED": "7",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(committed_run)],
        cwd=tmp_path,
        env=os.environ | changed | {"PYTHONPATH": str(root)},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == draw_page(replace(run, name=""))


def test_page_asks_no_network_and_runs_no_script(run):
    page = parse(draw_page(run))
    assert page.xpath("//script|//img|//iframe|//link[not(starts-with(@href, 'data:'))]") == []
    assert "url(" not in page.xpath("//style")[0].text
    assert all(href.startswith("#") for href in page.xpath("//a/@href"))


MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"çift\" 'tek' \x00 \u202e"


def test_markup_in_files_is_shown_as_text(project_of_run):
    reports = project_of_run / "reports"
    removed = (
        f"# What was removed\n\n## language: 1 documents, 9 bytes\n\n**{MARKUP}**\n\n> {MARKUP}\n> </style>\n"
    )
    (reports / "slice_corpus/removed.md").write_text(removed)
    (reports / "train_tokenizer/pieces.md").write_text("## The longest pieces\n\n`<b>` 3, `</p>` 2\n")
    steps = f"## Step 5\n\n> **<i>Ankara</i>** {MARKUP}\n>\n> ## Step 9\n"
    (reports / "train_base/samples.md").write_text(steps)
    answers = (
        f"## `models/sft` answers (greedy)\n\n> **{MARKUP}**\n>\n> {MARKUP}\n>\n> *expected: {MARKUP}*\n"
    )
    (reports / "evaluate/samples.md").write_text(answers)
    baseline = {
        "questions": [dict.fromkeys(("question", "trained"), MARKUP)],
        "story": {"begins": MARKUP},
    }
    (reports / "evaluate/baseline_samples.json").write_text(json.dumps(baseline) + "\n")
    metrics = json.loads((reports / "slice_corpus/metrics.json").read_text())
    metrics["sources"][MARKUP] = {"in": {"documents": 1}}
    (reports / "slice_corpus/metrics.json").write_text(json.dumps(metrics))
    text = draw_page(read_run(project_of_run, MARKUP), other=read_run(project_of_run, "<b>"))
    page = parse(text)
    assert page.xpath("//script|//img|//i|//main//b[contains(., 'alert')]") == []
    assert text.count("</style>") == 1
    assert "\x00" not in text
    shown = page.text_content()
    assert shown.count("</script><script>alert(1)</script>") > 12
    assert "<i>Ankara</i>" in shown
    assert "</p>" in shown


@pytest.mark.parametrize(
    ("file", "section"),
    [
        ("slice_corpus/metrics.json", "corpus"),
        ("slice_corpus/removed.md", "corpus"),
        ("train_tokenizer/metrics.json", "tokenizer"),
        ("train_tokenizer/pieces.md", "tokenizer"),
        ("train_base/live/plots/metrics/train_loss.tsv", "training"),
        ("evaluate/samples.md", "questions"),
        ("evaluate/baseline_samples.json", "samples"),
        ("evaluate/metrics.json", "pairs"),
    ],
)
def test_missing_file_is_told_where_it_belongs_and_the_rest_stands(file, section, run, project_of_run):
    (project_of_run / "reports" / file).unlink()
    (project_of_run / "reports/train_base/live/plots/metrics/val_loss.tsv").unlink(missing_ok="loss" in file)
    page = parse(draw_page(read_run(project_of_run, "workspace")))
    whole = parse(draw_page(run))
    notes = page.xpath(f"//section[@id='{section}']//p[@class='absent']")
    assert any(file in note.text_content() for note in notes)
    if file != "evaluate/metrics.json":
        same = [each.id for each in SECTIONS if each.id not in ("graph", section, "samples", "training")]
        for id in same:
            ours, theirs = (lxml.html.tostring(side.get_element_by_id(id)) for side in (page, whole))
            assert ours == theirs


def test_empty_folder_and_damaged_files_give_a_page(project_of_run, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    page = parse(draw_page(read_run(empty), other=read_run(empty)))
    assert len(page.xpath("//p[@class='absent']")) > 8
    for file in (project_of_run / "reports").rglob("*.*"):
        file.write_bytes(b'{"val": [1, \xff')
    assert page.xpath("//section/@id")[1:] == parse(draw_page(read_run(project_of_run))).xpath(
        "//section/@id"
    )


@pytest.mark.parametrize("value", [None, "0.3", [1], {}, True, float("nan")])
def test_metrics_of_another_version_are_left_out_where_they_are_not_understood(value, run):
    def change(node):
        return {key: change(inner) for key, inner in node.items()} if isinstance(node, dict) else value

    metrics = {stage: {**change(figures), "of_later": {"a": 1}} for stage, figures in run.metrics.items()}
    page = parse(draw_page(replace(run, metrics=metrics)))
    assert page.xpath("//section/@id") == [section.id for section in SECTIONS]
    assert not re.search(r"\bnan\b|None", page.text_content())


def test_run_on_real_text_has_its_tasks_and_no_miniworld(run):
    share = {"low": 0.5, "high": 0.7, "n": 9}
    types = {"anaphor_agreement": {"accuracy": 0.6, **share, "word_frequency": 0.4}}
    evaluation = {
        "bits_per_byte": {"val": {"base": 1.5, "with_counts": 1.4}, "flores_tr": {"base": 1.7}},
        "minimal_pairs": {"turblimp": {"mean": 0.6, **share, "types": types}, "empty": {"n": 0, "types": {}}},
        "questions": {"xquad_tr": {"exact_match": 0.25, **share, "families": {"all": {}}}},
        "first_words": {},
        "retrieval": {"xquad": {"words": {"recall_at_1": 0.4}, "dense": {"recall_at_1": 0.5}}},
        "choice": {"belebele_tr": {"accuracy": 0.3, **share, "chance": 0.25}},
        "second_halves": {"goldfish": {"base": 81.5, "kneser_ney_5": 99.0}},
        "similarity": {"stsb_tr": {"encoder": 0.45, "common_words": 0.41, "n": 1379}},
    }
    corpus = run.metrics["slice_corpus"]
    corpus = {**corpus, "sources": {"wiki": corpus["sources"]["miniworld"]}}
    corpus["removed"] = {**corpus["removed"], "language": {"documents": 12, "bytes": 3400}}
    metrics = {**run.metrics, "evaluate": evaluation, "slice_corpus": corpus, "train_encoder": {}}
    page = parse(draw_page(replace(run, metrics=metrics)))
    text = page.text_content()
    tasks = ("belebele_tr", "goldfish", "stsb_tr", "flores_tr", "questions of xquad_tr", "anaphor agreement")
    for shown in (*tasks, "documents that are not Turkish", "12 documents, 3,400 bytes"):
        assert shown in text
    assert page.xpath("//section[@id='first-words']//p[@class='absent']")


def test_two_runs_stand_side_by_side(run, other_run):
    page = parse(draw_page(run, other=other_run))
    text = page.get_element_by_id("comparison").text_content()
    assert "A is deney-1, B is workspace" in text
    assert "train.steps71800" in text.replace("\n", "")
    comparison = compare_runs([other_run.scores], [run.scores])
    (line,) = (line for line in comparison.lines if line.verdict == "differ")
    shown = {
        data.get("data-source").rpartition("/")[2]: data.text_content()
        for data in page.xpath("//section[@id='comparison']//data")
        if data.get("data-source").startswith("compare#questions.miniworld/")
    }
    assert shown["a"] == f"{line.sides[0].value:.4f}"
    assert shown["b"] == f"{line.sides[1].value:.4f}"
    assert shown["difference"] == f"{line.difference.value:.4f}"
    assert shown["p"] == "<0.001"
    sides = page.xpath("//section[@id='samples']/div[@class='sides']/div/p[@class='side']")
    assert [side.text_content() for side in sides] == ["A: deney-1", "B: workspace"]
    curves = page.xpath("//*[@id='loss-train_base']//polyline/@class")
    assert curves == ["line s3", "line s4", "line s1", "line s2"]
    for figure in page.xpath("//data[@data-run]"):
        stage, path = re.fullmatch(r"reports/(\w+)/.*#(.*)", figure.get("data-source")).groups()
        if ".tsv" not in figure.get("data-source"):
            side = other_run if figure.get("data-run") == "A" else run
            assert side.value(stage, path) == float(figure.get("value"))


def test_runs_without_items_or_a_common_task_are_told(run, other_run):
    without = parse(draw_page(run, other=replace(other_run, scores={}))).get_element_by_id("comparison")
    assert "reports/evaluate/items.parquet is missing" in without.text_content()
    (first, second), *_ = pairwise(run.scores)
    apart = draw_page(replace(run, scores={first: run.scores[first]}),
                      other=replace(run, scores={second: run.scores[second]}))  # fmt: skip
    assert "No task was measured in both" in apart


def test_what_differs_from_run_to_run_is_told_where_it_is_known(run, extras):
    without, full = draw_page(run), draw_page(run, extras=extras)
    assert "not timed here" in without
    assert "not timed here" not in full
    graph = parse(full).get_element_by_id("graph").text_content()
    for told in ("11 min", "31 s", "1.3 GiB", "rebuilt", "kept from before", "machine: 2 cores",
                 "cost: 0.04 kWh", "stale: pipeline/evaluation/summary.py modified"):  # fmt: skip
        assert told in graph
    again = parse(full).get_element_by_id("again").text_content()
    assert "0123abcd" in again
    assert "4567ef" in again
    assert "seed742" in parse(full).get_element_by_id("params").text_content()
    assert "Every param has its default value" in draw_page(run, extras=Extras(default_params=run.params))
    assert re.search(r"the scaling law expects \d\.\d\d bits per byte", parse(full).text_content())


def test_stages_are_those_of_the_graph(root):
    graph = read_yaml(root / "dvc.yaml")["stages"]
    assert tuple(STAGE_WORK) == tuple(STAGE_FIGURES) == tuple(READS_FROM) == STAGES
    writer_of = {}
    for stage, description in graph.items():
        read = {
            writer_of[out]
            for dep in description["deps"]
            for out in writer_of
            if dep.replace("${sft.init_from}", "models/base").startswith(out)
        }
        assert set(READS_FROM[stage]) == read - {stage}
        outs = (out if isinstance(out, str) else next(iter(out)) for out in description["outs"])
        writer_of |= dict.fromkeys(outs, stage)


def test_turkish_page_has_no_english_left(run, other_run, extras, monkeypatch):
    said, word = set(), View.word

    def note_word(view, english):
        said.add(english)
        return word(view, english)

    monkeypatch.setattr(View, "word", note_word)
    for page in (
        draw_page(run, "tr", None, extras),
        draw_page(run, "tr", other_run),
        draw_page(replace(run, metrics={}, curves={}, texts={}), "tr"),
    ):
        assert parse(page).get("lang") == "tr"
    assert said - set(i18n.load_catalog()) == SAME_IN_TURKISH
    page = parse(draw_page(run, "tr", None, extras))
    assert "%92" in page.text_content()
    assert "2.290.777" in page.text_content()
