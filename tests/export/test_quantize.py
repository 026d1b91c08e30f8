"""Half precision and 8 bits: what is written, and that its cost is measured."""

import numpy as np
import onnx
import pytest
import tensorflow as tf

from tests.export import second_reader
from tests.export.network import Network, Serves
from tfgen.export import ExportError, bundle, edge, onnx_files, onnx_order, quantize, report
from tfgen.signature import Input, Signature

# The evaluator has DequantizeLinear from operator set 19 on only.
LACKING = ()


@pytest.fixture(scope="module")
def variants(tmp_path_factory):
    """(model, folder, report)"""
    model, folder = Network(), tmp_path_factory.mktemp("onnx")
    signatures = model.signatures()
    onnx_files.write(model, signatures, folder)
    return model, folder, quantize.write(folder, signatures, quantize.VARIANTS)


def test_files_are_smaller_and_run_on_the_edge(variants):
    model, folder, found = variants
    expected = model.sample(range(40))
    for variant, most in (("fp16", 2e-2), ("int8", 0.15)):
        path = folder / f"generate.{variant}.onnx"
        entry = found[variant]["generate"]
        assert entry["bytes"] == path.stat().st_size
        it = edge.Edge(path)
        gap = np.abs(it.sample(range(40)) - expected)
        measured = entry["outputs"]["image"]
        assert 0 < gap.mean() < 2 * measured["mean"] and gap.max() < 2 * measured["max"] < most
        properties = {p.key: p.value for p in onnx.load(path).metadata_props}
        assert properties["tfgen.variant"] == variant
    assert found["fp16"]["generate"]["bytes"] < 0.8 * found["fp16"]["generate"]["float32_bytes"]


def test_every_file_passes_the_checker_in_full(variants):
    files = sorted(variants[1].glob("*.onnx"))
    assert {path.name.partition(".")[2] for path in files} == {"onnx", "fp16.onnx", "int8.onnx"}
    for path in files:
        onnx.checker.check_model(path, full_check=True)
        proto = onnx.load(path)
        onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)


@pytest.mark.parametrize(("variant", "most"), [("", 1e-6), (".fp16", 5e-3), (".int8", 1e-5)])
def test_a_second_reader_agrees_with_onnxruntime(variants, variant, most):
    model, folder, _ = variants
    for name, signature in model.signatures().items():
        feeds = quantize.inputs(signature, None)
        gap = second_reader.difference(folder / f"{name}{variant}.onnx", feeds)
        assert gap is None if (name, variant) in LACKING else gap < most, (name, gap)


def test_a_loop_in_half_precision_is_in_order(tmp_path):
    """The converter casts where a loop begins, and writes the cast behind it."""

    def add(z):
        two = z * 2.0
        return {"y": tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y + two), (0, z))[1]}

    table = {"add": Signature(add, {"z": Input.noise(3)})}
    onnx_files.write(Serves(table), table, tmp_path)
    found = quantize.write(tmp_path, table, ("fp16",))["fp16"]["add"]
    assert found["outputs"]["y"]["max"] < 0.1
    onnx.checker.check_model(tmp_path / "add.fp16.onnx", full_check=True)


def test_a_graph_that_is_out_of_order(tmp_path):
    node = onnx.helper.make_node
    nodes = [node("Neg", ["b"], ["c"]), node("Abs", ["a"], ["b"])]
    a, c = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2]) for n in "ac")
    opset = [onnx.helper.make_opsetid("", 17)]
    graph = onnx.helper.make_graph(nodes, "g", [a], [c])
    proto = onnx.helper.make_model(graph, opset_imports=opset)
    with pytest.raises(onnx.checker.ValidationError, match="sorted"):
        onnx.checker.check_model(proto)
    onnx_order.save(proto, tmp_path / "x.onnx")
    assert [n.op_type for n in onnx.load(tmp_path / "x.onnx").graph.node] == ["Abs", "Neg"]
    del proto.graph.node[0]
    with pytest.raises(ExportError, match="y.onnx is no valid ONNX file"):
        onnx_order.save(proto, tmp_path / "y.onnx")
    assert not (tmp_path / "y.onnx").exists()


def test_measures(variants):
    found = variants[2]
    fp16, int8 = (found[v]["generate"]["outputs"]["image"] for v in quantize.VARIANTS)
    assert fp16["max"] < int8["max"] and fp16["psnr_db"] > int8["psnr_db"] > 15
    assert set(found["int8"]["generate"]["outputs"]) == {"image", "brightness"}
    assert "psnr_db" not in found["int8"]["discriminate"]["outputs"]["logit"]
    test = found["fp16"]["generate"]["pictures"]
    assert test["rows"] == quantize.ROWS and 0 < test["p"] <= 1
    assert test["mmd_squared"] == pytest.approx(test["float32_mmd_squared"], abs=1e-3)
    assert "pictures" not in found["fp16"]["discriminate"]


def test_psnr_against_hand_computed_values():
    zeros, tenths = np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.2)
    assert quantize.psnr(tenths, zeros) == pytest.approx(20.0)  # 10 log10(4 / 0.04)
    assert quantize.psnr(zeros, zeros) is None
    assert quantize.difference(tenths, zeros)["max"] == pytest.approx(0.2)


def test_a_variant_that_does_not_work_is_left_out(tmp_path, monkeypatch):
    table = {"twice": Signature(lambda z: {"y": z * 2.0}, {"z": Input.noise(3)})}
    onnx_files.write(Serves(table), table, tmp_path)
    run = quantize.run

    def overflowing(path, feeds):
        found = run(path, feeds)
        return {"y": found["y"] / 0.0} if "fp16" in path.name else found

    monkeypatch.setattr(quantize, "run", overflowing)
    with np.errstate(divide="ignore"):
        found = quantize.write(tmp_path, table, ("fp16", "int8"))
    assert "'y' is not finite" in found["fp16"]["twice"]["error"]
    assert not (tmp_path / "twice.fp16.onnx").exists()
    assert found["int8"]["twice"]["outputs"]["y"] == {"max": 0.0, "mean": 0.0}


def test_what_is_refused(tmp_path):
    with pytest.raises(ExportError, match="must be some of .* Received: \\['int4'\\]"):
        quantize.write(tmp_path, {}, ("int4",))
    with pytest.raises(ExportError, match="add 'onnx' to `formats`"):
        bundle.export(Network(), tmp_path, formats=("saved_model",), variants=("fp16",))
    assert not list(tmp_path.iterdir())


def test_lines_for_people(variants):
    record = {
        "signatures": ["generate"],
        "verification": {"max_abs_error": {"onnx": {"generate": {"image": 2e-7}}}},
        "quantized": {**variants[2], "fp16": {"generate": {"error": "no such operation"}}},
    }
    lines = list(report.lines(record))
    assert lines[:2] == ["  signatures: generate", "  largest error against Keras: 2.0e-07"]
    assert lines[2] == "  fp16 generate: left out: no such operation"
    assert "int8 generate: " in lines[3] and "PSNR" in lines[3] and "two-sample test" in lines[3]
