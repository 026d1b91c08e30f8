import numpy as np
import pytest

from tests.explore.test_latent_space import digits
from tests.tiny import TINY
from tfgen import data
from tfgen.explore import assemble, puzzles


def test_assemble():
    calls = []
    found = assemble(
        TINY["puzzlegan"].build(),
        data.patches(digits("test", 30)),
        shown=3,
        pictures=20,
        progress=lambda *call: calls.append(call),
    )
    numbers = found.numbers
    shares = numbers["share_of_mask_where_a_patch_was"]
    assert list(shares) == ["all 3", "2 of 3", "1 of 3"] and numbers["pictures"] == 20
    # Activations are summed over the parts, and the mask does not follow the noise.
    assert numbers["other_order"]["image"] < 1e-5 > numbers["other_noise"]["mask"]
    assert 0.0 <= numbers["mask_iou"]["low"] <= numbers["mask_iou"]["value"]
    assert calls[-1] == (6, 6) and set(found.figures) == {"puzzles"}


def test_masks_by_hand():
    a, b = np.zeros((1, 2, 2, 1), bool), np.zeros((1, 2, 2, 1), bool)
    a[0, 0], b[0, :, 0] = True, True
    assert puzzles._overlap(a, b).tolist() == [1 / 3] and puzzles._inside(a, b) == 0.5
    nothing = np.zeros_like(a)
    assert puzzles._overlap(nothing, nothing).tolist() == [0.0] == [puzzles._inside(nothing, a)]


def test_what_makes_no_sense():
    model = TINY["puzzlegan"].build()
    with pytest.raises(ValueError, match="explore assemble: it makes no sense for DCGAN"):
        assemble(TINY["dcgan"].build(), digits())
    with pytest.raises(ValueError, match="has no patches; 'patches:NAME'"):
        assemble(model, digits())
    with pytest.raises(ValueError, match="`pictures` 10 or more"):
        assemble(model, data.patches(digits("test", 30)), pictures=3)
