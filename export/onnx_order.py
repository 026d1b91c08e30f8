"""How ONNX files are written: in order, and valid by ONNX's own reading."""

import graphlib
from collections.abc import Iterator
from pathlib import Path

import onnx

from tfgen.export.errors import ExportError


def save(proto: onnx.ModelProto, path: Path) -> None:
    """Writes a model whose nodes are put in order, and which passes ONNX's checker in full.

    Raises:
        ExportError: It is not valid, or types and shapes contradict each other.
    """
    sort(proto.graph)
    onnx.save(proto, path)
    try:
        onnx.checker.check_model(path, full_check=True)
        onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        path.unlink()
        reason = " ".join(str(error).split())[:300]
        raise ExportError(f"{path.name} is no valid ONNX file: {reason}") from error


def sort(graph: onnx.GraphProto) -> None:
    """Puts each node behind those whose outputs it takes, in a graph and in those inside of it."""
    makers = {name: n for n, node in enumerate(graph.node) for name in node.output if name}
    needed = {
        number: sorted({makers[name] for name in read(node) if name in makers})
        for number, node in enumerate(graph.node)
    }
    if any(maker > number for number, found in needed.items() for maker in found):
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in graph.node]
        order = list(graphlib.TopologicalSorter(needed).static_order())
        del graph.node[:]
        graph.node.extend(nodes[number] for number in order)
    for node in graph.node:
        for inner in graphs(node):
            sort(inner)


def read(node: onnx.NodeProto) -> Iterator[str]:
    """Names that a node reads, those that graphs inside of it take from around it among them."""
    yield from node.input
    for graph in graphs(node):
        for inner in graph.node:
            yield from read(inner)
        yield from (output.name for output in graph.output)


def graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs inside of a node: bodies of loops, branches."""
    for attribute in node.attribute:
        yield from (graph for graph in (attribute.g, *attribute.graphs) if graph.node)
