"""The page in a real browser."""

import numpy as np
import pytest
from PIL import Image

from tests.serving.studio.conftest import new_context, serving
from tests.serving.studio.looking import changed, levels, pixels, says, state
from tfgen.signature import Input, as_seeds


@pytest.mark.browser
def test_numbers_drawn_in_the_browser_are_those_of_python(page):
    page.open()
    specs = {
        "z": Input.noise(7),
        "u": Input.uniform(2, 3, low=-1.0, high=1.0),
        "label": Input.label(10),
        "text": Input.text(("a", "b", "c")),
    }
    seeds = [0, 1, -5, 2**40 + 3, 2**63 - 1]
    for name, spec in specs.items():
        entry = {
            **{k: getattr(spec, k) for k in ("distribution", "low", "high", "num_classes")},
            "shape": list(spec.shape),
            "choices": list(spec.choices or ()),
        }
        found = page.evaluate(
            """async ([entry, name, seeds]) => {
                const { draw } = await import("/studio/philox.js");
                return seeds.map((seed) => draw(entry, name, BigInt(seed)));
            }""",
            [entry, name, [str(seed) for seed in seeds]],
        )
        import tfgen.random

        wanted = spec.draw(tfgen.random.namespace("numpy"), as_seeds(seeds), name)
        if spec.dtype == "string":
            assert [row[0].encode() for row in found] == wanted.tolist()
        else:
            np.testing.assert_allclose(np.reshape(found, wanted.shape), wanted, atol=2e-6)


@pytest.mark.browser
def test_wall_and_latents(page, painter):
    page.open("#seeds=3-6")
    page.wait_for_selector(".wall button:nth-child(4) img")
    assert page.locator(".wall button").count() == 4
    model = painter[0]
    assert (
        np.abs(pixels(page, ".wall button:nth-child(2) img") - levels(model.sample([4]))).max() <= 1
    )
    assert '"sample_png", "inputs": {"seed": [3, 4, 5, 6]}' in page.inner_text("#curl")
    page.keyboard.press("Tab")
    page.locator(".wall button").nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("b")
    says(page, ".wall button.b", "5 B")
    page.locator(".wall button").nth(1).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#explored")
    assert state(page)["seed"] == "4" and state(page)["view"] == "latents"
    assert np.abs(pixels(page, "#explored") - levels(model.sample([4]))).max() <= 1

    before = page.get_attribute("#explored", "src")
    page.locator('input[aria-label="z 0"]').fill("2.5")
    changed(page, "#explored", before)
    feeds = model.signatures()["generate"].draw([4])
    feeds["z"][0, 0] = 2.5
    expected = model.call_signature("generate", feeds)["image"]
    assert np.abs(pixels(page, "#explored") - levels(expected)).max() <= 1
    assert state(page)["z.z.0"] == "2.5" and "2.5" in page.inner_text("#curl")

    address = page.url.partition("#")[2]
    page.goto("about:blank")
    page.open(f"#{address}")  # The link alone gives the same view.
    page.wait_for_selector("#explored")
    assert np.abs(pixels(page, "#explored") - levels(expected)).max() <= 1


@pytest.mark.browser
def test_classes_and_texts(page, painter):
    page.open("#seeds=1")
    page.wait_for_selector(".wall img")
    shown = page.locator("#input-label option").all_inner_texts()
    assert shown[-4:] == ["0 sky", "1 sea", "2 sun", "3 sand"]
    page.select_option("#input-label", "3")
    says(page, "#curl", '"label": [3]')
    page.wait_for_selector("#view:not(.busy) img")
    expected = painter[0].sample([1], label=np.array([3]))
    assert np.abs(pixels(page, ".wall img") - levels(expected)).max() <= 1
    page.select_option("#signature", "describe")
    page.wait_for_selector("#input-text")
    page.fill("#input-text", "it's ü")
    page.keyboard.press("Enter")
    says(page, "#curl", r"it'\''s ü")
    assert state(page)["in.text"] == "it's ü"


@pytest.mark.browser
def test_interpolation_moves(page):
    page.open("#view=interpolate&a=2&b=7")
    page.wait_for_selector("#frame")
    first = page.get_attribute("#frame", "src")
    page.click("#play")
    changed(page, "#frame", first)
    assert page.inner_text("#play") == "Pause"
    page.click("#play")
    page.click("text=Swap")
    page.wait_for_selector("#end-a[value='7'], #frame[alt^='between seeds 7']")
    assert state(page)["a"] == "7" and state(page)["b"] == "2"


