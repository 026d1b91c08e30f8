"""The same work as pipelines of Apache Beam: the extra `beam`.

Shards are the elements, so any split into bundles draws the same files. Beam's own options say
where it runs: DirectRunner with several processes, Flink, Spark, Dataflow.
"""

import pickle
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import apache_beam
from apache_beam.options.pipeline_options import PipelineOptions

from tfgen.bulk import drawing
from tfgen.bulk.plans import Plan, Shard


def generate(
    plan: Plan, out: Path, left: Iterable[Shard], runner: str, options: Sequence[str] = ()
) -> None:
    """Draws some shards of a plan.

    Args:
        plan: The whole.
        out: Folder of the shards, which all workers see.
        left: Those to draw.
        runner: Name of Beam's runner.
        options: Beam's own, as on a command line.
    """
    work = [tuple(shard) for shard in left]
    if not work:
        return
    with _pipeline(runner, options) as pipeline:
        _ = (
            pipeline
            | apache_beam.Create(work)
            | apache_beam.Reshuffle()
            | apache_beam.Map(_draw, plan, str(out))
        )


def reduced(
    items: Sequence[Any],
    measure: Callable[[Any], Any],
    combine: Any,
    place: Path,
    runner: str,
    options: Sequence[str] = (),
) -> Any:
    """Items measured by workers, and combined.

    Args:
        items: Plain data, each the work of one call.
        measure: Item -> what `combine` takes.
        combine: With `empty()`, `merged(one, other)`.
        place: A folder that all workers see, for the result on its way.
        runner: Name of Beam's runner.
        options: Beam's own.
    """
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=place) as folder:
        path = Path(folder, "result")
        with _pipeline(runner, options) as pipeline:
            _ = (
                pipeline
                | apache_beam.Create(list(items))
                | apache_beam.Reshuffle()
                | apache_beam.Map(measure)
                | apache_beam.CombineGlobally(_Merging(combine))
                | apache_beam.Map(_keep, str(path))
            )
        return pickle.loads(path.read_bytes())


class _Merging(apache_beam.CombineFn):
    """Beam's combiner of what can be merged in any order."""

    def __init__(self, combine):
        self.combine = combine

    def create_accumulator(self):
        return self.combine.empty()

    def add_input(self, accumulator, element):
        return self.combine.merged(accumulator, element)

    def merge_accumulators(self, accumulators):
        total = self.combine.empty()
        for one in accumulators:
            total = self.combine.merged(total, one)
        return total

    def extract_output(self, accumulator):
        return accumulator


def _pipeline(runner, options):
    # What a worker unpickles is imported from the package: nothing of the main session is needed.
    return apache_beam.Pipeline(options=PipelineOptions([f"--runner={runner}", *options]))


def _draw(shard, plan, out):
    drawing.draw(plan, Path(out), [Shard(*shard)])


def _keep(result, path):
    Path(path).write_bytes(pickle.dumps(result))
