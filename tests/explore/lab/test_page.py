"""The page in a real browser."""

import re
import time

import pytest

from tests.chromium import PATIENCE
from tests.explore.lab.conftest import stands_at
from tests.explore.lab.test_play import SMALL, followed

pytestmark = pytest.mark.browser


def link(page):
    return page.url.partition("#")[2]


def step(page):
    return int(page.get_attribute("body", "data-step"))


def until(page, is_so):
    """Waits for a condition. (`wait_for_function` would break the page's policy.)"""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it never came"
        page.wait_for_timeout(50)


def picture(page):
    """The first canvas as the text of a PNG."""
    return page.locator("#games canvas").first.evaluate("(canvas) => canvas.toDataURL()")


def test_play_pause_step_and_reset(opened):
    page = opened(f"data=ring&seed=1&a={SMALL}")
    before = picture(page)
    assert len(before) > 5000, "nothing is drawn"
    page.select_option("#speed", "1")
    page.click("#play")
    page.wait_for_selector('body[data-playing="true"]')
    until(page, lambda: step(page) >= 3)
    page.click("#play")
    page.wait_for_selector('body[data-playing="false"]')
    now = step(page)
    page.locator("#of").filter(has_text=f"step {now}.").wait_for()
    assert link(page).endswith(f"step={now}") and picture(page) != before
    page.click("#step")
    stands_at(page, now + 1)
    page.keyboard.press("s")
    stands_at(page, now + 2)
    page.keyboard.press("r")
    stands_at(page, 0)
    assert picture(page) == before


def test_a_link_brings_a_friend_to_the_same_state(opened):
    page = opened(f"data=normal&seed=2&a={SMALL}&step=2")
    page.fill("#discriminator_steps-0", "2")
    page.keyboard.press("Enter")
    page.locator("h2").filter(has_text="2 : 1").wait_for()
    page.click('[data-player="generator"]')
    stands_at(page, 3)
    page.click("#step")
    stands_at(page, 4)
    log = "log=2:a:discriminator_steps:2,2:a:alone:generator&step=4"
    assert link(page) == f"data=normal&seed=2&a={SMALL}&{log}"
    friend = opened(link(page))
    assert friend.inner_text(".said") == page.inner_text(".said")
    assert picture(friend) == picture(page)
    play = followed(link(page))
    assert f"{play.players[0].model.discriminator_steps}" == "2"
    assert friend.inner_text("#text") == page.inner_text("#text")


def test_side_by_side_from_the_same_seed(opened):
    page = opened(f"data=moons&seed=0&a={SMALL}&step=2")
    alone = page.inner_text(".said")
    page.click('[aria-label="Beside it: GAN"]')
    stands_at(page, 0)
    page.click('[aria-label="Beside it: VAE"]')
    page.wait_for_selector("article:nth-child(3)")
    stands_at(page, 0)
    page.click("#step")
    stands_at(page, 1)
    page.click("#step")
    stands_at(page, 2)
    first, second, vae = page.locator(".said").all_inner_texts()
    assert first == second == alone and "JSD of codes" in vae
    assert page.locator("h2").all_inner_texts()[:3] == [
        "A: GAN, non-saturating",
        "B: GAN, non-saturating",
        "C: VAE",
    ]
    page.click('[aria-label="Remove game A"]')
    page.wait_for_selector("article:nth-child(3)", state="detached")
    stands_at(page, 0)
    assert page.locator("article").count() == 2


def test_settings_change_while_it_runs(opened):
    page = opened(f"data=ring&seed=0&a={SMALL}")
    page.select_option("#speed", "1")
    page.click("#play")
    until(page, lambda: step(page) >= 2)
    page.select_option("#loss-0", "wasserstein")
    page.locator("h2").filter(has_text="Wasserstein with gradient penalty").wait_for()
    now = step(page)
    until(page, lambda: step(page) > now)
    page.click("#play")
    page.wait_for_selector('body[data-playing="false"]')
    until(page, lambda: "penalty:gradient_penalty" in page.url)
    assert re.search(r"log=\d+:a:loss:wasserstein,\d+:a:penalty:gradient_penalty", link(page))
    page.fill("#discriminator_rate-0", "7")
    page.keyboard.press("Enter")
    page.locator("#error").filter(has_text="Rate of D: expected a number from 0 to 0.1").wait_for()


def test_slow_motion_shows_d_and_then_g(opened):
    page = opened(f"data=ring&seed=0&a={SMALL}&step=1", reduced_motion="reduce")
    page.select_option("#speed", "slow")
    page.click("#play")
    until(page, lambda: step(page) >= 3)
    page.click("#play")
    page.wait_for_selector('body[data-playing="false"]')


def test_a_density_drawn_by_hand(opened):
    page = opened(f"data=ring&seed=0&a={SMALL}")
    page.select_option("#data", "plane")
    page.wait_for_selector("#drawing canvas")
    stands_at(page, 0)
    page.click("#drawing >> text=Clear")
    before = page.url
    box = page.locator("#drawing canvas").bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.2 * box["width"], y, steps=4)
    page.mouse.up()
    until(page, lambda: re.search(r"drawing=a\d+[a-j]", page.url) and page.url != before)
    stands_at(page, 0)
    drawn = followed(link(page)).density
    masses = drawn.masses(24)  # (x, y): a stroke to the right, in the upper half.
    assert masses[:, :12].sum() == 0 and masses[6:14].sum() == pytest.approx(1.0)
    before = link(page)
    page.focus("#drawing canvas")
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    until(page, lambda: link(page) != before)
    assert followed(link(page)).density.masses(24)[12, 11] > 0


def test_code_is_there_to_copy(opened, server):
    page = opened(f"data=ring&seed=0&a={SMALL}&b=model:vae&step=1")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert "from tfgen.models import GAN" in page.inner_text("#text")
    page.click("#tabs >> text=YAML")
    page.locator("#text").filter(has_text="learning_rate: 0.002").wait_for()
    page.click("#tabs >> text=Game B")
    page.locator("#text").filter(has_text="name: vae").wait_for()
    page.click("#copy")
    page.locator("#copy").filter(has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("#text")
    page.click("#share")
    page.locator("#share").filter(has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_a_wrong_link_says_so_and_a_right_one_helps(browser, server):
    page = browser.new_page()
    page.goto(f"{server.address}#data=rings")
    page.locator("#error").filter(has_text="Unknown density 'rings'").wait_for()
    page.select_option("#scene", index=1)
    stands_at(page, 0)
    assert page.is_hidden("#error")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_is_wider_than_the_window(opened, scheme, width):
    for more in ("data=line&drawing=b40", "data=ring", f"data=moons&b=model:aae,{SMALL}"):
        page = opened(
            f"{more}&seed=0&a={SMALL}",
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_keys_alone_reach_everything(opened):
    page = opened(f"data=ring&seed=0&a={SMALL}")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    wanted = {"scene", "share", "play", "step", "speed", "reset", "data", "seed", "loss-0", "copy"}
    assert wanted <= reached and {"layer-d", "discriminator_rate-0", "CANVAS", "PRE"} <= reached
