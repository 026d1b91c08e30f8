"""Batching: sizes, timeouts, padding, splitting, limits, and every client its own rows."""

import base64
import contextlib
import io
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tests.serving.clients import Grpc, predict_request, rest
from tfgen.serving import Failure, Options, Server
from tfgen.serving.metrics import Metrics
from tfgen.serving.models.batching import BatchOptions, Scheduler
from tfgen.serving.status import Code


class Recorder:
    """Stands for a model: remembers what ran together."""

    def __init__(self, **options):
        self.options = BatchOptions(**{"num_batch_threads": 1, **options})
        self.options.check()
        self.scheduler = Scheduler(self.options.num_batch_threads, "test", Metrics())
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches = []
        self.queue = self.scheduler.queue(self.run, self.options)

    def run(self, arrays):
        self.entered.set()
        assert self.gate.wait(20)
        self.batches.append([array.copy() for array in arrays])
        return [arrays[0] * 2]

    def submit(self, *values) -> Future:
        return self.queue.submit((np.array(values, np.float32),))

    def occupy(self):
        """Keeps the one thread busy until `gate` is set."""
        first = self.submit(0)
        assert self.entered.wait(20)
        return first

    def sizes(self):
        return [len(batch[0]) for batch in self.batches]


@contextlib.contextmanager
def recorder(**options):
    made = Recorder(**options)
    try:
        yield made
    finally:
        made.gate.set()
        made.scheduler.stop()


def test_what_gathers_while_threads_are_busy_runs_together():
    with recorder(max_batch_size=4) as it:
        futures = [it.occupy()] + [it.submit(n) for n in range(1, 7)]
        it.gate.set()
        assert [future.result(20)[0].tolist() for future in futures] == [
            [2.0 * n] for n in range(7)
        ]
        assert it.sizes() == [1, 4, 2]


def test_a_batch_waits_for_its_timeout_unless_it_is_full():
    with recorder(max_batch_size=2, batch_timeout_micros=30_000_000) as it:
        it.gate.set()
        first = it.submit(1)
        with pytest.raises(TimeoutError):
            first.result(0.3)
        it.submit(2).result(20)
        assert it.sizes() == [2]
    with recorder(max_batch_size=2, batch_timeout_micros=50_000) as it:
        it.gate.set()
        assert it.submit(1).result(20)[0].tolist() == [2.0]


def test_a_bad_row_fails_its_own_request_alone():
    with recorder(max_batch_size=4) as it:

        def run(arrays):
            outputs = it.run(arrays)
            if (arrays[0] < 0).any():
                raise Failure(Code.INVALID_ARGUMENT, "negative")
            return outputs

        it.queue.run = run
        futures = [it.occupy()] + [it.submit(n) for n in (1, -2, 3)]
        it.gate.set()
        assert [futures[n].result(20)[0].tolist() for n in (0, 1, 3)] == [[0.0], [2.0], [6.0]]
        with pytest.raises(Failure, match="negative"):
            futures[2].result(20)
        assert it.sizes() == [1, 3, 1, 1, 1]


def test_stopping_runs_what_is_queued():
    with recorder(batch_timeout_micros=60_000_000) as it:
        it.gate.set()
        future = it.submit(1)
    assert future.result(0)[0].tolist() == [2.0]
    with pytest.raises(Failure, match="UNAVAILABLE"):
        it.submit(1)


def test_padding_up_to_an_allowed_size():
    with recorder(max_batch_size=8, allowed_batch_sizes=(2, 4, 8)) as it:
        it.gate.set()
        assert it.submit(1, 2, 3).result(20)[0].tolist() == [2.0, 4.0, 6.0]
        assert it.batches[0][0].tolist() == [1.0, 2.0, 3.0, 1.0]


def test_a_full_queue():
    with recorder(max_batch_size=2, max_enqueued_batches=2) as it:
        it.occupy()
        futures = [it.submit(n) for n in range(4)]
        with pytest.raises(Failure, match="UNAVAILABLE.*full"):
            it.submit(9)
        it.gate.set()
        assert len([future.result(20) for future in futures]) == 4


def test_a_request_larger_than_a_batch():
    with recorder(max_batch_size=2) as it:
        text = "Task size 3 is larger than maximum input batch size 2"
        with pytest.raises(Failure, match=f"INVALID_ARGUMENT: {text}"):
            it.submit(1, 2, 3)


