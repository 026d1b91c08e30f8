import numpy as np
import pytest

from tests.tiny import TINY
from tfgen.explore import growth, sentences, stages


def test_a_picture_that_grew_without_change_correlates_fully():
    small = np.random.default_rng(0).uniform(-1, 1, (2, 4, 4, 1))
    large = small.repeat(2, 1).repeat(2, 2)
    assert growth._correlation(small, growth._halved(large)) == pytest.approx(1.0)


def test_stages():
    model = TINY["progan"].build()
    with pytest.raises(ValueError, match="a run that has grown: it is at side 4"):
        stages(model)
    last = model.schedule.stage(10**9)
    model.stage_number.assign(last.number)
    found = stages(model, seeds=(0, 1))
    assert list(found.numbers["correlation"])[0] == "4 and 8"
    with pytest.raises(ValueError, match="explore stages: it makes no sense for DCGAN"):
        stages(TINY["dcgan"].build())


def test_sentences():
    model = TINY["texttoimage"].build()
    found = sentences(model, "red three", "blue three", steps=3, seeds=(0, 1))
    assert found.numbers["texts"] == ["red three", "blue three"]
    assert len(found.figures["texts-moving"].frames) == 6
    with pytest.raises(ValueError, match="give two texts"):
        sentences(model, "red", "red")
    with pytest.raises(ValueError, match="explore sentences: it makes no sense for DCGAN"):
        sentences(TINY["dcgan"].build())
