import pytest

from pipeline.common.errors import UserError
from pipeline.common.params import load_section, parse_section
from pipeline.sft.params import SftParams, check_context, check_inputs, check_miniworld, list_local_files
from tests.helpers.paths import ROOT


def check(values, root):
    check_inputs(parse_section(values, "sft", SftParams), root)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "data/raw/sft/more").mkdir(parents=True)
    for name in ("a.jsonl", "b.jsonl", "more/c.jsonl", ".gitkeep", "a.jsonl.dvc"):
        (tmp_path / "data/raw/sft" / name).write_text("{}\n")
    return tmp_path


def local(path):
    return {"mine": {"kind": "local", "path": path}}


def test_sft_params_shipped_section_is_valid():
    assert load_section("sft", SftParams, ROOT / "params.yaml").batch_size > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 3}, r"sft\.batch_size: 3: .*conversations_per_step: 8: .*nearest: 6 or 9"),
        ({"batch_size": 16}, r"sft\.batch_size: 16: .*nearest: 16"),
        ({"batch_sise": 4}, r"sft\.batch_sise: unknown key; did you mean 'batch_size'\?"),
        ({"on_error": "ignore"}, r"sft\.on_error: 'ignore'"),
        ({"epochs": "two"}, r"sft\.epochs: 'two'"),
        ({"sources": {}}, r"sft\.sources: .*at least 1 item"),
        ({"sources": {"x": {"kind": "lokal"}}}, r"sft\.sources\.x\.kind: 'lokal'"),
        ({"sources": {"x": {"kind": "local"}}}, r"sft\.sources\.x\.path: None: .*needs a path"),
        ({"sources": {"x": {"kind": "miniworld", "path": "a"}}}, r"sources\.x\.path: 'a': .*takes no path"),
        ({"sources": local("data/raw/corpus/a.jsonl")}, r"sources\.mine\.path: .*not under data/raw/sft/"),
        ({"sources": {"x": {"kind": "miniworld", "weight": 0}}}, r"sources\.x\.weight: 0: .*greater than 0"),
        ({"sources": {"x": {"kind": "miniworld", "max_rows": 0}}}, r"x\.max_rows: 0: .*greater than"),
        ({"sources": {"x": {"kind": "miniworld", "columns": {"user": "a"}}}},
         r"sources\.x\.columns: .*give a column or a template for assistant too"),
        ({"sources": {"x": {"kind": "miniworld", "columns": {"user": "a", "bot": "b"}}}}, r"columns\.bot"),
        ({"on_source_end": "again"}, r"sft\.on_source_end: 'again'"),
        ({"sources": local("/etc/passwd")}, "not under data/raw/sft/"),
        ({"sources": local("data/raw/sft/../../x")}, "not under data/raw/sft/"),
        ({"sources": local("data/raw/sft")}, "not under data/raw/sft/"),
        ({"sources": local("data/raw/sft/none*.jsonl")}, r"none\*\.jsonl: no such file; put it there"),
    ],
)  # fmt: skip
def test_check_inputs_mistake_is_one_line_that_names_it(make_sft_values, project, changes, message):
    with pytest.raises(UserError, match=message) as error:
        check(make_sft_values(**changes), project)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["d.jsonl.zip", "d.txt", "d.parquet.gz"])
def test_check_inputs_refuses_files_of_unknown_formats(make_sft_values, project, name):
    (project / f"data/raw/sft/{name}").write_bytes(b"\x1f\x8b\x00")
    with pytest.raises(UserError, match=rf"data/raw/sft/{name}: of no known format; .*one of jsonl, ndjson"):
        check(make_sft_values(sources=local("data/raw/sft/d.*")), project)


def test_list_local_files_in_order_and_once(make_sft_params, project):
    source = make_sft_params(sources=local(["data/raw/sft/**/*", "data/raw/sft/b.jsonl"])).sources["mine"]
    files = [
        path.relative_to(project / "data/raw/sft").as_posix()
        for path in list_local_files("mine", source, project)
    ]
    assert files == ["a.jsonl", "b.jsonl", "more/c.jsonl"]


@pytest.mark.parametrize(
    "pattern", ["data/raw/sft/linked/*.jsonl", "data/raw/sft/*/*.jsonl", "data/raw/sft/**/*.jsonl"]
)
def test_check_inputs_refuses_linked_folders_but_not_linked_files(
    make_sft_values, project, tmp_path_factory, pattern
):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "d.jsonl").write_text("{}\n")
    (project / "data/raw/sft/d.jsonl").symlink_to(outside / "d.jsonl")
    check(make_sft_values(sources=local("data/raw/sft/d.jsonl")), project)
    (project / "data/raw/sft/linked").symlink_to(outside)
    with pytest.raises(UserError, match=r"data/raw/sft/linked is a symlinked folder.*ln -s"):
        check(make_sft_values(sources=local(pattern)), project)


def test_check_context_refuses_longer_than_the_model_context(make_sft_params):
    check_context(make_sft_params(context=64), 64)
    with pytest.raises(UserError, match=r"sft\.context: 64: .*model\.context 48"):
        check_context(make_sft_params(context=64), 48)


def test_check_miniworld_needs_a_miniworld_source(make_sft_params):
    check_miniworld(make_sft_params(), True)
    with pytest.raises(UserError, match=r"sft\.sources\.miniworld: .*corpus\.sources"):
        check_miniworld(make_sft_params(), False)
