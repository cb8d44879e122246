"""The notebook for students: committed without outputs, and executed from clone to chat at smoke size."""

import json

import pytest

from pipeline.common.paths import STAGES
from tests.test_pipeline import Clone

NOTEBOOK = "notebooks/tezgah.ipynb"


def test_the_committed_notebook_holds_no_outputs(root):
    notebook = json.loads((root / NOTEBOOK).read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


def execute(root, folder, *cells):
    """Execute the notebook, or some of its cells alone, in a folder. Return the outputs of each cell."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(root / NOTEBOOK, as_version=4)
    if cells:
        notebook.cells = [cell for cell in notebook.cells if cell.id in cells]
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def printed(outputs):
    return "".join(output.text for output in outputs if output.output_type == "stream")


def page(outputs):
    return "".join(output.data["text/html"] for output in outputs if output.output_type == "display_data")


@pytest.mark.slow
def test_notebook_runs_from_the_data_to_the_chat(root, tmp_path, monkeypatch):
    clone = Clone(tmp_path, root)
    monkeypatch.setenv("TEZGAH_BOY", "smoke")
    monkeypatch.setenv("TEZGAH_SCRATCH", str(tmp_path / ".scratch"))
    cells = execute(root, tmp_path / "notebooks")

    assert str(tmp_path) in printed(cells["proje"])
    assert clone.ran(printed(cells["ilk-asamalar"]) + printed(cells["egitim"])) == list(STAGES)
    assert clone.ran(printed(cells["deney"])) == ["train_base", "train_sft", "evaluate"]
    assert "burada süre" in printed(cells["plan"])
    assert "1.188 belge" in printed(cells["belgeler"])
    assert "Nasıl öğrendi?" in page(cells["egriler"])
    assert "&lt;svg" in page(cells["egriler"])
    assert "Bir eğitimin öyküsü" in page(cells["sayfa"])
    assert "bits_per_byte.val" in printed(cells["karsilastirma"])
    assert "train.steps" in page(cells["karsilastirma"])
    assert len(printed(cells["soru"]).split()) >= 3
    talk = printed(cells["dongu"]).split("Siz: Merhaba!\n")[1]
    assert talk.split("Yazacak kimse yok")[0].strip()
    assert (tmp_path / "exports/merhaba-page/merhaba.html").stat().st_size > 100_000
    assert "merhaba" in page(cells["deneyin"])
    assert "hata:" not in "".join(map(printed, cells.values()))


@pytest.mark.slow
def test_notebook_outside_of_a_project_clones_it(root, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    clone = tmp_path / "origin"
    clone.mkdir()
    Clone(clone, root)
    monkeypatch.setenv("TEZGAH_REPO", str(clone))
    (tmp_path / "content").mkdir()
    execute(root, tmp_path / "content", "proje")
    assert (tmp_path / "content/tezgah/dvc.yaml").is_file()

    monkeypatch.setenv("TEZGAH_REPO", "")
    (tmp_path / "empty").mkdir()
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="REPO boş"):
        execute(root, tmp_path / "empty", "proje")
