"""Templates of columns."""

import pytest

from pipeline.readers.template import fill_template, list_fields, unescape


@pytest.mark.parametrize(
    ("template", "fields", "text"),
    [
        ("{a}\n\n{b}", ("a", "b"), "bir\n\niki"),
        ("{b} {a} {b}", ("b", "a"), "iki bir iki"),
        ("yok", (), "yok"),
        ("{none}.", ("none",), "."),
        ('{{"soru": "{a}"}}', ("a",), '{"soru": "bir"}'),
        ("{{a}}", (), "{a}"),
        ("{a }", ("a ",), "üç"),
    ],
)
def test_templates_are_filled_with_columns(template, fields, text):
    assert list_fields(template) == fields
    assert fill_template(template, {"a": "bir", "b": "iki", "none": None, "a ": "üç"}) == text


def test_unescape_reads_what_shells_and_yaml_leave():
    assert unescape(r"{a}\n\t{b}") == "{a}\n\t{b}"
