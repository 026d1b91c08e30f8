"""Networks and their weights go by the names that the models give them."""

import keras
import pytest

from tests.tiny import TINY

# `text_encoder` is the argument that chooses the network.
OTHERWISE = {("texttoimage", "encoder"): "text_encoder"}


def networks(model):
    """(attribute, network) of all that have weights; of a list's, "part_..." for "parts"."""
    for attribute, value in vars(model).items():
        if attribute.startswith("_"):
            continue
        if isinstance(value, keras.layers.Layer):
            yield attribute, value
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, keras.layers.Layer):
                    yield attribute.removesuffix("s") + "_", item


@pytest.mark.parametrize("tiny", TINY.values(), ids=TINY.keys())
def test_a_network_and_its_weights_go_by_its_attribute(tiny):
    model = tiny.build()
    named = {}
    for attribute, network in networks(model):
        # One that is two players at once goes by the first: a GSNN's prior and recognition net.
        name = named.setdefault(id(network), OTHERWISE.get((tiny.model, attribute), attribute))
        assert network.name == name or (name.endswith("_") and network.name.startswith(name))
        assert [w.path for w in network.weights if not w.path.startswith(f"{network.name}/")] == []
    assert named
    assert len({w.path for w in model.weights}) == len(model.weights)
    assert [w.path for w in model.weights if "sequential" in w.path] == []


@pytest.mark.parametrize("tiny", TINY.values(), ids=TINY.keys())
def test_every_weight_of_a_player_lies_in_a_named_network(tiny):
    model = tiny.build()
    within = {id(w) for _, network in networks(model) for w in network.weights}
    assert [w.path for w in model.trainable_weights if id(w) not in within] == []
