import numpy as np
import pytest

from tests.explore.test_latent_space import digits
from tests.tiny import TINY
from tfgen.explore import ablate, ablation


def test_the_map_that_lights_up_inside_is_chosen():
    generator = np.random.default_rng(0)
    maps = generator.normal(size=(20, 4, 4, 5))
    inside = ablation._inside(maps, (0.0, 0.0, 0.5, 1.0))
    assert inside[:, :2].all() and not inside[:, 2:].any()
    maps[..., 3] += 3.0 * inside
    np.testing.assert_array_equal(ablation.choose(maps, inside, 0.2, generator), [3])


def test_both_parts_of_the_generator_are_the_generator():
    model = TINY["dcgan"].build()
    first, second = ablation._chain(model)
    z = np.random.default_rng(0).uniform(-1, 1, (3, 4)).astype("float32")
    whole = model.generator(z, training=False)
    np.testing.assert_allclose(ablation._batched(second, ablation._batched(first, z)), whole)


def test_ablate(monkeypatch):
    monkeypatch.setattr(ablation, "POOL", 40)
    options = dict(share=0.3, samples=5, rounds=2)
    model = TINY["dcgan"].build()
    with pytest.raises(ValueError, match="all of its samples show class .: give `box`"):
        ablate(model, digits(), digits("test"), **options)
    boxed = ablate(model, digits(), digits("test"), box=(0, 0, 0.5, 1), **options)
    assert len(boxed.numbers["each_random"]) == 2 and "before-and-after" in boxed.figures
    assert boxed.numbers["dropped"] == "the box" and boxed.numbers["brightness_outside"] > 0
    with pytest.raises(ValueError, match="`box` as top,left,bottom,right"):
        ablate(model, digits(), digits("test"), box=(0, 1))
    with pytest.raises(ValueError, match="explore ablate: it makes no sense for VAE"):
        ablate(TINY["vae"].build(), digits(), digits("test"))
