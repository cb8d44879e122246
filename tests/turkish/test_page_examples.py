from tests.helpers.paths import ROOT

PAGE = ROOT / "docs/turkish.md"


def test_page_examples_are_what_the_inflector_writes() -> None:
    block = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    imports, shown = block.split("\n\n")
    names: dict[str, object] = {}
    exec(imports, names)
    lines = shown.strip().split("\n")
    assert len(lines) >= 7
    for line in lines:
        expression, result = line.split("  # ")
        assert str(eval(expression, names)) == result