@pytest.mark.browser
def test_upload(page, tmp_path):
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(np.repeat(image[..., None], 3, 2)).save(tmp_path / "picture.png")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "large.png").write_bytes(bytes(9 << 20))
    page.open("#signature=a_to_b")
    page.wait_for_selector("text=Choose a picture for “image”.")
    for name, message in (("text.png", "cannot be read"), ("large.png", "the limit is 8")):
        page.set_input_files("#input-image", tmp_path / name)
        says(page, "#error", message)
    page.set_input_files("#input-image", tmp_path / "picture.png")
    page.wait_for_selector(".pair figure:nth-child(2) img")
    sent, got = (pixels(page, f".pair figure:nth-child({n}) img") for n in (1, 2))
    assert sent.shape == got.shape == (8, 8) and np.abs(sent + got - 255).max() <= 1
    assert page.is_hidden("#error")
    page.select_option("#signature", "encode")
    page.wait_for_selector("td")  # The picture is kept where the next signature takes its size.
    assert page.locator("td").count() == 3


@pytest.mark.browser
def test_masks_and_several_pictures(page, tmp_path):
    for name, level in (("dark.png", 50), ("light.png", 200)):
        Image.new("RGB", (8, 8), (level,) * 3).save(tmp_path / name)
    page.open("#signature=complete")
    page.set_input_files("#input-image", tmp_path / "dark.png")
    shown = ".pair figure:nth-child(2) img"
    page.wait_for_selector(shown)
    np.testing.assert_array_equal(pixels(page, shown), [[50] * 8] * 4 + [[255] * 8] * 4)
    before = page.get_attribute(shown, "src")
    page.select_option("#input-mask", "the right half")
    changed(page, shown, before)
    np.testing.assert_array_equal(pixels(page, shown), [[255] * 4 + [50] * 4] * 8)
    assert state(page)["in.mask"] == "the right half"
    assert '"complete_png", "inputs": {"image_bytes": [{"b64": "' in page.inner_text("#curl")

    page.select_option("#signature", "assemble")
    page.set_input_files("#input-patches", [tmp_path / "dark.png", tmp_path / "light.png"])
    page.wait_for_selector(".pair figure:nth-child(3) img")
    assert (pixels(page, ".pair figure:nth-child(3) img") == 200).all()


@pytest.mark.browser
def test_free_sides(page, tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)
    Image.fromarray(levels).save(tmp_path / "picture.png")
    page.open("#signature=b_to_a")
    page.set_input_files("#input-image", tmp_path / "picture.png")
    page.wait_for_selector(".pair figure:nth-child(2) img")
    sent, got = (pixels(page, f".pair figure:nth-child({n}) img") for n in (1, 2))
    assert sent.shape == got.shape == (28, 40) and np.abs(sent + got - 255).max() <= 1


@pytest.mark.browser
def test_an_error_is_shown_when_the_server_stops(browser, painter, tmp_path):
    server = serving({"painter": painter[1]}, tmp_path).start()
    page = new_context(browser).new_page()
    page.goto(f"http://127.0.0.1:{server.rest_port}/#view=latents")
    page.wait_for_selector("#explored")
    server.stop()
    page.locator('input[aria-label="z 1"]').fill("1")
    says(page, "#error", "does not answer")
    assert page.is_visible("#again")
    page.context.close()


@pytest.mark.browser
def test_bad_input_is_answered_in_words(page):
    page.open("#seeds=5-x")
    says(page, "#error", "Seeds look like 0-15")
    page.fill("#seeds", "5")
    page.keyboard.press("Enter")
    page.wait_for_selector(".wall img")
    assert page.is_hidden("#error")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.browser
def test_a_phone(browser, studio, scheme):
    size = {"width": 360, "height": 740}
    context = new_context(browser, viewport=size, color_scheme=scheme, has_touch=True)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{studio.rest_port}/#view=latents")
    page.wait_for_selector("#explored")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    back, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        ".map((one) => Number(one.match(/\\d+/)[0]))"
    )
    assert (back < ink) == (scheme == "dark") and abs(back - ink) > 150
    context.close()
