"""What metrics say of models and data that they do not apply to."""

from types import SimpleNamespace

import pytest

from tfgen.evaluation import needs
from tfgen.models import StarGAN


@pytest.mark.parametrize(
    ("kind", "keys", "said"),
    [
        ("class", ("image", "label"), None),
        ("class", ("image",), "the data lack 'label', the domains"),
        ("attributes", ("image", "label"), "the data lack 'attributes', the domains"),
    ],
)
def test_a_translation_between_several_domains_needs_their_labels(kind, keys, said):
    sizes = {"filters": 2, "blocks": 1, "downsamplings": 0, "discriminator_filters": 2}
    model = StarGAN(
        image_shape=(8, 8, 3), kind=kind, num_domains=2, discriminator_layers=1, **sizes
    )
    work = SimpleNamespace(model=model, reference=SimpleNamespace(keys=keys, second=None))
    assert needs.translation(work) == said


def test_a_translation_between_several_domains_is_measured():
    import tfgen

    sizes = {"filters": 2, "blocks": 1, "downsamplings": 0, "discriminator_filters": 2}
    model = StarGAN(
        image_shape=(8, 8, 3), kind="class", num_domains=4, discriminator_layers=1, **sizes
    )
    model.compile()
    report = tfgen.evaluate(
        model,
        tfgen.data.source("tinted-digits", "test"),
        metrics=[{"name": "domain_transfer", "limit": 40}],
        training=tfgen.data.source("tinted-digits", "train"),
        samples=40,
    )
    assert 0 < report["domain_error"].value <= 1 and report["cycle_error"].value > 0
