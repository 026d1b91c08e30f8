"""Which configs the benchmarks take by default."""

import yaml

from benchmarks import train
from tfgen.models import MODELS


def test_the_usual_configs_are_one_of_each_model_on_data_at_hand():
    found = [yaml.safe_load(path.read_text()) for path in train.usual()]
    assert sorted(one["model"]["name"] for one in found) == sorted(MODELS)
    assert not any("tfds" in one["data"]["name"] for one in found)
