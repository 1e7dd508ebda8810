"""Running the gateway: in this process, or in several workers of their own."""

import logging
import logging.config

from serving.gateway.server import file_descriptors
from serving.gateway.server.files import check_files
from serving.gateway.server.listener import GRPC_PORT, listen
from serving.gateway.server.metrics_port import expose
from serving.gateway.server.supervisor import supervise
from serving.gateway.settings import Settings, service_links
from serving.gateway.telemetry.logs import log_config

_LOGGER = logging.getLogger("tfgate.server")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in progress may finish.

    Raises:
        CannotListen: another program listens there, or the host is not this machine's.
        NoMetricsFolder: there are several workers, and they have nowhere to count.
        WrongKeys: the file of API keys cannot be used.
        WorkersDie: there are several workers, and they end as soon as they are started.
        WrongModels: a typed model of a user's own cannot be loaded.
        WrongSettings: a model is required that does not exist, or the model server's list of models
            cannot be used.
    """
    check_files(settings)
    logging.config.dictConfig(log_config(settings.log_level, settings.log_format))
    file_descriptors.raise_limit()
    for variable in service_links():
        message = "%s is what Kubernetes says of a Service of that name, and no setting: ignored"
        _LOGGER.info(message, variable)
    if settings.grpc_port is not None:
        # Whoever listens there in earnest could not say as well why it cannot.
        listen(settings.host, settings.grpc_port, option=GRPC_PORT).close()
    if settings.workers > 1:
        supervise(settings)
        return
    if settings.metrics_port is not None:
        expose(settings.host, settings.metrics_port)
    # Not at the top, for then the parent of several workers would carry FastAPI and gRPC as well.
    from serving.gateway.server.worker import serve  # noqa: PLC0415

    serve(settings, listen(settings.host, settings.port))
