"""The studio page: what is given out, and the page itself in a real browser."""

import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from PIL import Image

from tests.serving.clients import rest
from tfgen.serving import Options, Server, Studio
from tfgen.signature import Input, as_seeds

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FOLDER = Path(__file__).parents[3] / "serving" / "studio"
PATIENCE = 90  # Seconds: the tests wait for conditions, on a busy machine longer.


def serving(folder, **more):
    options = Options(
        port=0, rest_api_port=-1, model_name="painter", model_base_path=str(folder), **more
    )
    return Server(options, pages=Studio({"painter": folder}))


@pytest.fixture(scope="module")
def studio(painter):
    with serving(painter[1]) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install -e '.[test]'"
    )
    if CHROMIUM is None:
        pytest.skip("needs the browser chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        one = playwright.chromium.launch(
            executable_path=CHROMIUM, args=options, timeout=PATIENCE * 1000
        )
        yield one
        one.close()


def new_context(browser, **options):
    """A window that waits for conditions, however busy the machine is."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE * 1000)
    context.set_default_navigation_timeout(PATIENCE * 1000)
    return context


@pytest.fixture
def page(browser, studio):
    """Opens the page; at the end there must have been no error and no request elsewhere."""
    faults, context = [], new_context(browser, viewport={"width": 1100, "height": 800})
    page = context.new_page()
    base = f"http://127.0.0.1:{studio.rest_port}/"
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda one: one.url.startswith((base, "data:", "blob:")) or faults.append(one.url),
    )
    page.open = lambda address="": page.goto(base + address)
    yield page
    context.close()
    assert not faults


def state(page):
    return {k: v[0] for k, v in parse_qs(page.url.partition("#")[2]).items()}


def says(page, selector, text):
    """Waits until an element is there with a text."""
    page.locator(selector).filter(has_text=text).wait_for()


def changed(page, selector, before):
    """Waits until a picture is another one. (`wait_for_function` would break the page's policy.)"""
    page.wait_for_selector(f'{selector}:not([src="{before}"])')


def pixels(page, selector):
    """The levels of a shown picture, (H, W)."""
    found = page.locator(selector).first.evaluate(
        """async (image) => {
            await image.decode();
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            return [canvas.width, [...data]];
        }"""
    )
    return np.array(found[1]).reshape(-1, found[0], 4)[..., 0]


def levels(images):
    return np.clip(np.round((np.asarray(images) + 1) * 127.5), 0, 255)[0, :, :, 0]


def test_files_and_headers(studio):
    with rest(studio) as http:
        answer = http.get("/")
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        for name in re.findall(r'"/(studio/[\w.]+)"', answer.body.decode()):
            assert http.get(f"/{name}").status == 200
        assert http.get("/studio/main.js").headers["content-type"].startswith("text/javascript")
        assert http.get("/studio/models").json == {"models": ["painter"]}
        assert http.request("POST", "/studio/models", b"{}").status == 405


def test_the_manifest_gives_no_more_than_the_page_needs(studio):
    with rest(studio) as http:
        manifest = http.get("/studio/manifest/painter").json
    assert manifest["default"] == "generate" and manifest["class"] == "Painter"
    label = manifest["signatures"]["generate"]["inputs"]["label"]
    assert label["num_classes"] == 4 and label["class_names"] == ["sky", "sea", "sun", "sand"]
    assert not {"extra", "packages", "files", "model"} & set(manifest)


@pytest.mark.parametrize(
    "path",
    [
        "/studio/../app.py",
        "/studio/%2e%2e/app.py",
        "/studio/..%2fapp.py",
        "/studio/manifest/",
        "/studio/manifest/..%2f..%2fetc",
        "/studio/manifest/painter/../../x",
        "/studio/manifest/other",
        "/studio/",
        "/export.json",
        "/studio/manifest/painter%00",
    ],
)
def test_no_way_out(studio, path):
    with rest(studio) as http:
        answer = http.get(path)
    assert answer.status == 404 and "error" in answer.json


def test_a_saved_model_that_is_not_of_tfgen(models):
    options = Options(port=0, rest_api_port=-1, model_base_path=str(models / "half"))
    with Server(options, pages=Studio({"half": models / "half"})) as server, rest(server) as http:
        assert http.get("/studio/manifest/half").json == {}


def test_no_outside_addresses():
    for path in FOLDER.glob("*.*"):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//cdn|@import|eval\(|innerHTML", text), path


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
def test_an_error_is_shown_when_the_server_stops(browser, painter):
    server = serving(painter[1], enable_model_warmup=False).start()
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
