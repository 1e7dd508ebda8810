"""The running server: puts the parts together, serves, and stops without losing a call."""

import logging
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2_grpc

from serving.embedded import config_rules, model_service, prediction_service
from serving.embedded.batching import Batching
from serving.embedded.config_file import ConfigFileWatch
from serving.embedded.flags import Flags
from serving.embedded.health import StaticHealth
from serving.embedded.lifecycle import Lifecycle, RetryPolicy
from serving.embedded.rpc import CallLimit, UnknownMethods, start_threads
from serving.embedded.servable import Servable, ServableOptions
from serving.embedded.served_models import ServedModels
from serving.embedded.session_config import session_config
from serving.embedded.source import FileSystemSource
from serving.embedded.state_reports import StateReports
from serving.embedded.statuses import invalid_argument
from serving.embedded.tls import read_credentials
from serving.embedded.warmup import warm_up

# How long a stop waits for calls in flight; those still running are then cancelled.
GRACE_SECONDS = 10.0

# Threads beyond the limit, so that a full server can still say so.
_REFUSING_THREADS = 4

_log = logging.getLogger(__name__)


class ModelServer:
    """One server: `start` returns when every model is available, `stop` when every call is done."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags
        self._reports = StateReports()
        retry = RetryPolicy(
            flags.max_num_load_retries, max(0, flags.load_retry_interval_micros) / 1e6
        )
        self._lifecycle = Lifecycle(self._load, retry, self._reports)
        self._source = FileSystemSource(self._lifecycle.aspire, flags.file_system_poll_wait_seconds)
        self._served = ServedModels(
            self._source,
            self._lifecycle,
            self._reports,
            labels_may_come_first=flags.allow_version_labels_for_unavailable_models,
        )
        self._config_file = ConfigFileWatch(
            flags.model_config_file, flags.model_config_file_poll_wait_seconds, self._served
        )
        self._batching = (
            Batching.of_file(flags.batching_parameters_file) if flags.enable_batching else None
        )
        self._options = ServableOptions(
            tags=tuple(flags.saved_model_tags.split(",")),
            session_config=session_config(flags),
            answers_as_tensor_content=flags.enable_serialization_as_tensor_content,
            checks_method_names=flags.enable_signature_method_name_check,
            batching=self._batching,
        )
        self._grpc: grpc.Server | None = None

    def start(self) -> None:
        """Load the configured models, then serve.

        Raises:
            StatusError: for a configuration that is refused, a model that does not load, an address
                that cannot be listened on, or more threads than there may be.
        """
        tls_file = self._flags.ssl_config_file
        credentials = read_credentials(tls_file) if tls_file else None
        config = self._first_config()
        self._lifecycle.start()
        self._source.start()
        self._served.reload(config)
        self._lifecycle.first_models_are_loaded()
        self._grpc = self._build_grpc_server()
        _listen(self._grpc, self._flags, credentials)
        self._grpc.start()
        self._config_file.start()

    def stop(self) -> None:
        """Refuse new calls, let those in flight finish, free everything."""
        self._config_file.stop()
        self._reports.close()
        if self._batching:
            self._batching.scheduler.hurry()
        if self._grpc:
            self._grpc.stop(GRACE_SECONDS).wait()
        self._source.stop()
        self._lifecycle.stop()
        if self._batching:
            self._batching.scheduler.stop()

    def _first_config(self) -> config_rules.ModelServerConfig:
        if self._flags.model_config_file:
            return config_rules.read_config_file(self._flags.model_config_file)
        return config_rules.single_model_config(self._flags.model_name, self._flags.model_base_path)

    def _load(self, directory: Path) -> Servable:
        servable = Servable(directory, self._options)
        if self._flags.enable_model_warmup:
            try:
                warm_up(servable, directory, max(1, self._flags.num_request_iterations_for_warmup))
            except BaseException:
                servable.close()
                raise
        return servable

    def _build_grpc_server(self) -> grpc.Server:
        flags = self._flags
        # One thread of TF Serving's quota always waits for the next call.
        calls_at_once = max(1, flags.grpc_max_threads - 1)
        limit = CallLimit(calls_at_once)
        predictions = prediction_service.PredictionService(self._served)
        models = model_service.ModelService(self._served, self._reports, self._lifecycle)
        server = grpc.server(
            start_threads(calls_at_once + _REFUSING_THREADS),
            options=_channel_options(flags.grpc_channel_arguments),
        )
        if flags.enable_grpc_healthcheck_service:
            health_pb2_grpc.add_HealthServicer_to_server(StaticHealth(), server)
        server.add_generic_rpc_handlers(
            (
                limit.service(prediction_service.SERVICE, predictions.methods()),
                limit.service(model_service.SERVICE, models.methods()),
                UnknownMethods(),
            )
        )
        return server


def _listen(server: grpc.Server, flags: Flags, credentials: grpc.ServerCredentials | None) -> None:
    addresses = [f"{flags.grpc_bind_address}:{flags.port}"] if flags.port else []
    if flags.grpc_socket_path:
        addresses.append(f"unix:{flags.grpc_socket_path}")
    try:
        for address in addresses:
            if credentials:
                server.add_secure_port(address, credentials)
            else:
                server.add_insecure_port(address)
    except RuntimeError as error:
        raise invalid_argument(f"Failed to BuildAndStart gRPC server. {error}") from error


def _channel_options(arguments: str) -> list[tuple[str, int | str]]:
    options: list[tuple[str, int | str]] = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # a taken port must be an error, not a silent second server
    ]
    for argument in filter(None, arguments.split(",")):
        name, _, value = argument.partition("=")
        options.append((name, int(value) if value.lstrip("-").isdigit() else value))
    return options
