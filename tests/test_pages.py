"""The pages: short sentences, links that lead somewhere, commands, options and params that exist."""

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest
import typer.main
from ruamel.yaml import YAML

from pipeline.cli.main import app
from pipeline.common.i18n import PLACE, load_catalog
from pipeline.corpus.params import CorpusParams
from tests.helpers.paths import ROOT

READMES = ("README.md", "README.tr.md")
TURKISH = {name: f"docs/tr/{name}.md" for name in ("data", "training", "serving", "search", "errors")}
SUBJECTS = (
    "data", "training", "evaluation", "distributed", "turkish", "errors", "metrics", "recipes", "tuning",
)  # fmt: skip
SHORT = (*READMES, *(f"docs/{name}.md" for name in SUBJECTS), *TURKISH.values())
ALL = tuple(
    sorted({*READMES, "CONTRIBUTING.md", *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))})
)
SECTIONS = ("seed", "runtime", "corpus", "tokenizer", "shards", "encoder", "model", "train", "sft", "eval")
FILES = (".py", ".json", ".js", ".model", ".onnx")  # what looks like a key and is a file
QUESTIONS = 15


@cache
def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def without_blocks(text: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def prose(text: str) -> str:
    """What is left without blocks, tables, headings and pictures. Code is one word, a link its text."""
    lines = [line for line in without_blocks(text).splitlines() if not line.startswith(("#", "|", "[!["))]
    joined = re.sub(r"``[^`]*`[^`]*`[^`]*``|`[^`]*`", "code", "\n".join(lines))
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", joined)


def sentences(text: str) -> list[str]:
    """The sentences of a page; an item of a list ends one, and so does an empty line."""
    parts = re.split(r"\n\s*\n|\n(?=- )|(?<=[.!?])[*_)\"]*\s+", prose(text))
    return [part for part in parts if re.search(r"\w", part)]


def commands(text: str) -> list[str]:
    """The commands of a page's console blocks, without their comments."""
    shown = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
    return [re.split(r"\s#\s", command)[0].strip() for command in shown]


def headings(text: str) -> list[int]:
    """The levels of a page's headings, in order."""
    return [len(marks) for marks in re.findall(r"^(#+) ", without_blocks(text), flags=re.M)]


def links(page: str) -> set[Path]:
    """The files that a page links to."""
    targets = re.findall(r"\]\(([^)\s]+)\)", without_blocks(read(page)))
    files = (target.partition("#")[0] for target in targets if "://" not in target)
    return {(ROOT / page).parent / file for file in files if file}


@pytest.mark.parametrize("page", SHORT)
def test_page_has_short_sentences(page):
    lengths = [len(sentence.split()) for sentence in sentences(read(page))]
    assert sum(lengths) / len(lengths) <= 18
    assert prose(read(page)).count(";") < 5


def test_sentences_are_told_apart():
    text = "# A b\n\nOne two. Three: `a b c` five [six seven](x.md)!\n\n- Eight nine\n- ten\n\n| a | b |\n"
    text += "\n```\nx. y\n```\n"
    assert [len(sentence.removeprefix("- ").split()) for sentence in sentences(text)] == [2, 5, 2, 1]


@pytest.mark.parametrize("page", READMES)
def test_readme_is_short(page):
    assert len(read(page).splitlines()) <= 150


def test_readmes_have_the_same_headings_and_commands():
    english, turkish = map(read, READMES)
    assert headings(english) == headings(turkish)
    assert commands(english) == commands(turkish)
    assert len(commands(english)) > 15
    for kind in ("python", "yaml", "bash"):
        blocks = [re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S) for text in (english, turkish)]
        assert blocks[0] == blocks[1]


@pytest.mark.parametrize("name", ["data", "training", "errors"])
def test_turkish_page_has_the_commands_of_the_english_one(name):
    assert commands(read(TURKISH[name])) == commands(read(f"docs/{name}.md"))
    assert headings(read(TURKISH[name])) == headings(read(f"docs/{name}.md"))


@pytest.mark.parametrize("name", ["serving", "search"])
def test_turkish_page_shows_commands_of_the_english_one(name):
    shown = commands(read(TURKISH[name]))
    assert shown
    assert set(shown) <= set(commands(read(f"docs/{name}.md")))


@pytest.mark.parametrize("page", ALL)
def test_links_resolve(page):
    assert not [file for file in links(page) if not file.exists()]


def test_every_page_is_linked_from_another():
    linked = {file.resolve() for page in ALL for file in links(page) if file != ROOT / page}
    assert not [page for page in ALL if (ROOT / page).resolve() not in linked]


def test_readme_leads_to_every_page():
    english = {file.resolve() for file in links("README.md")}
    turkish = {file.resolve() for file in links("README.tr.md")}
    pages = {(ROOT / page).resolve() for page in ALL if page.startswith("docs/")}
    own = {(ROOT / page).resolve() for page in TURKISH.values()}
    assert pages - own <= english
    assert own <= turkish


