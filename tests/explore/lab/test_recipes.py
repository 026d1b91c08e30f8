import numpy as np
import pytest
import yaml

from tests.explore.lab.test_play import SMALL, followed
from tfgen.explore.lab import Play, of_link, recipes
from tfgen.training import config, experiment

CHANGED = (
    "log=1:a:discriminator_steps:2,2:a:discriminator_rate:0.004,2:a:alone:generator*2,"
    "4:a:loss:wasserstein,4:a:penalty:gradient_penalty,5:a:batch:64"
)


@pytest.mark.parametrize(
    "link",
    [
        f"data=ring&seed=3&a={SMALL}&{CHANGED}&step=6",
        f"data=line&drawing=a10b3c1a26&a={SMALL},model:vae&log=1:a:generator_rate:0.01&step=3",
        f"data=moons&a={SMALL}&b={SMALL},model:aae&log=1:b:alone:generator&step=3",
    ],
)
def test_the_program_ends_with_the_same_weights(link, capsys):
    play = followed(link)
    game = len(play.players) - 1
    text = recipes.python(play.state, game)
    names: dict = {}
    exec(compile(text, "lab.py", "exec"), names)
    for mine, its in zip(play.players[game].model.weights, names["model"].weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), its.numpy())
    assert "[[" in capsys.readouterr().out
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize(
    "game", [SMALL, f"{SMALL},penalty:r1,loss:hinge", "model:vae", "model:aae,loss:least_squares"]
)
def test_the_config_is_one_and_builds_the_same_model(game):
    play = Play(of_link(f"data=moons&seed=4&a={game}"))
    text = recipes.yaml(play.state, 0)
    built = experiment.build(config.parse(yaml.safe_load(text)))
    own = play.players[0].model
    assert type(built) is type(own) and built.seed == 4 and "&id" not in text
    for name, value in own.get_config().items():
        if name not in own.network_names:
            assert built.get_config()[name] == value, name
    assert [w.shape for w in built.weights] == [w.shape for w in own.weights]
    for name, optimizer in own.optimizers.items():
        of_both = [o.get_config() | {"name": ""} for o in (built.optimizers[name], optimizer)]
        assert of_both[0] == of_both[1]
