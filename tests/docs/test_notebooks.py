"""The notebooks run from their first cell to the last, at a small size."""

import json
import os

import pytest

from tests.docs.blocks import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))

# In place of the cell that is tagged "parameters".
SMALL = {
    "train-and-look": "EPOCHS = 1\nFILTERS = 2\nSAMPLES = 80",
    "compare-three-families": "STEPS = 25\nSAMPLES = 40",
    "serve-and-call": 'EPOCHS = 1\nFOLDER = "served"',
}


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_notebooks_show_what_they_gave_and_hide_where():
    assert {path.stem for path in NOTEBOOKS} == set(SMALL)
    for path in NOTEBOOKS:
        code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
        assert any(cell["metadata"].get("tags") == ["parameters"] for cell in code)
        outputs = [output for cell in code for output in cell["outputs"]]
        assert any("image/png" in output.get("data", {}) for output in outputs), path.name
        assert not any(output["output_type"] == "error" for output in outputs), path.name


@pytest.mark.docs
# Jupyter's own client warns of what will change in it.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="needs the extra `test`")
    import nbformat

    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    book = nbformat.read(path, as_version=4)
    for cell in book.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source = SMALL[path.stem]
    nbclient.NotebookClient(
        book, timeout=200, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