@cache
def command_line():
    return typer.main.get_command(app)


def options_of(words: list[str]) -> set[str]:
    """The options of the `tezgah` command that these words call; fails where there is none."""
    command = command_line()
    for word in words:
        if not hasattr(command, "commands") or word.startswith("-"):
            break
        assert word in command.commands, word
        command = command.commands[word]
    return {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help"}


def check_tezgah(command: str) -> None:
    """Fail for a command or an option that `tezgah` does not have."""
    words = shlex.split(command)
    known = options_of(words[1:])
    given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert given <= known, command


def tezgah_commands(page: str) -> list[str]:
    """Every `tezgah …` of a page, in blocks and in the text, each by itself."""
    text = read(page)
    blocks = re.findall(r"^```(?:console|bash)?\n(.*?)^```", text, re.M | re.S)
    lines = [line.removeprefix("$ ").split(" #")[0] for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`((?:[A-Z_]+=\S+ )?tezgah [^`]+)`", without_blocks(text))
    parts = [part.strip() for line in lines for part in re.split(r"&&|\|\||;", line)]
    return [part[part.index("tezgah") :] for part in parts if re.match(r"(?:[A-Z_]+=\S+ )?tezgah ", part)]


@pytest.mark.parametrize("page", ALL)
def test_tezgah_commands_and_options_exist(page):
    for command in tezgah_commands(page):
        check_tezgah(command)


def test_check_tezgah_refuses_what_does_not_exist():
    check_tezgah("tezgah import hf models/base --to data/raw/model/first")
    for command in ("tezgah fly", "tezgah import car x", "tezgah plan --hour 3", "tezgah search a -m 3"):
        with pytest.raises(AssertionError):
            check_tezgah(command)


def recipes() -> list[str]:
    """The questions of docs/recipes.md, each with its heading."""
    return re.split(r"^## ", read("docs/recipes.md"), flags=re.M)[1:]


def test_recipes_answer_fifteen_questions_with_a_command_each():
    assert [recipe.split(".")[0] for recipe in recipes()] == [str(n + 1) for n in range(QUESTIONS)]
    for recipe in recipes():
        assert len(commands(recipe)) == 1, recipe
        assert commands(recipe)[0].startswith(("tezgah ", "dvc ")), recipe


@cache
def params() -> dict:
    return YAML(typ="safe", pure=True).load(read("params.yaml"))


def has_key(path: str) -> bool:
    """Whether params.yaml has a key. What a user names, such as a source, may be anything."""
    inner = params()
    for name in path.split("."):
        if not isinstance(inner, dict) or name not in inner:
            return False
        inner = inner[name]
    return True


def named_keys(page: str) -> set[str]:
    """The keys of params.yaml that a page names in backticks or sets with -S."""
    text = read(page)
    sections = "|".join(SECTIONS)
    named = re.findall(rf"`((?:{sections})\.[\w.]+)(?::[^`]*)?`", without_blocks(text))
    named = [name for name in named if not name.endswith(FILES)]
    return {*named, *re.findall(r"-S '?([\w.]+)=", text)}


@pytest.mark.parametrize("page", ALL)
def test_keys_of_params_exist(page):
    unknown = {key for key in named_keys(page) if not has_key(key)}
    assert not unknown


def test_page_about_data_names_every_rule():
    rules = set(CorpusParams.model_fields["rules"].annotation.model_fields)
    for page in ("docs/data.md", TURKISH["data"]):
        assert rules <= set(re.findall(r"^\| `(\w+)` \|", read(page), flags=re.M))


@pytest.mark.parametrize(("page", "language"), [("docs/errors.md", 0), (TURKISH["errors"], 1)])
def test_pages_about_errors_quote_the_program(page, language):
    """A message in a table is part of one of the catalog, with … for what is filled in."""
    catalog = [
        PLACE.sub("…", pair[language]).replace("{{", "{").replace("}}", "}")
        for pair in load_catalog().items()
    ]
    rows = re.findall(r"^\| (`` .+? ``|`[^`]+`) \|", read(page), flags=re.M)
    quoted = [row.strip("`").strip() for row in rows]
    assert len(quoted) > 30
    assert not [message for message in quoted if not any(message in template for template in catalog)]


@pytest.mark.slow
def test_site_has_every_page_and_asks_no_network():
    pytest.importorskip("material")
    subprocess.run(["make", "site"], cwd=ROOT, check=True, capture_output=True)
    html = ROOT / ".site/html"
    assert all((html / page).with_suffix(".html").is_file() for page in ALL if page != "README.md")
    for page in html.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'<(?:link|script|img)[^>]+(?:src|href)="https?://', text), page
