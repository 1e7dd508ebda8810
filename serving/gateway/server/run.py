"""Running the gateway: in this process, or in several workers of their own."""

from serving.gateway.middleware.keys import read_keys
from serving.gateway.server.listener import listen
from serving.gateway.server.metrics_port import expose
from serving.gateway.server.supervisor import supervise
from serving.gateway.settings import Settings, WrongSettings
from serving.models import MODELS


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in progress may finish.

    Raises:
        CannotListen: another program listens there, or the address is not this machine's.
        WrongKeys: the file of API keys cannot be used.
        WorkersDie: there are several workers, and they end as soon as they are started.
        WrongSettings: a model is required that does not exist.
    """
    if unknown := sorted(set(settings.required_models) - set(MODELS)):
        known = ", ".join(sorted(MODELS))
        message = f"wrong settings: TFGATE_REQUIRED_MODELS: there is no {unknown[0]}, only {known}"
        raise WrongSettings(message)
    if settings.keys_file is not None:
        read_keys(settings.keys_file, MODELS)
    if settings.workers > 1:
        supervise(settings)
        return
    if settings.metrics_port is not None:
        expose(settings.host, settings.metrics_port)
    # Not at the top, for then the parent of several workers would carry FastAPI and gRPC as well.
    from serving.gateway.server.worker import serve  # noqa: PLC0415

    serve(settings, listen(settings.host, settings.port))
