"""Running the gateway as a process: uvicorn, and the first and last words."""

import logging
import signal
import sys

import uvicorn

from serving.gateway.app import create_app
from serving.gateway.listener import listen
from serving.gateway.logs import log_config
from serving.gateway.settings import Settings

_LOGGER = logging.getLogger("tfgate.server")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in progress may finish.

    Raises:
        CannotListen: another program listens there, or the address is not this machine's.
    """
    listener = listen(settings.host, settings.port)
    config = uvicorn.Config(
        create_app(settings),
        log_config=log_config(settings.log_level),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,
    )
    host, port = listener.getsockname()[:2]
    _LOGGER.info("listening on http://%s:%s, asking %s", host, port, settings.model_server)
    # Once it has drained, uvicorn raises the signal again: a stop that was asked for is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    uvicorn.Server(config).run(sockets=[listener])
