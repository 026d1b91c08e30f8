import numpy as np
import pytest

from tfgen.explore.lab import Play, of_link
from tfgen.explore.lab.settings import LOSSES

SMALL = "batch:16,width:16"


def followed(link, *parts):
    """A play led along its link, in parts."""
    play = Play(of_link(link))
    for steps in parts or (play.until,):
        play.advance(steps)
    return play


def weights(play, game=0):
    """All that the next step depends on, as one array."""
    model = play.players[game].model
    parts = [*model.weights, *(v for o in model.optimizers.values() for v in o.variables)]
    return np.concatenate([np.ravel(v.numpy()).astype(np.float64) for v in parts])


def test_what_was_played_by_hand_is_what_its_link_leads_to():
    play = Play(of_link(f"data=moons&seed=5&a={SMALL}&b={SMALL},model:aae"))
    play.advance(3)
    play.set([0], "discriminator_steps", 2)
    play.set([0, 1], "generator_rate", 5e-4)
    play.advance(2)
    play.alone("generator")
    play.alone("generator")
    play.alone("autoencoder")
    play.set([0], "loss", "wasserstein")
    play.set([0], "penalty", "gradient_penalty")
    play.advance(1)
    link = play.state.link()
    assert "6:ab" not in link and "5:ab:alone:generator*2,7:b:alone:autoencoder" in link
    friend = followed(link, 4, 4, 100)
    assert friend.state == play.state and friend.arrived
    for game in (0, 1):
        np.testing.assert_array_equal(weights(friend, game), weights(play, game))


def test_a_change_of_k_keeps_weights_optimizers_and_step():
    play = followed(f"a={SMALL}&step=3")
    before, model = weights(play), play.players[0].model
    play.set([0], "discriminator_steps", 3)
    changed = play.players[0].model
    assert changed is not model and changed.discriminator_steps == 3
    np.testing.assert_array_equal(weights(play), before)
    assert int(changed.step.numpy()) == 3 and play.players[0].rows == 48
    play.advance(1)
    counts = {name: int(o.iterations.numpy()) for name, o in changed.optimizers.items()}
    assert counts == {"discriminator_optimizer": 3 + 3, "generator_optimizer": 3 + 1}


@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_a_player_moves_alone(name):
    play = followed(f"data=normal&a={SMALL}&step=2")
    model = play.players[0].model
    networks = {"generator": model.generator, "discriminator": model.discriminator}

    def state(n):
        optimizer = model.optimizers[f"{n}_optimizer"]
        return [v.numpy() for v in (*networks[n].weights, *optimizer.variables)]

    before = {n: state(n) for n in networks}
    play.alone(name)
    for n in networks:
        same = [bool((a == b).all()) for a, b in zip(before[n], state(n), strict=True)]
        assert all(same) if n != name else not any(same[: len(networks[n].weights)])


def test_the_same_settings_side_by_side_are_the_same():
    play = followed(f"data=grid&a={SMALL}&b={SMALL}&step=2")
    np.testing.assert_array_equal(weights(play, 0), weights(play, 1))


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_steps(loss):
    penalty = ",penalty:gradient_penalty" if loss == "wasserstein" else ""
    play = followed(f"data=ring&a={SMALL},loss:{loss}{penalty}")
    before = weights(play)
    (reported,) = play.advance(1)
    assert np.isfinite(weights(play)).all() and (weights(play) != before).mean() > 0.5
    assert ("penalty" in reported) == bool(penalty)


def test_before_the_first_step_a_change_is_a_setting():
    play = Play(of_link(f"a={SMALL}"))
    play.set([0], "loss", "hinge")
    assert play.state.log == () and play.state.games[0].loss == "hinge"
    assert play.players[0].model.loss == "hinge"


def test_what_cannot_be_done_says_so():
    play = Play(of_link(f"a={SMALL},model:vae"))
    with pytest.raises(ValueError, match="None of the models here has a player 'generator'"):
        play.alone("generator")
    with pytest.raises(ValueError, match="Width is settled"):
        play.set([0], "width", 32)
    with pytest.raises(ValueError, match="a game of VAE has no such setting"):
        play.set([0], "loss", "hinge")
    play = Play(of_link(f"a={SMALL}&step=9"))
    with pytest.raises(ValueError, match="leads to step 9"):
        play.set([0], "loss", "hinge")
