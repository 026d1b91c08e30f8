"""The benchmark of pictures in bulk, on a few."""

import json
import sys

import pytest

from benchmarks import bulk


@pytest.mark.slow
def test_killed_processes_go_on_and_make_the_same_files(tmp_path, monkeypatch):
    out, found = tmp_path / "out", tmp_path / "found.json"
    sizes = ["--pictures", "40", "--shard-size", "4", "--alone", "8", "--json", str(found)]
    monkeypatch.setattr(sys, "argv", ["bulk", str(out), *sizes])
    with pytest.raises(SystemExit) as ended:
        bulk.main()
    assert not ended.value.code
    row = json.loads(found.read_text())
    assert 4 <= row["killed"]["shards"] and row["finished"]["shards"] == 10
    assert row["compared"] == row["same"] == 2 and row["pictures_per_s"] > 0
    with pytest.raises(SystemExit, match="is there already"):
        bulk.main()
