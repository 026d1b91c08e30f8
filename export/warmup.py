"""Warm-up requests that TensorFlow Serving replays while it loads a version.

The file is a TFRecord of `tensorflow.serving.PredictionLog`. The four nested messages are written
field by field, so that an export does not need the package tensorflow-serving-api.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

# A record is replayed before the version answers: a huge one would delay the swap.
LARGEST = 1 << 20


def write(folder: Path, rows: dict[str, dict]) -> None:
    """Writes assets.extra/tf_serving_warmup_requests.

    Args:
        folder: The SavedModel's.
        rows: Signature -> input -> one row, (1, ...); huge ones are left out.
    """
    target = folder / "assets.extra" / "tf_serving_warmup_requests"
    target.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(target)) as records:
        for name, feeds in rows.items():
            if sum(value.size for value in feeds.values()) <= LARGEST:
                records.write(prediction_log(name, feeds))


def prediction_log(signature_name: str, feeds: dict[str, np.ndarray]) -> bytes:
    """A serialized PredictionLog of one predict request."""
    model_spec = field(1, b"model") + field(3, signature_name.encode())  # name, signature_name
    request = field(1, model_spec)
    for name, value in feeds.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += field(2, field(1, name.encode()) + field(2, tensor))  # map<string, TensorProto>
    return field(6, field(1, request))  # PredictionLog.predict_log, PredictLog.request


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited protocol buffer field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    """An unsigned integer, seven bits a byte, low ones first."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
