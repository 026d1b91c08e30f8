"""Faults of tf2onnx 1.17 put right while it converts a model.

Two of them make a conversion depend on an order that TensorFlow does not fix between processes, so
that the same model is converted in one and fails, or gives a wrong file, in the next: the order in
which loops are read, and outputs behind a reshape. The third is that its optimizers' errors become
warnings; with that go the copies of the graph that it keeps for them, most of a conversion's time.
"""

from contextlib import contextmanager
from unittest import mock

from tensorflow.python.framework.function_def_to_graph import function_def_to_graph
from tf2onnx import optimizer, tfonnx
from tf2onnx.optimizer.reshape_optimizer import ReshapeOptimizer
from tf2onnx.tf_utils import tflist_to_onnx

# For quantized graphs, TensorFlow 1's upsampling, and runtimes that lack Einsum.
WITHOUT_USE = {
    "remove_redundant_upsample",
    "const_dequantize_optimizer",
    "q_dq_optimizer",
    "einsum_optimizer",
}


@contextmanager
def repaired():
    """Conversions in this context; not for several threads at once."""
    with (
        mock.patch.object(tfonnx, "resolve_functions", functions_of),
        mock.patch.object(optimizer, "optimize_graph", optimized),
    ):
        yield


def functions_of(graph):
    """The bodies and conditions of a graph's loops as graphs, each after those that it calls.

    tf2onnx reads them in the order of a hash table. One that comes before its caller does not
    learn the shapes of its inputs, without which some operations cannot be converted. Here a
    caller always comes first.
    """
    definitions, read = graph._functions, {}

    def visit(caller):
        for name, shapes in tflist_to_onnx(caller, {})[-1].items():
            if name not in read:
                definition = definitions[name].definition
                read[name] = as_graph(definition, shapes[: len(definition.signature.input_arg)])
                yield from visit(read[name])
                yield read[name]

    return list(visit(graph))


def as_graph(definition, shapes):
    try:
        return function_def_to_graph(definition, input_shapes=shapes)
    except ValueError:
        # A loop whose variables change their shapes: what it declares itself is all there is.
        return function_def_to_graph(definition)


def optimized(graph, *_, optimize_graph=optimizer.optimize_graph, **__):
    """The graph after the optimizers that have a use here, whose errors are raised."""
    chosen = {n: o for n, o in optimizer._optimizers.items() if n not in WITHOUT_USE}
    return optimize_graph(graph, False, {**chosen, "reshape_optimizer": InnerReshapes})


class InnerReshapes(ReshapeOptimizer):
    """Leaves a reshape alone that gives one of the graph's outputs.

    The original adds a node behind it and does not rename the output, which then is the value
    before that node, of another rank.
    """

    def _optimize_reshape(self, node, graph):
        return node.output[0] not in graph.outputs and super()._optimize_reshape(node, graph)
