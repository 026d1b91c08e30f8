"""What the benchmark of plans measures, on small runs."""

from pathlib import Path

import pytest

from benchmarks import plan

CONFIG = Path(__file__).parents[2] / "configs" / "autoencoder_digits.yaml"


def test_a_row_as_text():
    row = {"config": "x", "step_said": 0.012, "step_found": 0.010}
    assert plan.line({**row, "processes": 2}).split() == (
        "x 2 process(es) step 12.0 ms said, 10.0 found (+20%)".split()
    )
    memory = {"peak_said": 9e8, "peak_found": 1e9}
    assert plan.line({**row, **memory}).endswith("memory 900 MB said, 1000 found (-10%)")


@pytest.mark.slow
@pytest.mark.trace
def test_a_config_and_two_processes_are_measured():
    found = plan.of_config(CONFIG, seconds=0.2)
    assert 0.2 < found["step_said"] / found["step_found"] < 5.0
    assert 0.8 < found["peak_said"] / found["peak_found"] < 1.2
    bandwidth, latency = plan.measured_network()
    assert 1e6 < bandwidth < 1e12 and 1e-6 < latency < 1.0
    (row,) = plan.of_processes(CONFIG, [2], (bandwidth, latency), seconds=0.2)
    assert row["processes"] == 2 and min(row["step_said"], row["step_found"]) > 0.0
