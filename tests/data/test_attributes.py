"""Attributes of a folder's pictures and of tensorflow-datasets; and what is refused."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tfgen import data
from tfgen.models import StarGAN

NAMES = ("Male", "Smiling", "Young")
TABLE = "image_id,Male,Smiling,Young\n0.png,1,-1,1\n1.png,-1,-1,1\n2.png,1,1,-1\n3.png,0,1,true\n"
VALUES = [[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 1]]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGEN_CACHE_DIR", str(tmp_path / "cache"))


class TfgenTinyAttributes(tfds.core.GeneratorBasedBuilder):
    """Like celeb_a: pictures with a dictionary of booleans."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(8, 8, 3)),
            "attributes": {name: np.bool_ for name in NAMES},
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager):
        return {"train": self._generate_examples(range(4))}

    def _generate_examples(self, numbers):
        for n in numbers:
            present = dict(zip(NAMES, map(bool, VALUES[n]), strict=True))
            yield n, {"image": np.full((8, 8, 3), n, np.uint8), "attributes": present}


def pictures(root, table=TABLE):
    root.mkdir()
    for n in range(4):
        Image.fromarray(np.full((8, 8, 3), n, np.uint8)).save(root / f"{n}.png")
    (root / "attributes.csv").write_text(table)
    return root


def test_table_of_a_folder(tmp_path):
    source = data.source(f"attributes:{pictures(tmp_path / 'p')}", "all")
    assert source.arrays["image"][:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert source.arrays["attributes"].tolist() == VALUES
    assert source.arrays["attributes"].dtype == np.float32
    assert data.source(f"attributes:{tmp_path / 'p' / 'attributes.csv'}", "train").size == 3


def test_chosen_attributes_in_their_order(tmp_path):
    source = data.source(f"attributes:{pictures(tmp_path / 'p')}[Young,Male]", "all")
    assert source.arrays["attributes"].tolist() == [[row[2], row[0]] for row in VALUES]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("chosen", ["", "[Smiling, Male]"])
def test_attributes_of_tensorflow_datasets(tmp_path, chosen):
    TfgenTinyAttributes(data_dir=tmp_path).download_and_prepare()
    source = data.source(
        f"attributes:tfds:tfgen_tiny_attributes{chosen}", "train", data_dir=str(tmp_path)
    )
    columns = [1, 0] if chosen else [0, 1, 2]
    numbers = source.arrays["image"][:, 0, 0, 0]
    expected = np.array(VALUES)[numbers][:, columns]
    np.testing.assert_array_equal(source.arrays["attributes"], expected)
    assert sorted(numbers.tolist()) == [0, 1, 2, 3]


@pytest.mark.slow
def test_stargan_trains_on_a_table(tmp_path):
    batches = data.load(f"attributes:{pictures(tmp_path / 'p')}", "all", batch_size=4)
    batch = next(iter(batches))
    assert batch["attributes"].shape == (4, 3)
    model = StarGAN(
        (8, 8, 3), num_domains=3, filters=4, blocks=1, discriminator_layers=2, discriminator_steps=1
    )
    model.compile()
    history = model.fit(batches, steps_per_epoch=1, verbose=0).history
    assert np.isfinite(list(history.values())).all()


@pytest.mark.parametrize(
    "table, message",
    [
        (TABLE.replace("3.png,0,1,true\n", ""), "1 pictures beside it have no line.*3.png"),
        (TABLE + "9.png,1,1,1\n", "line 6: there is no picture '9.png'"),
        (TABLE + "0.png,1,1,1\n", "line 6: 0.png has a line already"),
        (TABLE.replace("-1,-1,1", "-1,,1"), "line 3: attribute 'Smiling' must be 1"),
        (TABLE.replace("-1,-1,1", "-1,2,1"), "Received: '2'"),
        ("image_id\n0.png\n", "has no attribute at all"),
        ("image_id,Male\n", "there are no pictures in it"),
    ],
)
def test_unusable_table(tmp_path, table, message):
    root = pictures(tmp_path / "p", table)
    with pytest.raises(ValueError, match=message):
        data.source(f"attributes:{root}", "all")


def test_unknown_attribute_and_missing_table(tmp_path):
    root = pictures(tmp_path / "p")
    with pytest.raises(ValueError, match="no attribute Hat. It has: Male, Smiling, Young"):
        data.source(f"attributes:{root}[Male,Hat]")
    with pytest.raises(ValueError, match="expected attributes as in"):
        data.source(f"attributes:{root}[Male")
    with pytest.raises(FileNotFoundError, match="holds none of attributes.csv"):
        data.source(f"attributes:{tmp_path}")
