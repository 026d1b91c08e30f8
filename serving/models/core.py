"""The models of one server: what its configuration names is kept loaded as folders change."""

import logging
import threading
import time
from pathlib import Path

from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfgen.serving import metrics as names
from tfgen.serving.metrics import Metrics
from tfgen.serving.models import sources, warmup
from tfgen.serving.models.batching import Scheduler
from tfgen.serving.models.limits import Admission
from tfgen.serving.models.manager import Manager
from tfgen.serving.models.predict import Servable
from tfgen.serving.models.runner import Arrivals
from tfgen.serving.models.saved_model import Runtime, SavedModel
from tfgen.serving.settings import config
from tfgen.serving.settings.options import Options
from tfgen.serving.status import Code, Failure

log = logging.getLogger(__name__)


class Core:
    """Models, batching and metrics, without any network.

    Args:
        options: Checked here.

    Raises:
        Failure: Options or files that are wrong.
    """

    def __init__(self, options: Options):
        options.check()
        self.options = options
        self.metrics = Metrics()
        self.metrics_path = config.metrics_path(options.monitoring_config_file)
        self.admission = Admission(
            options.max_pending_requests, options.max_pending_bytes, options.max_request_bytes
        )
        self.arrivals = Arrivals()
        self._batch_options = config.batch_options(options.batching_parameters_file)
        self._first_config = self._read_config()
        both = options.tensorflow_session_parallelism
        self._runtime = Runtime(
            tuple(tag for tag in options.saved_model_tags.split(",") if tag),
            both or options.tensorflow_intra_op_parallelism,
            both or options.tensorflow_inter_op_parallelism,
            options.per_process_gpu_memory_fraction,
        )
        self._scheduler = None
        if options.enable_batching:
            batching = self._batch_options
            self._scheduler = Scheduler(
                batching.num_batch_threads, batching.thread_pool_name, self.metrics
            )
        self.manager = Manager(
            self._load,
            options.max_num_load_retries,
            options.load_retry_interval_micros * 1e-6,
            options.num_load_threads,
            options.num_unload_threads,
            options.allow_version_labels_for_unavailable_models,
        )
        self._reloading = threading.Lock()
        self._polling = threading.Lock()
        self._entries = []
        self._complaints = {}
        self._stopped = threading.Event()
        self._threads = []

    def start(self) -> None:
        """Loads the configured models and watches folders and files from then on.

        Raises:
            Failure: A model that cannot be loaded; CANCELLED: `interrupt` was called meanwhile.
        """
        self.reload(self._first_config, is_first=True)
        if self._stopped.is_set():
            raise Failure(Code.CANCELLED, "Stopped before the models were available.")
        options = self.options
        if options.file_system_poll_wait_seconds > 0:
            self._every(options.file_system_poll_wait_seconds, self.poll)
        if options.model_config_file and options.model_config_file_poll_wait_seconds > 0:
            self._every(options.model_config_file_poll_wait_seconds, self._reread)

    def reload(self, wanted: ModelServerConfig, is_first: bool = False, waits: bool = True) -> None:
        """Serves the models of a config, and no others, once its new ones are available.

        Args:
            wanted: The config.
            is_first: Whether folders that are missing may still come.
            waits: Whether it returns only when the models are available.

        Raises:
            Failure: The config is wrong, or a model of it does not become available.
        """
        entries = config.entries(wanted)
        with self._reloading:
            self.manager.set_labels(entries)
            with self._polling:
                dropped = {one.name for one in self._entries} - {one.name for one in entries}
                self._entries = entries
            for name in dropped:
                self.manager.aspire(name, {})
            self.poll()
            for entry in entries if waits else ():
                self._wait(entry, is_first)

    def _wait(self, entry, is_first):
        polls = self.options.file_system_poll_wait_seconds > 0
        while not self._stopped.is_set():
            settled = self.manager.is_settled(entry.name)
            if isinstance(settled, Failure):
                raise settled
            if settled:
                return
            # A folder that is to come is waited for at the start only: a client that asks for a
            # reload is told.
            if not (is_first and polls):
                if not sources.aspired(entry):
                    raise Failure(
                        Code.NOT_FOUND,
                        f"No versions of servable {entry.name} found under base path "
                        f"{entry.base_path}",
                    )
            self.manager.wait(0.2)
            if is_first and polls:
                self.poll()

    def poll(self) -> None:
        """Looks at all folders once; where one base path is missing nothing changes at all."""
        with self._polling:
            try:
                found = {entry.name: sources.aspired(entry) for entry in self._entries}
            except Failure as failure:
                self._complain("poll", f"{failure.message}. No model is updated until it is there.")
                return
            self._complaints.pop("poll", None)
            for name, versions in found.items():
                if not versions:
                    self._complain(name, f"No versions of servable {name} found.")
                self.manager.aspire(name, versions)

    def _complain(self, subject, text):
        """Logs at most every ten seconds for one subject."""
        now = time.monotonic()
        if now - self._complaints.get(subject, -10.0) >= 10:
            self._complaints[subject] = now
            log.warning(text)

    def _read_config(self):
        options = self.options
        if options.model_config_file:
            return config.read(options.model_config_file, ModelServerConfig)
        return config.single_model(
            options.model_name, str(Path(options.model_base_path).absolute())
        )

    def _reread(self):
        try:
            self.reload(self._read_config())
        except Failure as failure:
            log.error("Cannot apply %s: %s", self.options.model_config_file, failure)

    def _every(self, seconds, function):
        def repeat():
            while not self._stopped.wait(seconds):
                function()

        thread = threading.Thread(target=repeat, name=function.__name__, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _load(self, name, number, path) -> Servable:
        batching = self._batch_options
        own = path / config.PER_MODEL_BATCHING
        if self.options.enable_per_model_batching_parameters and own.exists():
            batching = config.batch_options(str(own))
        try:
            model = SavedModel(path, self._runtime)
        except Failure as failure:
            self.metrics.count(names.LOADS, str(path), failure.code.name)
            raise
        self.metrics.count(names.LOADS, str(path), "success")
        checks = self.options.enable_signature_method_name_check
        servable = Servable(name, number, model, self.metrics, self._scheduler, batching, checks)
        if self.options.enable_model_warmup:
            try:
                iterations = self.options.num_request_iterations_for_warmup
                warmup.replay(servable, iterations, self.metrics)
            except Failure:
                model.close()
                raise
        return servable

    def interrupt(self) -> None:
        """Ends all waiting and watching; what is loaded stays in service."""
        self._stopped.set()

    def close(self) -> None:
        """Finishes what is under way and frees everything."""
        self._stopped.set()
        if self._scheduler is not None:
            self._scheduler.stop()
        for thread in self._threads:
            thread.join()
        self.manager.stop()
