"""Python's case methods turn I into i: in our code pipeline.text.casing alone changes case."""

import ast
import re
from pathlib import Path

import pytest

METHODS = {"lower", "upper", "title", "capitalize", "casefold", "swapcase"}
ATTRIBUTES = {"title"}  # of documents and tables too: a method where it is called, or of `str`
FLAGS = {"I", "IGNORECASE"}
INLINE_FLAG = re.compile(r"\(\?[aLmsux]*i[aiLmsux]*(?:-[ims]+)?[:)]")
CODE = ("pipeline", "stages", "benchmarks")

# Files that may, and why: surely no Turkish text (digests, file extensions), or case done right.
ALLOWED = {
    "pipeline/corpus/sources/urls.py": "names of HTTP and HTML are ASCII",
    "pipeline/corpus/readers/records.py": "columns have English or Turkish names: both lower cases are tried",
    "pipeline/export/gguf.py": "names of types are ASCII",
    "pipeline/reporting/recipe.py": "true and false are ASCII",
    "pipeline/readers/decompress.py": "suffixes of files are ASCII",
    "pipeline/readers/tables.py": "Excel's sep= is ASCII",
    "pipeline/serving/guards.py": "names of hosts and of HTTP are ASCII",
    "pipeline/overlap/minhash.py": "maps I, İ, ı and i to one letter",
    "pipeline/sft/shapes.py": "names of keys, in which I, İ, ı and i are one letter",
    "pipeline/text/casing.py": "maps I, İ, ı and i itself and leaves Python the other letters",
}


def violations(source: str) -> list[tuple[int, str]]:
    """Lines of Python code, with what changes or ignores case there without knowing Turkish."""
    return [(node.lineno, found) for node in ast.walk(ast.parse(source)) if (found := _violation(node))]


def _violation(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=name) if name in METHODS - ATTRIBUTES:
            return f".{name}"
        case ast.Call(func=ast.Attribute(attr=name)) if name in ATTRIBUTES:
            return f".{name}"
        case ast.Attribute(value=ast.Name(id="str"), attr=name) if name in ATTRIBUTES:
            return f".{name}"
        case ast.Attribute(value=ast.Name(id="re" | "regex"), attr=name) if name in FLAGS:
            return f"re.{name}"
        case ast.ImportFrom(module="re" | "regex", names=names) if FLAGS & {name.name for name in names}:
            return "re.IGNORECASE"
        case ast.Call(func=ast.Name(id="getattr") | ast.Name(id="methodcaller"), args=arguments):
            named = [arg.value for arg in arguments if isinstance(arg, ast.Constant) and arg.value in METHODS]
            return f".{named[0]}" if named else ""
        case ast.Constant(value=str() | bytes() as text):
            text = text if isinstance(text, str) else text.decode("latin-1")
            return "(?i)" if INLINE_FLAG.search(text) else ""
    return ""


@pytest.mark.parametrize(
    "source",
    [
        "key = text.lower()",
        "words = map(str.upper, words)",
        "words = map(str.title, words)",
        "name = row['name'].title()",
        "sorted(words, key=str.casefold)",
        "text[0].swapcase()",
        "f'{word.capitalize()}'",
        "frame.column.str.lower()",
        "casing.lower(text)",
        "getattr(text, 'lower')()",
        "methodcaller('upper')(text)",
        "re.compile('ev', re.I)",
        "re.search('ev', text, flags=re.MULTILINE | re.IGNORECASE)",
        "from re import IGNORECASE",
        "re.compile('(?i)ev')",
        "re.compile(rb'(?i:ev)')",
        "re.compile(f'(?mi){word}')",
        "Regex(r'(?i:[sdmt]|ll)')",
    ],
)
def test_violations_finds(source: str) -> None:
    assert violations(f"import re\n\n{source}\n")[0][0] == 3


@pytest.mark.parametrize(
    "source",
    [
        "from pipeline.text.casing import lower\nkey = lower(text)",
        "from pipeline.turkish import casing\nwords = map(upper, words)",
        "chart = {'title': 'lower is better'}",
        "re.compile('(?:ev)|(?P<i>i)|(?<=i)|(?m)ev', re.MULTILINE)",
        "text.islower()",
        "heading = document.title",
    ],
)
def test_violations_passes(source: str) -> None:
    assert violations(source) == []


def test_code_changes_case_only_by_text_casing(root: Path) -> None:
    found = {
        f"{path.relative_to(root)}:{line}": what
        for folder in CODE
        for path in sorted((root / folder).rglob("*.py"))
        if str(path.relative_to(root)) not in ALLOWED
        for line, what in violations(path.read_text(encoding="utf-8"))
    }
    assert found == {}, "use pipeline.text.casing, or add the file to ALLOWED with the reason"


@pytest.mark.parametrize("path", ALLOWED)
def test_allowed_files_still_need_it(path: str, root: Path) -> None:
    assert violations((root / path).read_text(encoding="utf-8"))
