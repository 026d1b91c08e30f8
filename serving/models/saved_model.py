"""One loaded SavedModel: a session of its own, as in TensorFlow Serving.

A session takes any SavedModel, of TensorFlow 1 or 2, feeds the tensors that its SignatureDefs name,
gives TensorFlow's own errors, stops at a deadline, has its own thread pools where asked, and frees
what it holds when it is closed.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.saved_model.loader_impl import SavedModelLoader

from tfgen.serving import tensor_proto
from tfgen.serving.status import Code, Failure, from_exception

DEFAULT_SIGNATURE = "serving_default"
_MANIFEST = "export.json"
_CALLABLES = 64  # Combinations of outputs and time limits kept ready, for each model.


@dataclass(frozen=True)
class Runtime:
    """How sessions are made.

    Args:
        tags: Tags of the graph to load.
        intra_op_threads: Threads within an operation; 0: one a core.
        inter_op_threads: Operations at once; 0: one a core.
        gpu_memory_fraction: Part of each GPU's memory to take at once; 0: TensorFlow's default.
    """

    tags: tuple[str, ...] = ("serve",)
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    gpu_memory_fraction: float = 0.0

    def config(self):
        """The sessions' ConfigProto."""
        config = config_pb2.ConfigProto(
            intra_op_parallelism_threads=self.intra_op_threads,
            inter_op_parallelism_threads=self.inter_op_threads,
            allow_soft_placement=True,
        )
        config.gpu_options.per_process_gpu_memory_fraction = self.gpu_memory_fraction
        # Thread pools are otherwise those of the process, sized by whoever came first.
        config.use_per_session_threads = bool(self.intra_op_threads or self.inter_op_threads)
        return config


class SavedModel:
    """A SavedModel that is ready to run.

    Attributes:
        path: Its folder.
        signatures: Name -> SignatureDef, all of them.
        is_export: Whether it lies in an export folder of tfgen, beside its manifest: its inputs
            are finite numbers. Other SavedModels may give NaN a meaning.
        class_names: Signature -> input -> names of its classes, of an export that knows them.

    Raises:
        Failure: It cannot be loaded.
    """

    def __init__(self, path: Path, runtime: Runtime):
        self.path = Path(path)
        self.is_export = (self.path.parent / _MANIFEST).is_file()
        self.class_names = _class_names(self.path / "assets.extra" / _MANIFEST)
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph, config=runtime.config())
        self._callables = {}
        self._lock = threading.Lock()
        try:
            loader = SavedModelLoader(str(path))
            with graph.as_default():
                meta = loader.load(self._session, list(runtime.tags))
        except (OSError, RuntimeError) as error:
            # The loader's words for a folder without a SavedModel, and for unknown tags.
            self._session.close()
            raise Failure(Code.NOT_FOUND, str(error)) from error
        except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
            self._session.close()
            raise from_exception(error) from error
        self.signatures = dict(meta.signature_def)
        self.defaults = {
            name: {key: tensor_proto.to_array(proto) for key, proto in signature.defaults.items()}
            for name, signature in self.signatures.items()
        }

    def run(self, feeds: dict[str, np.ndarray], fetches: tuple[str, ...], timeout_ms: int = 0):
        """Runs the graph.

        Args:
            feeds: Tensor name -> array of the tensor's type.
            fetches: Tensor names.
            timeout_ms: Most time to take; 0: no limit.

        Returns:
            One array a fetch.

        Raises:
            Failure: What TensorFlow says, with its code.
        """
        names = tuple(feeds)
        try:
            outputs = self._callable(names, fetches, timeout_ms)(*feeds.values())
        except (tf.errors.OpError, ValueError, TypeError, RuntimeError, MemoryError) as error:
            raise from_exception(error) from error
        # What has no axes comes as a NumPy scalar, or as bytes.
        return [np.array(x, object) if isinstance(x, bytes) else np.asarray(x) for x in outputs]

    def _callable(self, feeds, fetches, timeout_ms):
        key = (feeds, fetches, timeout_ms)
        with self._lock:
            made = self._callables.get(key)
            if made is None:
                options = config_pb2.CallableOptions(feed=feeds, fetch=fetches)
                options.run_options.timeout_in_ms = timeout_ms
                made = self._session._make_callable_from_options(options)
                while len(self._callables) >= _CALLABLES:
                    self._callables.pop(next(iter(self._callables)))
                self._callables[key] = made
        return made

    def close(self) -> None:
        """Frees the model. Nothing may be running."""
        self._callables.clear()
        self._session.close()


def _class_names(path):
    """Names of classes by signature and input, from an export's record; {} without one."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))["endpoints"]
        named = {
            signature: {n: i["class_names"] for n, i in entry["inputs"].items() if _has_names(i)}
            for signature, entry in table.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {signature: inputs for signature, inputs in named.items() if inputs}


def _has_names(entry):
    return bool(entry.get("class_names"))
