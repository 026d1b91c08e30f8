"""What each view of the page offers: rows, keys, dragging, texts, files, two models."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.serving.studio.looking import levels, pixels, says, state

pytestmark = pytest.mark.browser

FID = {"name": "fid(digits8)", "value": 3.21, "low": 3.1, "high": 3.4, "unit": "", "step": 1000}
SERVED = {
    "kind": "GAN",
    "version": 2,
    "created": "2026-03-05T00:00:00+00:00",
    "about": {
        "step": 1500,
        "bytes": 2.1e6,
        "data": {"name": "digits", "size": 1297, "image_shape": [8, 8, 1]},
        "trained": {"started": "2026-03-04T05:06:07+00:00", "seconds": 80},
        "figures": [{**FID, "better": "lower"}, {**FID, "is_control": True}],
    },
}


def opened(page, address):
    """The page with its pictures drawn."""
    page.open(address)
    page.wait_for_selector("#view:not(.busy) .picture")


def saved(page, press):
    """The picture file that a button saves, with its name."""
    with page.expect_download() as download:
        press()
    with open(download.value.path(), "rb") as file:
        return download.value.suggested_filename, Image.open(io.BytesIO(file.read()))


def test_a_row_for_each_class(page, painter):
    opened(page, "#seeds=3,4&in.label=*")
    assert page.locator(".class h3").all_inner_texts() == ["sky", "sea", "sun", "sand"]
    assert page.locator(".tile").count() == 8
    assert '"sample_label_png", "inputs": {"seed": [3, 4, 3, 4' in page.inner_text("#curl")
    expected = painter[0].sample([4], label=np.array([2]))
    found = pixels(page, ".class:nth-child(3) .tile:nth-child(2) img")
    assert np.abs(found - levels(expected)).max() <= 1
    page.locator(".class:nth-child(3) .tile:nth-child(2)").click()
    page.wait_for_selector("#explored")
    assert state(page)["in.label"] == "2" and "sun" in page.inner_text(".explored figcaption")


def test_captions_say_what_was_drawn(page, painter):
    opened(page, "#seeds=0-3")
    drawn = painter[0].signatures()["generate"].draw(range(4))["label"]
    names = [["sky", "sea", "sun", "sand"][number] for number in drawn]
    assert page.locator(".tile .said:nth-of-type(2)").all_inner_texts() == names
    code = page.locator(".tile .said:nth-of-type(3)").first.inner_text()
    assert code.startswith("z ") and len(code.split(",")) == 3


def test_one_tab_stop_and_arrows_in_four_directions(page):
    opened(page, "#seeds=0-39")
    assert page.locator('.tile[tabindex="0"]').count() == 1
    tops = page.locator(".tile").evaluate_all("all => all.map((one) => one.offsetTop)")
    columns = tops.count(tops[0])
    page.locator(".tile").first.focus()
    focused = "document.activeElement.dataset.key"
    for key, wanted in (
        ("ArrowDown", columns),
        ("ArrowRight", columns + 1),
        ("ArrowUp", 1),
        ("ArrowLeft", 0),
        ("End", 39),
    ):
        page.keyboard.press(key)
        assert page.evaluate(focused) == str(wanted), key
    page.keyboard.press("c")
    says(page, ".tile.c", "39 C")
    assert page.evaluate(focused) == "39"  # Where it was, though all was drawn anew.
    assert page.locator("#view").get_attribute("aria-live") is None
    assert page.inner_text("#said") == "40 pictures, from seed 0."


def test_pictures_are_dragged_to_their_slots(page, painter):
    opened(page, "#seeds=3-8")
    for number, slot in ((2, "a"), (4, "b"), (6, "c")):
        page.drag_and_drop(f".tile:nth-child({number})", f".slot.{slot}")
        says(page, f".tile.{slot}", str(number + 2))
    assert [state(page)[slot] for slot in "abc"] == ["4", "6", "8"]
    page.click("text=A − B + C")
    page.wait_for_selector(".sum:nth-of-type(2) img")
    model = painter[0]
    feeds = model.signatures()["generate"].draw([4, 6, 8])
    z = feeds["z"][0] - feeds["z"][1] + feeds["z"][2]
    for n, times in ((1, 1.0), (2, np.linalg.norm(feeds["z"][0]) / np.linalg.norm(z))):
        given = {"z": np.float32(z * times)[None], "label": feeds["label"][:1]}
        expected = model.call_signature("generate", given)["image"]
        assert np.abs(pixels(page, f".sum:nth-of-type({n}) img") - levels(expected)).max() <= 1
    page.locator(".strip .tile").first.click()  # Without a mouse that drags: pick, then place.
    page.click(".slot.b .face")
    page.wait_for_selector(".slot.b img[alt='B, seed 3']")
    assert state(page)["b"] == "3"


def test_texts(page):
    page.open("#signature=caption&seeds=0-1")
    page.wait_for_selector(".tile img")
    assert page.locator(".examples button").all_inner_texts() == ["a red circle", "a blue square"]
    page.click(".examples button >> nth=1")
    says(page, "#curl", '"a blue square", "a blue square"')
    page.click("summary:has-text('Vocabulary: 5 words')")
    words = ["a", "blue", "circle", "red", "square"]
    page.wait_for_selector("details .words button")
    assert page.locator("details .words button").all_inner_texts() == words
    page.click("details .words button >> text=red")
    assert page.input_value("#input-text") == "a blue square red"
    page.fill("#input-text", "a Purple circle, a red circle")
    told = page.inner_text("#input-text-told")
    assert "Unknown word: “purple”" in told and "Only the first 4 words are read" in told
    page.fill("#input-text", "purple cow")
    assert "refuses it" in page.inner_text("#input-text-told")


def test_files_of_what_is_shown(page):
    opened(page, "#seeds=0-4")
    name, wall = saved(page, lambda: page.click("text=Save the wall"))
    assert name == "painter-v1-seeds-0-4.png" and wall.size == (3 * 66 - 2, 2 * 66 - 2)
    page.locator(".tile").nth(1).focus()
    name, one = saved(page, lambda: page.keyboard.press("s"))
    assert name == "painter-v1-seed-1.png" and one.size == (8, 8)
    np.testing.assert_array_equal(np.asarray(one)[..., 0], pixels(page, ".tile:nth-child(2) img"))
    page.click("text=Interpolate A to B")
    page.wait_for_selector("#frame")
    name, moving = saved(page, lambda: page.click("text=Save the animation"))
    assert name == "painter-v1-0-to-1.png" and moving.n_frames == 24 + 22
    moving.seek(23)
    last = np.asarray(moving.convert("L"))[::16, ::16]
    np.testing.assert_array_equal(last, pixels(page, ".frames img:last-child"))


def test_latents_strongest_first_with_names(page, painter):
    page.open("#view=latents&seed=5")
    page.wait_for_selector(".slider")
    model = painter[0]
    feeds = model.signatures()["generate"].draw(range(4))
    changes = []
    for dim in range(3):
        ends = []
        for end in (-1.5, 1.5):
            z = feeds["z"].copy()
            z[:, dim] = end
            ends.append(model.call_signature("generate", {**feeds, "z": z})["image"])
        change = 127.5 * (np.asarray(ends[1]) - np.asarray(ends[0]))
        changes.append(np.sqrt((change**2).mean((1, 2, 3))).mean())
    found = page.locator(".slider .unit").all_inner_texts()
    assert found == [f"z {dim}" for dim in np.argsort(changes)[::-1]]
    bars = page.locator("meter").evaluate_all("all => all.map((one) => one.value)")
    np.testing.assert_allclose(bars, sorted(changes)[::-1], rtol=0.02)
    page.click("text=Name them")
    page.fill('[aria-label="name of z 1"]', "slant")
    page.click("text=Done")
    assert state(page)["name.z.1"] == "slant" and page.is_visible(".unit:has-text('slant')")


@pytest.mark.parametrize(
    "address, said",
    [
        ("#model=nope", "There is no model “nope” here; this is “painter”"),
        ("#signature=nope", "“painter” has no signature “nope”; this is “generate”"),
        ("#view=compare&other=nope", "There is no model “nope” here to compare with"),
        ("#seeds=0-999", "1,000 seeds asked for; these are the first 256"),
        ("#seeds=0-999&in.label=*", "these are the first 64 for each of 4 classes"),
    ],
)
def test_links_that_ask_for_too_much(page, address, said):
    page.open(address)
    says(page, ".note, #notice", said)


def test_the_call_is_never_empty(page):
    page.open("#signature=complete")
    says(page, "#curl", '"b64": "\'$(base64 -w0 image.png)\'"')
    says(page, "#curl", '"mask": [[[[1]')
    page.open("#seeds=5-x")
    says(page, "#error", "Seeds look like")
    says(page, "#curl", "curl")


def test_two_models_side_by_side(page, painter):
    opened(page, "#view=compare&other=twin&seeds=2-4&in.label=1")
    assert page.locator(".column").count() == 2 and page.input_value("#other") == "twin"
    assert page.inner_text("#curl").count("sample_label_png") == 2
    expected = levels(painter[0].sample([3], label=np.array([1])))
    for column in (1, 2):
        found = pixels(page, f".column:nth-child({column}) .tile:nth-child(2) img")
        assert np.abs(found - expected).max() <= 1
    page.open("#view=compare&other=plain")  # Somebody else's says not how its inputs are drawn.
    says(page, "#view .hint", "“plain” draws nothing from seeds")


def test_a_line_on_the_model_and_one_on_the_signature(page):
    page.open("#model=plain")
    says(page, "#about", "a SavedModel without a record of tfgen")
    page.open("#model=painter")
    says(page, "#about", "Painter, not trained; the export does not say on what; version 1")
    says(page, "#signature-about", "Makes pictures out of random numbers. z (3 normal numbers)")
    page.evaluate(
        """async (served) => {
            const { ofModel, figures } = await import("/studio/about.js");
            const lines = [ofModel(served), ...figures(served)];
            document.getElementById("about").textContent = lines.join(" | ");
        }""",
        SERVED,
    )
    assert page.inner_text("#about") == (
        "GAN trained on digits (1,297 pictures of 8 × 8, grey) for 1,500 steps in 80 s on "
        "4 March 2026; version 2, 2.1 MB, exported 5 March 2026. | fid (digits8) 3.21 (3.1 to "
        "3.4), lower is better, measured at step 1,000"
    )
