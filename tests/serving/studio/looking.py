"""What tests of the page look at."""

from urllib.parse import parse_qs

import numpy as np


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
