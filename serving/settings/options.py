"""What a server is told: TensorFlow Serving's flags as one value, and some limits of our own."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from tfgen.serving.status import invalid

ANY_PORT = -1
LARGEST_MESSAGE = (1 << 31) - 1
_LARGEST_BODY = 64 << 20


def _threads():
    return 4 * (os.cpu_count() or 1)


def flag(default: Any, text: str, factory: Callable | None = None) -> Any:
    """A field that is also a flag, with its help text."""
    metadata = {"help": text}
    if factory:
        return field(default_factory=factory, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Options:
    """The flags of `python -m tfgen.serving`, by name; each field's help says what it does."""

    port: int = flag(8500, "port of gRPC; 0: off, -1: any free one")
    grpc_socket_path: str = flag("", "path of a UNIX socket for gRPC")
    rest_api_port: int = flag(0, "port of REST; 0: off, -1: any free one")
    rest_api_num_threads: int = flag(0, "threads that run REST requests", _threads)
    rest_api_timeout_in_ms: int = flag(30000, "most time of a REST request; 0: no limit")
    rest_api_enable_cors_support: bool = flag(False, "let pages of other sites call the REST API")
    enable_batching: bool = flag(False, "run requests together")
    batching_parameters_file: str = flag("", "text-format BatchingParameters")
    enable_per_model_batching_parameters: bool = flag(
        False, "read batching_params.pbtxt beside each SavedModel"
    )
    model_name: str = flag("default", "name of the one model")
    model_base_path: str = flag("", "folder of its versions")
    model_config_file: str = flag("", "text-format ModelServerConfig, in place of the two")
    model_config_file_poll_wait_seconds: int = flag(0, "how often it is read again; 0: never")
    file_system_poll_wait_seconds: int = flag(1, "how often versions are looked for; 0: once")
    max_num_load_retries: int = flag(5, "how often a failed load is tried again")
    load_retry_interval_micros: int = flag(60_000_000, "time before it is")
    num_load_threads: int = flag(0, "versions loaded at once; 0: one")
    num_unload_threads: int = flag(0, "versions freed at once; 0: one")
    tensorflow_session_parallelism: int = flag(0, "both of the next two; 0: one a core")
    tensorflow_intra_op_parallelism: int = flag(0, "threads within an operation")
    tensorflow_inter_op_parallelism: int = flag(0, "operations at once")
    saved_model_tags: str = flag("serve", "tags of the graph to load, separated by commas")
    ssl_config_file: str = flag("", "text-format SSLConfig for gRPC")
    grpc_channel_arguments: str = flag("", "options of gRPC, such as grpc.max_concurrent_streams=9")
    grpc_max_threads: int = flag(0, "threads that run gRPC requests", _threads)
    per_process_gpu_memory_fraction: float = flag(0.0, "part of a GPU's memory to take at once")
    enable_model_warmup: bool = flag(True, "replay the warm-up requests of a SavedModel")
    num_request_iterations_for_warmup: int = flag(0, "how often each; 0: once")
    monitoring_config_file: str = flag("", "text-format MonitoringConfig")
    allow_version_labels_for_unavailable_models: bool = flag(
        False, "let new labels name versions that are not available yet"
    )
    enable_signature_method_name_check: bool = flag(False, "compare method_name with the request")
    enable_grpc_healthcheck_service: bool = flag(False, "serve grpc.health.v1.Health")
    enable_serialization_as_tensor_content: bool = flag(
        False, "answer with tensor_content in place of typed fields"
    )
    host: str = flag(
        "127.0.0.1", "address to listen on; 0.0.0.0: all (not a TensorFlow Serving flag)"
    )
    max_request_bytes: int = flag(
        _LARGEST_BODY, "largest request body (not a TensorFlow Serving flag)"
    )
    rest_api_read_timeout_in_ms: int = flag(
        30000,
        "time for the headers of a REST request to arrive, and for its body, which gets a second "
        "more for each 64 KiB that came; 0: no limit (not a TensorFlow Serving flag)",
    )
    max_pending_bytes: int = flag(
        1 << 31, "bodies and parsed JSON of all requests under way (not a TensorFlow Serving flag)"
    )
    max_pending_requests: int = flag(
        1024, "requests under way at once (not a TensorFlow Serving flag)"
    )
    shutdown_seconds: float = flag(
        30.0, "time for requests under way when stopped (not a TensorFlow Serving flag)"
    )

    def check(self) -> None:
        """Raises:
        Failure: INVALID_ARGUMENT: options that do not go together.
        """
        if not self.model_config_file and not self.model_base_path:
            raise invalid("Both --model_base_path and --model_config_file are empty!")
        if self.rest_api_port == self.port and self.port > 0:
            raise invalid(
                "--rest_api_port cannot be same as --port. Please use different ports for "
                "HTTP/REST and gRPC APIs"
            )
        if not (self.port or self.rest_api_port or self.grpc_socket_path):
            raise invalid("Nothing to serve: --port and --rest_api_port are both 0")
        if self.batching_parameters_file and not self.enable_batching:
            raise invalid("Option --batching_parameters_file given without --enable_batching")
        if self.enable_per_model_batching_parameters and not self.enable_batching:
            raise invalid("--enable_per_model_batching_parameters needs --enable_batching")
        parallel = self.tensorflow_session_parallelism
        if parallel and (
            self.tensorflow_intra_op_parallelism or self.tensorflow_inter_op_parallelism
        ):
            raise invalid(
                "Set either --tensorflow_session_parallelism or --tensorflow_intra_op_parallelism "
                "and --tensorflow_inter_op_parallelism"
            )
        if not 0 < self.max_request_bytes <= LARGEST_MESSAGE:
            raise invalid(f"--max_request_bytes must be in 1 .. {LARGEST_MESSAGE}")
        self._check_signs()

    def _check_signs(self):
        may_be_negative = ("port", "rest_api_port", "file_system_poll_wait_seconds")
        positive = ("rest_api_num_threads", "grpc_max_threads", "max_pending_requests")
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, (int, float)) and one.name not in may_be_negative and value < 0:
                raise invalid(f"--{one.name} must be at least 0; was {value}")
            if one.name in positive and not value:
                raise invalid(f"--{one.name} must be at least 1")
        for name in ("port", "rest_api_port"):
            if not ANY_PORT <= getattr(self, name) < 1 << 16:
                raise invalid(f"--{name} must be a port; was {getattr(self, name)}")