def test_splitting():
    options = {"enable_large_batch_splitting": True, "max_execution_batch_size": 3}
    with recorder(max_batch_size=8, allowed_batch_sizes=(1, 3), **options) as it:
        first = it.occupy()
        small, large = it.submit(1, 2), it.submit(3, 4, 5, 6, 7)
        it.gate.set()
        assert first.result(20)[0].tolist() == [0.0]
        assert small.result(20)[0].tolist() == [2.0, 4.0]
        assert large.result(20)[0].tolist() == [6.0, 8.0, 10.0, 12.0, 14.0]
        assert it.sizes() == [1, 3, 3, 1]


def test_a_cancelled_request_does_not_run():
    with recorder(max_batch_size=4) as it:
        it.occupy()
        cancelled, wanted = it.submit(1), it.submit(2)
        assert cancelled.cancel()
        it.gate.set()
        assert wanted.result(20)[0].tolist() == [4.0]
        assert it.batches[1][0].tolist() == [2.0]


def test_rows_of_different_shape():
    def pair(it):
        it.occupy()
        futures = [it.queue.submit((np.ones((1, n), np.float32) * n,)) for n in (2, 3)]
        it.gate.set()
        return futures

    with recorder() as it:  # Neither can wait for the other: each runs alone.
        first, second = pair(it)
        assert first.result(20)[0].tolist() == [[4.0, 4.0]]
        assert second.result(20)[0].tolist() == [[6.0, 6.0, 6.0]]
        assert it.sizes() == [1, 1, 1]
    with recorder(pad_variable_length_inputs=True) as it:
        first, second = pair(it)
        assert first.result(20)[0].tolist() == [[4.0, 4.0, 4.0]]
        assert second.result(20)[0].tolist() == [[6.0, 6.0, 6.0]]


def test_an_error_reaches_every_request_of_the_batch_and_the_next_one_runs():
    with recorder(max_batch_size=2) as it:
        it.gate.set()
        it.queue.run = lambda arrays: (_ for _ in ()).throw(ValueError("no"))
        for future in [it.submit(1), it.submit(2)]:
            with pytest.raises(Failure, match="INTERNAL"):
                future.result(20)
        it.queue.run = it.run
        assert it.submit(1).result(20)


@pytest.mark.parametrize(
    "options",
    [
        {"max_batch_size": 0},
        {"num_batch_threads": 0},
        {"max_enqueued_batches": 0},
        {"batch_timeout_micros": -1},
        {"allowed_batch_sizes": (4, 2)},
        {"max_batch_size": 8, "allowed_batch_sizes": (2, 4)},
        {"max_execution_batch_size": 2},
        {"enable_large_batch_splitting": True, "max_execution_batch_size": 2000},
    ],
)
def test_options_that_do_not_fit(options):
    with pytest.raises(Failure, match="INVALID_ARGUMENT"):
        BatchOptions(**options).check()


def _options(models, tmp_path, text, **others):
    path = tmp_path / "batching.config"
    path.write_text(text)
    return Options(
        port=-1,
        rest_api_port=-1,
        model_name="m",
        model_base_path=str(models / "m"),
        enable_batching=True,
        batching_parameters_file=str(path),
        **others,
    )


@pytest.fixture(scope="module")
def batching(models, tmp_path_factory):
    """A server with batching, small enough to fill."""
    text = "max_batch_size { value: 16 } batch_timeout_micros { value: 2000 } "
    text += "max_enqueued_batches { value: 100 } num_batch_threads { value: 2 } "
    text += "allowed_batch_sizes: 4 allowed_batch_sizes: 16"
    options = _options(models, tmp_path_factory.mktemp("batching"), text)
    with Server(options) as server:
        yield server


def test_faults_over_rest(batching):
    with rest(batching) as http:
        for signature, value, text in (
            ("float32", 1, "must have at least one dimension"),
            ("two", {"a": [[1, 2]], "b": [1, 2]}, "must have equal 0th-dimension size"),
            ("", [[1, 2]] * 17, "Task size 17 is larger than maximum input batch size 16"),
            ("scalar", [1], "0 dimensions"),
            ("uneven", [1], "0th dimension does not equal"),
        ):
            answer = http.predict({"signature_name": signature, "inputs": value})
            assert answer.status == 400
            assert text in answer.error
        assert http.run("float32", "inputs", []) == []
        assert http.predict({"signature_name": "no_inputs"}).status == 400


