"""Writes reference_values.json: what torch-fidelity and prdc say of `arrays()`.

    pip install torch-fidelity==0.4.0 prdc==0.2    # in an environment of their own: torch
    PYTHONPATH=. python tests/metrics/reference_values.py

It needs NumPy besides these two, and nothing of tfgen. The arrays are made from a seed; their
SHA-256 stands beside the values, so that a NumPy that draws other numbers is noticed.
"""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

PATH = Path(__file__).with_suffix(".json")
NEAREST = 5


def arrays():
    """Name -> float64: features x, y (1200, 64), x8, y8 (1200, 8), logits (1000, 10)."""
    generator = np.random.default_rng(0)
    found = {"logits": 2.0 * generator.normal(size=(1000, 10))}
    for suffix, features in (("", 64), ("8", 8)):
        mixing = generator.normal(size=(features, features)) / np.sqrt(features)
        x, y = generator.normal(size=(2, 1200, features))
        found["x" + suffix] = np.maximum(x, 0.0)
        found["y" + suffix] = np.maximum(y @ mixing + 0.1, 0.0)
    return found


def digest(data):
    """SHA-256 of the arrays to seven digits: the last ones are the BLAS's."""
    whole = hashlib.sha256()
    for name in sorted(data):
        whole.update(f"{name} {data[name].shape}".encode())
        whole.update(np.round(data[name] * 1e7).astype("<i8").tobytes())
    return whole.hexdigest()


def values(data):
    """The figures of both packages."""
    import prdc
    import torch
    from torch_fidelity import metric_fid, metric_isc, metric_kid

    tensors = {name: torch.from_numpy(value) for name, value in data.items()}
    x, y = tensors["x"], tensors["y"]
    moments = [metric_fid.fid_features_to_statistics(features) for features in (x, y)]
    found = metric_fid.fid_statistics_to_metric(*moments, verbose=False)
    found |= metric_kid.kid_features_to_metric(
        x, y, kid_subsets=1, kid_subset_size=len(x), verbose=False
    )
    found |= metric_isc.isc_features_to_metric(tensors["logits"], splits=10, shuffle=False)
    found |= prdc.compute_prdc(data["x8"], data["y8"], nearest_k=NEAREST)
    return {name: float(value) for name, value in found.items()}


def main():
    data = arrays()
    packages = ("torch-fidelity", "prdc", "torch", "scikit-learn", "numpy")
    record = {
        "versions": {name: version(name) for name in packages},
        "arrays": digest(data),
        "values": values(data),
    }
    PATH.write_text(json.dumps(record, indent=1) + "\n")
    print(PATH)


if __name__ == "__main__":
    main()
