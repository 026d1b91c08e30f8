import pytest

from tfgen.explore.lab import State, of_link
from tfgen.explore.lab.links import MOST_EVENTS, Event, of_values
from tfgen.explore.lab.settings import OPTIONS, Game


@pytest.mark.parametrize(
    "link",
    [
        "data=ring&seed=0&a=model:gan&step=0",
        "data=moons&seed=7&a=loss:minimax,discriminator_rate:1e-05&b=model:vae&c=model:aae&step=0",
        "data=line&drawing=a39j&seed=0&a=model:gan&step=0",
        "data=normal&seed=3&a=width:16&b=model:gan"
        "&log=4:ab:loss:hinge,5:a:penalty_weight:0.1,6:ab:alone:generator*3,9:b:batch:16&step=9",
    ],
)
def test_a_link_says_what_a_state_is(link):
    assert of_link(link).link() == link
    assert of_link(f"#{link}") == of_link(link)


def test_a_link_without_more_is_the_first_state():
    assert of_link("") == State() and State().games == (Game(),)


def test_the_log_changes_what_is_played():
    state = of_link("a=model:gan&b=model:gan&log=2:b:loss:hinge,3:ab:generator_steps:4&step=5")
    assert state.playing() == (Game(generator_steps=4), Game(generator_steps=4, loss="hinge"))


@pytest.mark.parametrize(
    "link, said",
    [
        ("data=rings", "Unknown density 'rings'. Did you mean 'ring'"),
        ("dat=ring", "Unknown part of a link 'dat'"),
        ("seed=-1", "seed: expected a whole number from 0"),
        ("seed=x", "seed: expected a whole number. Received: 'x'"),
        ("step=100001", "step: expected a whole number from 0 to 100000"),
        ("a=los:hinge", "Unknown setting 'los'. Did you mean 'loss'"),
        ("a=loss:wgan", "Unknown loss 'wgan'. Did you mean 'wasserstein'"),
        ("a=discriminator_steps:0", r"Steps of D \(k\): expected a whole number from 1 to 10"),
        ("a=discriminator_steps:2.5", "expected a whole number from 1 to 10. Received: '2.5'"),
        ("a=generator_rate:nan", "Rate of G: expected a number from 0 to 0.1"),
        ("a=generator_rate:0.2", "Rate of G: expected a number from 0 to 0.1"),
        ("a=batch:17", "Unknown batch '17'"),
        ("log=1:a:loss&step=2", "nothing that a log holds"),
        ("log=1:b:loss:hinge&step=2", "expected games among 'a'"),
        ("log=1:d:loss:hinge&step=2", "nothing that a log holds"),
        ("log=1:a:width:32&step=2", "Width is settled before the first step"),
        ("a=model:aae&log=1:a:loss:hinge&step=2", "Loss is settled before the first step"),
        ("a=model:vae&log=1:a:penalty:r1&step=2", "a game of VAE has no such setting"),
        ("log=1:a:alone:encoder&step=2", "Unknown player 'encoder'"),
        ("log=1:a:alone:generator*9&step=2", "past step 2"),
        ("log=5:a:batch:16,4:a:batch:64&step=9", "in the order of its steps"),
    ],
)
def test_a_link_that_is_wrong_says_what_is(link, said):
    with pytest.raises(ValueError, match=said):
        of_link(link)


@pytest.mark.parametrize(
    "values, said",
    [
        ({"games": []}, "From 1 to 3 games"),
        ({"games": [{}] * 4}, "From 1 to 3 games"),
        ({"games": {}}, "games: expected a list of mappings"),
        ({"games": [{"loss": None}]}, "Unknown loss None"),
        ({"games": [{"batch": []}]}, "Unknown batch"),
        ({"games": [{"generator_rate": True}]}, "Rate of G: expected a number"),
        ({"seed": 1.5}, "seed: expected a whole number"),
        ({"data": 3}, "data: expected text"),
        ({"step": 3}, "Unknown part of a state 'step'"),
    ],
)
def test_settings_that_are_wrong_say_what_is(values, said):
    with pytest.raises(ValueError, match=said):
        of_values(values)


def test_a_log_has_an_end():
    events = tuple(Event(n, (0,), "batch", 16) for n in range(1, MOST_EVENTS + 2))
    with pytest.raises(ValueError, match="begin anew"):
        State(log=events, step=MOST_EVENTS + 1)


def test_every_setting_is_an_option_with_its_default():
    assert list(OPTIONS) == list(vars(Game()))
    for name, option in OPTIONS.items():
        assert option.checked(getattr(Game(), name)) == getattr(Game(), name)
