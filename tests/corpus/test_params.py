from pathlib import Path
from typing import Any

import pytest

from pipeline.common.errors import UserError
from pipeline.common.params import load_section, parse_section
from pipeline.corpus.params import CorpusParams, LocalSource, MiniworldSource, check_inputs
from pipeline.miniworld.conversations import SMALL_TALK_SHARE
from tests.helpers.factories import corpus_params, section_values
from tests.helpers.paths import ROOT

SOURCES = {"mine": {"kind": "local", "path": "data/raw/corpus/*.txt"}}
MINIWORLD = {"kind": "miniworld", "documents": 10}


def parsed(**changes: Any) -> CorpusParams:
    return corpus_params(**{"sources": SOURCES} | changes)


def test_corpus_params_shipped_section_is_valid() -> None:
    params = load_section("corpus", CorpusParams, ROOT / "params.yaml")
    assert params.sources["miniworld"].kind == "miniworld"


def test_corpus_params_path_is_string_or_list() -> None:
    source = parsed().sources["mine"]
    assert isinstance(source, LocalSource)
    assert source.path == ["data/raw/corpus/*.txt"]
    paths = ["data/raw/corpus/a.txt", "data/raw/corpus/b.csv"]
    several = parsed(sources={"mine": {"kind": "local", "path": paths}}).sources["mine"]
    assert isinstance(several, LocalSource)
    assert several.path == paths


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": {}}, "corpus.sources"),
        ({"sources": {"my texts": MINIWORLD}}, "my texts"),
        ({"sources": {"my.texts": MINIWORLD}}, "my.texts"),
        ({"sources": {"a": {"kind": "web"}}}, "'miniworld', 'local', 'hub'"),
        ({"sources": {"a": {**MINIWORLD, "docments": 1}}}, "did you mean 'documents'"),
        ({"sources": {"a": {**MINIWORLD, "documents": "10"}}}, "documents"),
        ({"sources": {"a": {**MINIWORLD, "weight": 0}}}, "weight"),
        ({"sources": {"a": MINIWORLD, "b": MINIWORLD}}, "a and b are both miniworld"),
        ({"sources": {"a": {"kind": "local", "path": []}}}, "path"),
        ({"min_char": 3}, "did you mean 'min_chars'"),
        ({"max_bytes": 1.5}, "max_bytes"),
        ({"val_fraction": 0.0}, "corpus.val_fraction: 0.0: Input should be greater than 0"),
        ({"test_fraction": 0.0}, "corpus.test_fraction: 0.0: Input should be greater than 0"),
        ({"val_fraction": 0.6, "test_fraction": 0.4}, "below 1"),
        ({"on_error": "ignore"}, "on_error"),
    ],
)
def test_corpus_params_fault_is_one_line_that_names_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        parsed(**changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", list(section_values("corpus")))
def test_corpus_params_missing_key_is_named(key: str) -> None:
    with pytest.raises(UserError, match=rf"corpus\.{key}: missing"):
        parse_section(
            {name: value for name, value in section_values("corpus").items() if name != key},
            "corpus",
            CorpusParams,
        )


def test_check_inputs_names_key_of_absent_source(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"corpus\.sources\.mine\.path: data/raw/corpus/\*\.txt: no such file"
    ):
        check_inputs(parsed(), tmp_path)


def test_check_inputs_accepts_existing_files(tmp_path: Path) -> None:
    folder = tmp_path / "data/raw/corpus"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("bir")
    check_inputs(parsed(sources={**SOURCES, "world": MINIWORLD}), tmp_path)


def test_small_talk_is_by_default_the_share_of_the_miniworlds_own_table() -> None:
    assert MiniworldSource.model_fields["small_talk"].default == SMALL_TALK_SHARE
