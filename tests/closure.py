"""Which files of this repository a stage script runs: what dvc.yaml must list for it.

`python tests/closure.py` prints the list of every stage, to paste.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def module_file(name: str) -> Path | None:
    """The file of a module of ours, from its dotted name."""
    path = ROOT / (name.replace(".", "/") + ".py")
    return path if name.split(".")[0] in ("pipeline", "stages") and path.exists() else None


def imports(path: Path) -> set[Path]:
    """Files of ours that a file imports anywhere, functions included, or names in DATA_FILES."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "DATA_FILES" for t in node.targets):
            found |= {path.parent / name for name in ast.literal_eval(node.value)}
        found |= {file for name in names if (file := module_file(name))}
    return found


def closure(path: Path) -> set[Path]:
    """All files reached from `path` by imports, itself included."""
    seen: set[Path] = set()
    pending = [path]
    while pending:
        file = pending.pop()
        if file not in seen:
            seen.add(file)
            if file.suffix == ".py":
                pending += imports(file)
    return seen


def code_deps(stage: str) -> list[str]:
    """The code dependencies of a stage, relative to the repository, sorted."""
    return sorted(file.relative_to(ROOT).as_posix() for file in closure(ROOT / f"stages/{stage}.py"))


if __name__ == "__main__":
    for script in sorted((ROOT / "stages").glob("[a-z]*.py")):
        print(f"{script.stem}:")
        for dep in code_deps(script.stem):
            print(f"      - {dep}")
