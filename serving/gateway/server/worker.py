"""One process that serves: uvicorn, how it stops, and how it hears of its parent's end."""

import asyncio
import gc
import io
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.types import ASGIApp

from serving.gateway.app import create_app
from serving.gateway.middleware.draining import DRAINING
from serving.gateway.middleware.keys import WrongKeys
from serving.gateway.middleware.load_shedding import DOOR
from serving.gateway.server import file_descriptors
from serving.gateway.server.connections import BoundedConnection, ConnectionLimits
from serving.gateway.server.listener import CannotListen, listen
from serving.gateway.server.loop_lag import LoopLag
from serving.gateway.settings import Settings, WrongSettings, settings_of_parent
from serving.gateway.telemetry.logs import log_config
from serving.typed_models import WrongModels, load_models

if TYPE_CHECKING:
    from serving.gateway.server.grpc_server import GrpcServer

_LOGGER = logging.getLogger("tfgate.server")
# Longer than the minute for which nginx and most balancers keep an idle connection: if we closed it
# first, we might do so just as they send a request on it.
_KEEP_ALIVE_SECONDS = 75


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT."""
    # A log in an encoding that lacks a letter is to lose the letter, and not the line.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # Once it has stopped, uvicorn raises the signal again: a stop that was asked for is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    gateway = create_app(settings, models=load_models(settings.models_path))
    limits = ConnectionLimits(settings.max_header_bytes, settings.header_seconds)
    http = partial(BoundedConnection, limits=limits, root_path=settings.root_path)
    config = uvicorn.Config(
        gateway,
        interface="asgi3",  # it would guess another, for what is called is no coroutine function
        log_config=log_config(settings.log_level, settings.log_format),
        http=http,  # type: ignore[arg-type]  # it only calls it
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_grace_seconds,
    )
    host, port = listener.getsockname()[:2]
    who = f"keys in {settings.keys_file}" if settings.keys_file else "no keys needed"
    _LOGGER.info("listening on http://%s:%s, asking %s, %s", host, port, settings.model_server, who)
    file_descriptors.watch()
    _Server(config, gateway, settings).run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn, with gRPC beside it if that has a port.

    The first SIGTERM lets it answer for a while longer, until balancers know.
    """

    def __init__(self, config: uvicorn.Config, gateway: ASGIApp, settings: Settings) -> None:
        super().__init__(config)
        self._lag = LoopLag()
        self._gateway = gateway
        self._settings = settings
        self._is_draining = False
        self._grpc: GrpcServer | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, for gRPC once the application has started."""
        await super().startup(sockets)
        # What is there now stays. Full collections, one in 10,000 predictions, would walk it each
        # time, and hold everybody up meanwhile: for 80 ms instead of 2 when measured.
        gc.collect()
        gc.freeze()
        self._lag.start()
        if self._settings.grpc_port is not None and not self.should_exit:
            self._grpc = await _start_grpc(self._gateway, self.lifespan.state, self._settings)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what is in progress finish, whichever way it came, and then end the application."""
        self._lag.stop()
        if self._grpc is not None:
            grace = self._settings.shutdown_grace_seconds
            stopping = asyncio.create_task(self._grpc.stop(grace))
            # uvicorn waits for these before it ends the application.
            self.server_state.tasks.add(stopping)
            stopping.add_done_callback(self.server_state.tasks.discard)
        await super().shutdown(sockets)

    # A hook by its name alone; needed until uvicorn waits before it stops: Kludex/uvicorn#2414.
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain on the first SIGTERM; stop on every other signal, and cut the draining short."""
        if sig != signal.SIGTERM or self._is_draining:
            super().handle_exit(sig, frame)
            return
        self._is_draining = True
        # The one method of a loop that may be called from a signal's handler.
        asyncio.get_running_loop().call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self.lifespan.state[DRAINING] = True
        # Every answer is now its connection's last, and who sheds at the door keeps connections.
        self.lifespan.state.pop(DOOR, None)
        seconds = self._settings.drain_seconds
        if seconds:
            _LOGGER.info("draining: no longer ready, stopping in %g seconds", seconds)
        asyncio.get_running_loop().call_later(seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


async def _start_grpc(
    gateway: ASGIApp, state: Mapping[str, Any], settings: Settings
) -> "GrpcServer":
    # Not at the top: whoever has no port for it need not load reflection and health.
    from serving.gateway.server.grpc_server import GrpcServer  # noqa: PLC0415

    server = GrpcServer(gateway, state, settings)
    await server.start()
    secrecy = "TLS" if settings.grpc_certificate_file else "plain text"
    _LOGGER.info("listening for gRPC on %s:%s, %s", settings.host, server.port, secrecy)
    return server


def main() -> None:
    """Serve beside other workers, by the settings that come first on standard input."""
    try:
        settings = settings_of_parent(sys.stdin.readline())
        threading.Thread(target=_end_with_parent, daemon=True).start()
        serve(settings, listen(settings.host, settings.port, shared=True))
    except (CannotListen, WrongKeys, WrongModels, WrongSettings) as error:
        sys.exit(f"tfgate: {error}")


def _end_with_parent() -> None:
    """Stop when standard input ends: the parent holds its other end, and has died."""
    # Not sys.stdin.read, whose lock a stopping interpreter would wait for.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
