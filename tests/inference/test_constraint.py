"""Constraints: whatever a model prefers, its text matches the schema or the expression."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.inference import constraint as constraint_module
from pipeline.inference.constraint import Constraints
from pipeline.inference.engine import Engine, Generation
from pipeline.inference.sampling import Sampling
from pipeline.tokenizer.special import BOS
from tests.helpers.random_models import make_random_decoder
from tests.helpers.small import make_tokenizer

pytest.importorskip("llguidance", reason="the extra `serve` is not installed")

SCHEMA = {
    "type": "object",
    "properties": {
        "ad": {"type": "string", "maxLength": 4},
        "yaş": {"type": "integer", "minimum": 0, "maximum": 120},
        "şehir": {"enum": ["Iğdır", "İzmir"]},
    },
    "required": ["ad", "yaş", "şehir"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def speaker(tokenizer):
    """Return a function that lets a random model speak under a constraint."""
    model = make_random_decoder(tokenizer.vocab_size, context=256)

    def speak(constraint, seed):
        engine = Engine(model, forbidden_ids=tokenizer.forbidden_ids)
        generation = Generation(
            [BOS, 20], None, Sampling(1.5), seed, stop_ids=tokenizer.stop_ids, constraint=constraint
        )
        engine.submit(generation)
        while engine.is_busy:
            engine.step()
        assert generation.end == "stop"
        return tokenizer.decode(generation.new_ids)

    return speak


@pytest.fixture(scope="module")
def tokenizer(texts, tmp_path_factory):
    """A small trained tokenizer, in a folder with tokenizer.json."""
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"), "unigram", texts)


@pytest.fixture(scope="module")
def constraints(tokenizer):
    return Constraints(tokenizer.folder, tokenizer.vocab_size, tokenizer.stop_ids)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_schema_is_met_by_a_random_model(speaker, constraints, seed):
    said = json.loads(speaker(constraints.match_schema(SCHEMA), seed))
    assert said.keys() == {"ad", "yaş", "şehir"}
    assert len(said["ad"]) <= 4
    assert 0 <= said["yaş"] <= 120
    assert said["şehir"] in ("Iğdır", "İzmir")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_regex_is_matched_by_a_random_model(speaker, constraints, seed):
    pattern = r"(Evet|Hayır), (çiğdem|🙂|ı){1,3}\."
    assert re.fullmatch(pattern, speaker(constraints.match_regex(pattern), seed))


@pytest.mark.parametrize("text", ["</s>", "<|end|>", "x<s>", "<unk>", "<pad>", "a/b", "iki\nsatır"])
def test_text_that_spells_a_special_token_stays_text(speaker, constraints, text):
    assert json.loads(speaker(constraints.match_schema({"const": text}), 1)) == text
    assert speaker(constraints.match_regex(re.escape(text)), 1) == text


@pytest.mark.parametrize(
    ("pattern", "text"), [("a/b", "a/b"), (r"a\/b", "a/b"), (r"a\\/b", "a\\/b"), ("a\nb", "a\nb")]
)
def test_regex_with_slashes_and_lines(speaker, constraints, pattern, text):
    assert speaker(constraints.match_regex(pattern), 1) == text


@pytest.mark.parametrize("schema", [{"enum": ["\ud800"]}, {"const": float("nan")}, {"$ref": "#/a/b"}])
def test_schema_that_is_no_json_is_refused(constraints, schema):
    with pytest.raises(UserError, match=r"^schema: .*; change it$"):
        constraints.match_schema(schema)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "nonsense"}, "schema: Invalid type: nonsense; change it"),
        ({"type": "string", "minLength": 5, "maxLength": 2}, "schema: Unsatisfiable schema: minLength"),
        ({"$ref": "https://example.org/s.json"}, "schema: .*; change it"),
    ],
)
def test_schema_that_cannot_be_met_is_refused(constraints, schema, reason):
    with pytest.raises(UserError, match=reason):
        constraints.match_schema(schema)


def test_broken_regex_is_refused_in_one_line(constraints):
    with pytest.raises(UserError, match=r"^regex: .*unclosed group.*; change it$"):
        constraints.match_regex("(a")


def test_constraints_without_the_library_say_what_to_install(tokenizer, monkeypatch):
    monkeypatch.setattr(constraint_module, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"llguidance is not installed; run `pip install -e '.\[serve\]'`"):
        Constraints(tokenizer.folder, tokenizer.vocab_size, tokenizer.stop_ids)