def test_64_clients_each_get_their_own_rows(batching):
    """Half over REST, half over gRPC, rows of different number, all at once."""

    def over_rest(client):
        with rest(batching) as http:
            for turn in range(10):
                rows = [[client, turn + row] for row in range(1 + client % 3)]
                answer = http.predict({"instances": rows})
                assert answer.json == {"predictions": [[float(a), float(b)] for a, b in rows]}
        return True

    def over_grpc(client):
        stubs = Grpc(batching)
        for turn in range(10):
            rows = np.float32([[client, turn + row] for row in range(1 + client % 3)])
            outputs = stubs.prediction.Predict(predict_request("m", x=rows)).outputs
            assert list(outputs["y"].float_val) == rows.reshape(-1).tolist()
        stubs.close()
        return True

    with ThreadPoolExecutor(64) as pool:
        calls = [pool.submit(over_rest if n % 2 else over_grpc, n) for n in range(64)]
        assert all(call.result(60) for call in calls)
    page = batching.core.metrics.page()
    assert ":tensorflow:serving:batching_session:queuing_latency_count" in page


def test_bad_requests_among_many_fail_alone(batching):
    """Wrong shapes are refused before they are queued, bad Examples where their batch runs."""

    def over_rest(client):
        good, bad = {"inputs": [[client, 1.0]]}, {"inputs": [[client, 1.0, 2.0]]}
        examples = [{"x": float(client)}], [{"q": 1.0}]
        answers = []
        with rest(batching) as http:
            for turn in range(5):
                is_good = (client + turn) % 4 > 0
                answers.append((is_good, http.predict(good if is_good else bad)))
                body = {"signature_name": "regress", "examples": examples[0 if is_good else 1]}
                answers.append((is_good, http.predict(body, verb="regress")))
        return client, answers

    with ThreadPoolExecutor(32) as pool:
        for client, answers in pool.map(over_rest, range(32)):
            for is_good, answer in answers:
                assert answer.status == (200 if is_good else 400), (client, answer.body)
                if is_good:
                    value = [[float(client), 1.0]] if "outputs" in answer.json else [2.0 * client]
                    assert next(iter(answer.json.values())) == value


def test_broken_and_wrong_pictures_fail_alone(painter, tmp_path):
    """Of 64 requests at once a quarter is no picture, or one of other sides."""

    def file(side):
        target = io.BytesIO()
        Image.new("L", (side, side), 40).save(target, "PNG")
        return target.getvalue()

    def call(number):
        content = (file(8), file(8), file(9) if number % 8 == 2 else b"none", file(8))[number % 4]
        image = {"b64": base64.b64encode(content).decode()}
        with rest(server) as http:
            body = {"signature_name": "encode_png", "instances": [image]}
            return number, http.predict(body, "painter")

    path = tmp_path / "batching.config"
    text = "max_batch_size { value: 32 } batch_timeout_micros { value: 20000 } "
    path.write_text(text + "max_enqueued_batches { value: 1000 } num_batch_threads { value: 2 }")
    options = Options(
        port=0,
        rest_api_port=-1,
        model_name="painter",
        model_base_path=str(painter[1]),
        enable_model_warmup=False,
        enable_batching=True,
        batching_parameters_file=str(path),
    )
    with Server(options) as server, ThreadPoolExecutor(32) as pool:
        answers = dict(pool.map(call, range(64)))
        (code,) = answers[0].json["predictions"]
    for number, answer in answers.items():
        assert answer.status == (400 if number % 4 == 2 else 200), (number, answer.body)
        assert number % 4 == 2 or answer.json["predictions"] == [pytest.approx(code, rel=1e-4)]


def test_a_full_queue_is_503(models, tmp_path):
    text = "max_batch_size { value: 1 } max_enqueued_batches { value: 1 } "
    text += "num_batch_threads { value: 1 }"
    options = _options(models, tmp_path, text, rest_api_timeout_in_ms=10_000)

    def call(server):
        with rest(server) as http:
            return http.predict({"signature_name": "slow", "inputs": [100_000]})

    with Server(options) as server, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call(server), range(8)))
    statuses = {answer.status for answer in answers}
    assert statuses == {200, 503}
    assert any("full" in answer.error for answer in answers if answer.status == 503)


def test_parameters_beside_the_model(models, tmp_path):
    import shutil

    shutil.copytree(models / "m", tmp_path / "m")
    path = tmp_path / "m" / "00000123" / "batching_params.pbtxt"
    path.write_text("max_batch_size { value: 2 }")
    options = Options(
        port=0,
        rest_api_port=-1,
        model_name="m",
        model_base_path=str(tmp_path / "m"),
        enable_batching=True,
        enable_per_model_batching_parameters=True,
    )
    with Server(options) as server, rest(server) as http:
        answer = http.predict({"instances": [[1, 2]] * 3})
        assert "maximum input batch size 2" in answer.error
