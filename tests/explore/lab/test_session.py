import math

import numpy as np
import orjson
import pytest

from tfgen.explore.lab.session import MOST_AT_ONCE, Session

SMALL = {"width": 16, "batch": 16}


@pytest.fixture(scope="module")
def session():
    one = Session()
    games = [{**SMALL, "model": model} for model in ("gan", "vae", "aae")]
    one.opened = one.answer({"do": "open", "state": {"data": "moons", "seed": 1, "games": games}})
    return one


def test_what_is_told_when_it_opens(session):
    opened = session.opened
    assert opened["kind"] == "opened" and opened["step"] == opened["until"] == 0
    density = opened["density"]
    assert density["dim"] == 2 and len(density["p"]) == density["cells"] ** 2
    assert math.fsum(density["p"]) == pytest.approx(1.0, abs=1e-3)
    assert [option["name"] for option in opened["options"]][0] == "model"
    orjson.dumps(opened, option=orjson.OPT_SERIALIZE_NUMPY)


def test_a_frame_of_a_plane(session):
    answer = session.answer({"do": "run", "steps": 2, "stages": True})
    assert answer["kind"] == "frame" and answer["step"] == 2
    gan, vae, aae = answer["frame"]
    assert len(gan["d"]) == len(gan["best"]) == 1600 and np.shape(gan["push"]) == (300, 2)
    assert np.shape(gan["told"]) == np.shape(gan["before"]) == (300, 2)
    numbers = gan["numbers"]
    assert numbers["optimum"] == pytest.approx(2 * numbers["jsd"] - math.log(4))
    assert {"value", "d_data", "discriminator_loss"} <= set(numbers)
    assert "d" not in vae and "d" in aae["codes"] and np.shape(aae["codes"]["push"]) == (300, 2)
    # Its own KL, and that of the density.
    assert {"kl", "forward_kl", "codes_jsd", "negative_elbo"} <= set(vae["numbers"])
    assert vae["numbers"]["negative_elbo"] == pytest.approx(
        vae["numbers"]["reconstruction"] + vae["numbers"]["kl"], rel=1e-5
    )


def test_d_is_pushed_at_as_its_loss_says():
    session = Session()
    session.answer({"do": "open", "state": {"data": "normal", "games": [SMALL]}})
    frame = session.answer({"do": "run", "steps": 1})["frame"][0]
    points, push = frame["points"][:, 0], frame["push"][:, 0]
    d = session.play.players[0].model.discriminator
    moved = (points + 1e-2 * np.sign(push)).astype(np.float32)
    before, after = (d(x[:, None], training=False).numpy()[:, 0] for x in (points, moved))
    sure = np.abs(push) > 0.01  # -log D falls where the logit rises.
    assert sure.any() and (after > before)[sure].all()
    assert len(frame["q"]) == 120 and sum(frame["q"]) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    "message, said",
    [
        (3, "A message is a JSON object"),
        ({}, "Unknown thing to do None"),
        ({"do": ["run"]}, "Unknown thing to do"),
        ({"do": "ran"}, "Unknown thing to do 'ran'. Did you mean 'run'"),
        ({"do": "open"}, "link: expected text. Received: None"),
        ({"do": "open", "link": "data=x"}, "Unknown density 'x'"),
        ({"do": "open", "state": {"games": [1]}}, "games: expected a list of mappings"),
        ({"do": "open", "state": {"data": "plane"}}, "has 576 cells. Received 0"),
        ({"do": "run"}, f"steps: expected a whole number from 1 to {MOST_AT_ONCE}"),
        ({"do": "run", "steps": True}, "steps: expected a whole number"),
        ({"do": "run", "steps": 10**9}, "steps: expected a whole number"),
        ({"do": "alone", "player": "encoder"}, "Unknown player 'encoder'"),
        ({"do": "alone", "player": ["x"]}, "Unknown player"),
        ({"do": "set", "games": [3], "name": "loss", "value": "hinge"}, "games: expected some of"),
        ({"do": "set", "games": [], "name": "loss", "value": "hinge"}, "games: expected some of"),
        ({"do": "set", "games": [0], "name": 1, "value": "hinge"}, "name: expected text"),
        ({"do": "set", "games": [0], "name": "loss", "value": {}}, "Unknown loss"),
        ({"do": "set", "games": [0], "name": "los", "value": "hinge"}, "Unknown setting 'los'"),
        ({"do": "code", "game": 7}, "game: expected 0 to 2"),
    ],
)
def test_a_bad_message_is_answered_and_changes_nothing(session, message, said):
    state = session.play.state
    answer = session.answer(message)
    assert answer["kind"] == "error" and said in answer["message"]
    assert session.play.state == state


def test_nothing_before_a_link():
    assert "Nothing is open yet" in Session().answer({"do": "run", "steps": 1})["message"]
