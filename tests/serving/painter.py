"""An export folder with every kind of input, of a model with nothing to learn."""

import json
import warnings

import numpy as np
import tensorflow as tf

from tfgen.export import endpoints, record
from tfgen.model import GenerativeModel
from tfgen.signature import Input, Signature
from tfgen.text import tokens

SIDE, CODE = 8, 3
NAMES = ("sky", "sea", "sun", "sand")
WORDS = tokens.Words(("a", "red", "blue", "circle", "square"), length=4)


class Painter(GenerativeModel):
    """Pictures by one fixed matrix; classes, texts and domains change their brightness."""

    reports = ("loss",)

    def __init__(self, seed=0):
        super().__init__(seed=seed)
        generator = np.random.default_rng(seed)
        self.matrix = generator.normal(size=(CODE, SIDE * SIDE)).astype("float32")

    def train_step(self, batch):
        raise NotImplementedError

    def painted(self, z, shift):
        pixels = tf.tanh(tf.matmul(z, self.matrix) + shift)
        return {"image": tf.reshape(pixels, (-1, SIDE, SIDE, 1))}

    def generate(self, z, label):
        return self.painted(z, tf.cast(label, tf.float32)[:, None] / 4.0)

    def describe(self, z, text):
        return self.painted(z, tf.cast(tf.strings.length(text), tf.float32)[:, None] / 10.0)

    def caption(self, z, tokens):
        return self.painted(z, tf.cast(tf.reduce_max(tokens, 1), tf.float32)[:, None] / 5.0)

    def decode(self, z):
        return self.painted(z, 0.0)

    def encode(self, image):
        pixels = tf.reshape(image, (-1, SIDE * SIDE))
        return {"code": tf.matmul(pixels, self.matrix, transpose_b=True) / SIDE}

    def reconstruct(self, image):
        return self.decode(self.encode(image)["code"])

    def translate(self, image, domain):
        return {"image": image * (1.0 - tf.cast(domain, tf.float32)[:, None, None, None] / 2.0)}

    def a_to_b(self, image):
        return {"image": -image}

    def b_to_a(self, image):
        return {"image": -image}

    def complete(self, image, mask):
        return {"image": tf.where(mask > 0, image, 1.0)}

    def assemble(self, patches):
        return {"image": tf.reduce_max(patches, 1)}

    def signatures(self):
        z, image = {"z": Input.noise(CODE)}, {"image": Input.image((SIDE, SIDE, 1))}
        text = Input.text(("a circle", "two squares"))
        mask = Input((SIDE, SIDE, 1), "int32", num_classes=2)
        return {
            "generate": Signature(self.generate, {**z, "label": Input.label(4, NAMES)}),
            "describe": Signature(self.describe, {**z, "text": text}),
            "caption": tokens.served(self.caption, WORDS, z, ("a red circle", "a blue square")),
            "decode": Signature(self.decode, {"z": Input((CODE,))}),
            "encode": Signature(self.encode, image),
            "reconstruct": Signature(self.reconstruct, image),
            "translate": Signature(self.translate, {**image, "domain": Input.label(3)}),
            "a_to_b": Signature(self.a_to_b, image),
            "b_to_a": Signature(self.b_to_a, {"image": Input.image((None, None, 3))}),
            "complete": Signature(self.complete, {**image, "mask": mask}),
            "assemble": Signature(self.assemble, {"patches": Input.image((None, SIDE, SIDE, 1))}),
        }


def export(folder, version=1):
    """Writes version and record as `tfgen.export.export` does, without the verification."""
    model = Painter()
    table = endpoints.endpoints(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        endpoints.write(table, folder / str(version))
    content = {"version": version, "formats": ["saved_model"], **record.describe(model, table)}
    text = json.dumps(content, default=record.plain)
    (folder / str(version) / "assets.extra").mkdir(exist_ok=True)
    for path in (folder, folder / str(version) / "assets.extra"):
        (path / "export.json").write_text(text)
    return model
