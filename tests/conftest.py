"""Three logical CPU devices for the tests under MirroredStrategy, set before TensorFlow starts."""

import gc
import itertools
import os
import signal
import threading
import time
import zlib
from operator import not_

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# What XLA compiles here runs once or twice: LLVM's optimisations take longer than they save.
if "TFGEN_TESTS_OPTIMISED" not in os.environ:
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import keras
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

from tests import longest
from tests.chromium import browser  # noqa: F401  One for all pages: playwright runs once.

CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 3)


# What `make check` leaves out: tests that trace graphs, train, export or start processes.
TRACE = (
    "autoregressive/test_checkpointing.py",
    "autoregressive/test_raster.py",
    "batches/",
    "bulk/",
    "cli/",
    "data/test_labelled.py",
    "data/test_pipeline.py",
    "data/test_service.py",
    "data/test_tfrecord.py",
    "docs/test_explore_page.py",
    "evaluation/",
    "explore/",
    "export/test_bundle.py",
    "export/test_endpoints.py",
    "export/test_fuzz.py",
    "export/test_guards.py",
    "export/test_lite_files.py",
    "export/test_parity.py",
    "export/test_picture_files.py",
    "keras_face/",
    "metrics/test_feature_networks.py",
    "metrics/test_likelihood.py",
    "models/",
    "probability/test_priors.py",
    "reports/",
    "serving/",
    "test_configs.py",
    "test_models.py",
    "test_optimizers.py",
    "test_step.py",
    "training/test_broken_runs.py",
    "training/test_doctor.py",
    "training/test_experiment.py",
    "training/test_run.py",
    "zoo/test_add.py",
    "zoo/test_models_at_hand.py",
)


def pytest_addoption(parser):
    parser.addoption("--part", help="K/N: one of N parts of the tests")


def group(item):
    """The tests that one worker takes: those that share models, or a slow one alone."""
    shared = sharing(item)
    slow = item.get_closest_marker("slow") and not shared.startswith("tests/test_models.py")
    return item.nodeid.split("@")[0] if slow else shared


def sharing(item):
    """The tests that share their models: a file, or one tiny model of the conformance suite."""
    from tests.tiny import TINY

    path = item.path.relative_to(item.config.rootpath).as_posix()
    if path != "tests/test_models.py":
        return path
    tiny = getattr(getattr(item, "callspec", None), "params", {}).get("tiny")
    name = next((name for name, entry in TINY.items() if entry is tiny), "")
    return f"{path} {name}"


def pytest_collection_finish():
    gc.collect()
    gc.freeze()  # What importing made stays: no need to look at it again.
    # A traced graph is tens of thousands of objects that live until its test ends.
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """One worker for each `group`: models are built once a worker and shared by the tests on them.

    First, because pytest-xdist then puts the groups into the names of the tests.
    """
    long = longest.listed()
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
        path = item.path.relative_to(item.config.rootpath / "tests").as_posix()
        if path.startswith(TRACE):
            item.add_marker(pytest.mark.trace)
        if item.nodeid in long:
            item.add_marker(pytest.mark.long)
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1200))  # Seconds, on a busy machine too.
    files = {item.nodeid.split("::")[0] for item in items}
    known = {name for name in long if name.split("::")[0] in files}
    if not any("::" in argument for argument in config.args):
        if gone := sorted(known - {item.nodeid for item in items}):
            raise pytest.UsageError(f"{longest.FILE.name} names tests that are not there: {gone}")
    if part := config.getoption("part"):
        number, parts = map(int, part.split("/"))
        here = [zlib.crc32(group(item).encode()) % parts == number - 1 for item in items]
        config.hook.pytest_deselected(items=list(itertools.compress(items, map(not_, here))))
        items[:] = itertools.compress(items, here)
    order = {name: number for number, name in enumerate(dict.fromkeys(map(group, items)))}
    items.sort(key=lambda item: order[group(item)])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Graphs that run once or twice are not optimised, which takes longer than they do.

    For the marks `slow` and `optimised` they are, as for users: tests that train for many steps or
    compare numbers with a process of its own.
    """
    wanted = item.get_closest_marker("slow") or item.get_closest_marker("optimised")
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not wanted})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """Free the graphs of tests that share models before the next.

    TensorFlow registers a gradient for every trace of an optimizer's update and never forgets
    one, so a process that traces hundreds of training steps would keep all of their graphs.
    """
    result = yield
    if nextitem is None or sharing(nextitem) != sharing(item):
        registered = ops.gradient_registry._registry
        for name in [name for name in registered if name.startswith("CustomGradient-")]:
            del registered[name]
        gc.collect()
        gc.freeze()
    return result


def mirrored(count):
    """MirroredStrategy over so many logical CPU devices."""
    return tf.distribute.MirroredStrategy(
        [f"CPU:{n}" for n in range(count)], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


@pytest.fixture
def strategy():
    """MirroredStrategy over two logical CPU devices."""
    return mirrored(2)


@pytest.fixture
def three():
    """MirroredStrategy over three logical CPU devices."""
    return mirrored(3)


@pytest.fixture
def terminal():
    """A function that signals this process once a path is there.

    Signals do what they do in a terminal, also where the tests run in the background or under
    nohup.
    """
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    threads = []

    def signalled(number, path):
        def send():
            while not path.exists():
                time.sleep(0.01)
            os.kill(os.getpid(), number)

        threads.append(threading.Thread(target=send))
        threads[-1].start()

    yield signalled
    for thread in threads:
        thread.join()
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _same_numbers():
    """What draws without a seed draws the same numbers every time, in whatever order tests run."""
    keras.utils.set_random_seed(20)


@pytest.fixture(autouse=True)
def _float32():
    """A test that sets a precision policy does not leave it behind."""
    yield
    keras.config.set_dtype_policy("float32")
