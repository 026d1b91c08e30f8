"""ONNX files by another reader than onnxruntime."""

import onnx
import pytest

from tests.export import second_reader
from tests.tiny import TINY
from tfgen.export import endpoints, onnx_files


@pytest.mark.trace
@pytest.mark.parametrize("name", ["conditionalgan_conv", "cyclegan", "dcgan", "progan", "vae"])
def test_the_files_of_a_model_are_read_alike(name, tmp_path):
    model = TINY[name].build()
    with endpoints.exporting(model):
        signatures = endpoints.declared(model)
        files = onnx_files.write(model, signatures, tmp_path)
    for key, path in files.items():
        feeds = TINY[name].feeds(signatures[key], 2)
        assert second_reader.difference(path, feeds) <= 1e-5, key


def test_labels_are_laid_over_a_map_without_a_tile_along_two_axes(tmp_path):
    """OpenVINO 2026.4 runs such a Tile wrongly where the batch is free."""
    model = TINY["conditionalgan_conv"].build()
    only = {"generate": model.signatures()["generate"]}
    proto = onnx.load(onnx_files.write(model, only, tmp_path)["generate"])
    assert "Tile" not in {node.op_type for node in proto.graph.node}
