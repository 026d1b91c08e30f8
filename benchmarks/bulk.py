"""Pictures in bulk by several processes, all killed once on the way and started again.

    python -m benchmarks.bulk OUT [--model zoo:vae-digits] [--pictures 1000000] [--shard-size 10000]
                              [--processes 2] [--alone 100000] [--json FILE]

`tfgen generate` with `--part k/n` into OUT, SIGKILL to all processes at two fifths of the shards,
and the same commands again; then the first `--alone` pictures by one process into OUT-alone.
Printed: seconds of each, pictures a second, the memory of a process at a quarter of its time and at
its end, and how many of the shards made alone have the same SHA-256. Ends with 1 where one differs.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("out", type=Path, help="a new folder")
    parser.add_argument("--model", default="zoo:vae-digits")
    parser.add_argument("--pictures", type=int, default=1_000_000)
    parser.add_argument("--shard-size", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--alone", type=int, default=100_000)
    parser.add_argument("--json", type=Path, help="file for the same figures")
    arguments = parser.parse_args()
    if arguments.out.exists():
        sys.exit(f"{arguments.out} is there already: name a new folder.")

    n, shards = arguments.processes, -(-arguments.pictures // arguments.shard_size)
    both = [f"{k}/{n}" for k in range(n)]
    killed = run(arguments, arguments.out, arguments.pictures, both, kill_at=2 * shards // 5)
    finished = run(arguments, arguments.out, arguments.pictures, both)
    other = arguments.out.with_name(f"{arguments.out.name}-alone")
    alone = run(arguments, other, arguments.alone, ["0/1"])
    hashes, expected = (
        [shard["sha256"] for shard in json.loads((folder / "manifest.json").read_text())["shards"]]
        for folder in (arguments.out, other)
    )
    row = {
        "killed": killed,
        "finished": finished,
        "pictures_per_s": arguments.pictures / (killed["seconds"] + finished["seconds"]),
        "alone": alone,
        "alone_pictures_per_s": arguments.alone / alone["seconds"],
        "compared": len(expected),
        "same": sum(a == b for a, b in zip(expected, hashes, strict=False)),
    }
    print(json.dumps(row, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(row, indent=2) + "\n")
    sys.exit(row["same"] != row["compared"])


def run(arguments, out, pictures, parts, kill_at=None):
    """Seconds, shards and megabytes of one process a part; all are killed at so many shards."""
    command = [sys.executable, "-m", "tfgen", "generate", arguments.model, "--out", str(out)]
    command += ["--seeds", f"0-{pictures - 1}", "--shard-size", str(arguments.shard_size)]
    begun = time.perf_counter()
    processes = [subprocess.Popen([*command, "--part", part]) for part in parts]
    memory = []
    while any(process.poll() is None for process in processes):
        done = len(list(out.glob("seeds-*")))
        memory.append(max(map(megabytes, processes)))
        if kill_at is not None and done >= kill_at:
            for process in processes:
                process.kill()
                process.wait()
        time.sleep(0.5)
    if kill_at is None and any(process.returncode for process in processes):
        sys.exit(f"{' '.join(command)} ended with {[p.returncode for p in processes]}.")
    seconds = time.perf_counter() - begun
    kept = [value for value in memory if value]
    return {
        "seconds": seconds,
        "shards": len(list(out.glob("seeds-*"))),
        "mb_at_a_quarter": kept[len(kept) // 4],
        "mb_at_the_end": kept[-1],
    }


def megabytes(process):
    """Resident memory of a process that runs; 0 of one that has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(found[0]) // 1024 if found else 0


if __name__ == "__main__":
    main()
