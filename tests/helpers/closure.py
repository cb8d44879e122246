"""Which rooms of pipeline/ a stage script runs: what dvc.yaml must list for it.

A room is a folder right below pipeline/, with all that lies in it. `python -m tests.helpers.closure` prints
the list of every stage, to paste.
"""

import ast
from pathlib import Path

from tests.helpers.paths import ROOT

TOP = ("pipeline", "stages")


def module_file(name: str, root: Path = ROOT) -> Path | None:
    """The file of a module of ours, from its dotted name."""
    path = root / (name.replace(".", "/") + ".py")
    return path if name.split(".")[0] in TOP and path.exists() else None


def imports(path: Path, root: Path = ROOT) -> set[Path]:
    """Files of ours that a file imports anywhere, functions included, or names in DATA_FILES."""
    files: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "DATA_FILES" for t in node.targets):
            files |= {path.parent / name for name in ast.literal_eval(node.value)}
        files |= {file for name in names if (file := module_file(name, root))}
    return files


def closure(path: Path, root: Path = ROOT) -> set[Path]:
    """All files reached from `path` by imports, itself included."""
    seen: set[Path] = set()
    pending = [path]
    while pending:
        file = pending.pop()
        if file not in seen:
            seen.add(file)
            if file.suffix == ".py":
                pending += imports(file, root)
    return seen


def room(path: Path, root: Path = ROOT) -> str:
    """The room of a file, such as pipeline/corpus; a stage's script is its own."""
    parts = path.relative_to(root).parts
    return "/".join(parts[:2])


def code_deps(stage: str, root: Path = ROOT) -> list[str]:
    """The code dependencies of a stage: its script and the rooms that its imports touch, sorted."""
    return sorted({room(file, root) for file in closure(root / f"stages/{stage}.py", root)})


if __name__ == "__main__":
    for script in sorted((ROOT / "stages").glob("[a-z]*.py")):
        print(f"{script.stem}:")
        for dep in code_deps(script.stem):
            print(f"      - {dep}")
