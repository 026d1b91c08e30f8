"""The sample metrics against torch-fidelity and prdc, on the same arrays.

Skipped where they are not installed: pip install -e '.[reference]'. They run in a process of
their own, because torch and TensorFlow loaded into one can crash it.
"""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

from tfgen.metrics import frechet, inception_score, kernel, manifold

FIDELITY = """
import json, sys
import numpy as np, torch
from torch_fidelity import metric_fid, metric_isc, metric_kid
data = {k: torch.from_numpy(v) for k, v in np.load(sys.argv[1]).items()}
moments = [metric_fid.fid_features_to_statistics(data[k]) for k in "xy"]
found = metric_fid.fid_statistics_to_metric(*moments, verbose=False)
found |= metric_kid.kid_features_to_metric(
    data["x"], data["y"], kid_subsets=1, kid_subset_size=len(data["x"]), verbose=False)
found |= metric_isc.isc_features_to_metric(data["logits"], splits=10, shuffle=False)
print(json.dumps({k: float(v) for k, v in found.items()}))
"""
PRDC = """
import json, sys
import numpy as np, prdc
data = np.load(sys.argv[1])
found = prdc.compute_prdc(real_features=data["x8"], fake_features=data["y8"], nearest_k=5)
print(json.dumps({k: float(v) for k, v in found.items()}))
"""


def arrays():
    generator = np.random.default_rng(0)
    found = {"logits": 2.0 * generator.normal(size=(1000, 10))}
    for suffix, features in (("", 64), ("8", 8)):
        mixing = generator.normal(size=(features, features)) / np.sqrt(features)
        x, y = generator.normal(size=(2, 1200, features))
        found["x" + suffix] = np.maximum(x, 0.0)
        found["y" + suffix] = np.maximum(y @ mixing + 0.1, 0.0)
    return found


def reference(module, script, folder):
    """What the script prints, as a dict."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: pip install -e '.[reference]'")
    np.savez(folder / "arrays.npz", **arrays())
    command = [sys.executable, "-c", script, str(folder / "arrays.npz")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_torch_fidelity(tmp_path):
    found, data = reference("torch_fidelity", FIDELITY, tmp_path), arrays()
    x, y = data["x"], data["y"]
    fid, kid = found["frechet_inception_distance"], found["kernel_inception_distance_mean"]
    assert frechet.frechet_distance(x, y) == pytest.approx(fid, rel=1e-6)
    assert kernel.unbiased_mmd(x, y) == pytest.approx(kid, rel=1e-6)
    assert kernel.kernel_distance(x, y, 1, len(x))[0] == pytest.approx(kid, rel=1e-6)
    p = np.exp(data["logits"])
    scores = inception_score.inception_score(p / p.sum(axis=1, keepdims=True), 10)
    assert scores.mean() == pytest.approx(found["inception_score_mean"], rel=1e-6)
    assert scores.std() == pytest.approx(found["inception_score_std"], rel=1e-5)


def test_prdc(tmp_path):
    expected, data = reference("prdc", PRDC, tmp_path), arrays()
    found = manifold.precision_recall_density_coverage(data["x8"], data["y8"], 5)
    assert found == pytest.approx(expected, rel=1e-6)
