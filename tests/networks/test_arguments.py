"""What is said about an argument that does not fit."""

import pytest

from tfgen.networks.arguments import at_least, one_of


def test_words_that_are_not_known_are_refused():
    one_of(("mlp", "conv"), network="conv")
    with pytest.raises(ValueError, match="^`network` must be 'mlp' or 'conv'. Received: 'vgg'.$"):
        one_of(("mlp", "conv"), network="vgg")
    with pytest.raises(ValueError, match="^`use` must be one of a, b, c. Received: None.$"):
        one_of(("a", "b", "c"), use=None)


def test_numbers_that_are_too_small_are_refused():
    at_least(1, latent_dim=1, blocks=7)
    with pytest.raises(ValueError, match="^`blocks` must be at least 1. Received: 0.$"):
        at_least(1, latent_dim=1, blocks=0)
