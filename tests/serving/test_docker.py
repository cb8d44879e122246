"""The Dockerfile: it copies what is there, and the image installs what the server imports."""

import re
import tomllib

from tests.helpers.paths import ROOT


def test_dockerfile_copies_what_dockerignore_lets_through():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (.+) \S+$", text, flags=re.M) for name in line.split()}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert copied == set(re.findall(r"^!(\S+)$", ignored, flags=re.M))
    assert all((ROOT / name).exists() for name in copied - {"models"})


def test_image_has_the_packages_of_the_extra_serve():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (names,) = re.findall(r"grep -E '\^\(([\w|]+)\)=='", text)
    assert set(names.split("|")) == set(project["optional-dependencies"]["serve"])
