"""gRPC's server without its hand-offs: the thread that receives a call also answers it.

`grpc.server` takes an empty call through three threads and costs 0.6 ms of processor time; this
costs 0.2 ms. Both stand on the same C core, whose bindings (`cygrpc`) are grpcio's own and may
change with its minor versions. Knows no service and no message.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc._cython import cygrpc

from serving.embedded.statuses import StatusError, code_number, cut_to_limit

# Threads that wait for the next event, while the others sleep. One alone must wake another for
# every call before it can answer, and each thread that waits wakes five times a second.
_WAITING_THREADS = 2

_NO_FLAGS = 0

_log = logging.getLogger(__name__)


@dataclass
class Call:
    """What came in: a message, the time it must be answered by, and whether anybody still waits."""

    deadline: float  # seconds since the epoch
    cancelled: bool = False
    message: bytes = b""


@dataclass(frozen=True)
class Handler:
    """Turns a call into an answer, or raises StatusError; a held call ends with its client."""

    answer: Callable[[Call], bytes]
    holds: bool = False


class _Stopped:
    """The tag of the event that no call is left."""


@dataclass
class CallServer:
    """Serves methods by their full names on any number of addresses."""

    handlers: Mapping[str, Handler]
    options: Sequence[tuple[str, int | str]] = ()
    _threads: list[threading.Thread] = field(default_factory=list)
    _waiting: int = 0
    _turn: threading.Condition = field(default_factory=threading.Condition)
    _calls_ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._queue = cygrpc.CompletionQueue()
        self._server = cygrpc.Server(
            [(name.encode(), _encoded(value)) for name, value in self.options], False
        )
        self._server.register_completion_queue(self._queue)

    def listen(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Add an address; return its port.

        Raises:
            RuntimeError: it cannot be listened on.
        """
        arguments = [address.encode(), *([credentials._credentials] if credentials else [])]
        port: int = self._server.add_http2_port(*arguments)
        if not port:
            message = f"Failed to bind to address {address}"
            raise RuntimeError(message)
        return port

    def start(self, threads: int) -> None:
        """Serve with so many threads, all of which run when this returns.

        Raises:
            StatusError: RESOURCE_EXHAUSTED for more threads than the machine lets this process
                have.
        """
        self._server.start()
        try:
            for _ in range(threads):
                thread = threading.Thread(target=self._serve, name="call", daemon=True)
                thread.start()
                self._threads.append(thread)
        except RuntimeError as error:
            self.stop(0)
            raise StatusError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{threads} threads for calls cannot be started ({error}): lower "
                "--grpc_max_threads, or raise the limit of processes or memory",
            ) from error
        self._request_call()

    def stop(self, grace_seconds: float) -> None:
        """Refuse new calls, wait for those in flight, cancel those that are left; then return."""
        self._server.shutdown(self._queue, _Stopped)
        if not self._threads:
            self._queue.poll()  # nobody else takes the event
            self._calls_ended.set()
        if not self._calls_ended.wait(grace_seconds):
            self._server.cancel_all_calls()
            self._calls_ended.wait()
        self._queue.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.destroy()

    def _request_call(self) -> None:
        self._server.request_call(self._queue, self._queue, None)

    def _serve(self) -> None:
        while True:
            self._wait_for_turn()
            event = self._queue.poll()
            if event.completion_type == cygrpc.CompletionType.queue_shutdown:
                self._leave_turn()
                return
            answering = self._take(event)
            # Before the next wait: an event that lives on keeps its call from being freed.
            event = None
            self._leave_turn()
            if answering:
                answering()
                answering = None

    def _wait_for_turn(self) -> None:
        with self._turn:
            while self._waiting >= _WAITING_THREADS:
                self._turn.wait()
            self._waiting += 1

    def _leave_turn(self) -> None:
        with self._turn:
            self._waiting -= 1
            if self._waiting == 0:
                self._turn.notify()

    def _take(self, event: Any) -> Callable[[], None] | None:
        """Do what an event asks for; return what takes time, to be done when others wait."""
        if event.tag is _Stopped:
            self._calls_ended.set()
            return None
        if event.tag is not None:
            followed: Callable[[], None] | None = event.tag(event)
            return followed
        if not event.success:
            return None  # the server stops
        self._request_call()
        _begin(event, self.handlers)
        return None


def _begin(event: Any, handlers: Mapping[str, Handler]) -> None:
    """Ask for a call's message and its end; each comes as an event of its own."""
    call = Call(event.call_details.deadline)
    method = event.call_details.method.decode(errors="replace")
    core = event.call

    def ended(event: Any) -> None:
        call.cancelled = event.batch_operations[0].cancelled()

    def received(event: Any) -> Callable[[], None] | None:
        message = event.batch_operations[0].message()
        if message is None:
            if not call.cancelled:
                text = f'"{method}" requires exactly one request message.'
                _refuse(core, StatusError(grpc.StatusCode.UNIMPLEMENTED, text))
            return None
        call.message = message
        return lambda: _answer(core, call, handlers[method])

    core.start_server_batch((cygrpc.ReceiveCloseOnServerOperation(_NO_FLAGS),), ended)
    if method in handlers:
        core.start_server_batch((cygrpc.ReceiveMessageOperation(_NO_FLAGS),), received)
    else:
        # Without a text, as TF Serving says it.
        _refuse(core, StatusError(grpc.StatusCode.UNIMPLEMENTED, ""))


def _answer(core: Any, call: Call, handler: Handler) -> None:
    try:
        answer = handler.answer(call)
    except StatusError as error:
        return _refuse(core, error)
    except Exception as error:  # noqa: BLE001 - the outermost handler
        _log.exception("A call failed for a reason of the server's own")
        text = f"Server: {type(error).__name__}"
        return _refuse(core, StatusError(grpc.StatusCode.INTERNAL, text))
    operations = [
        cygrpc.SendInitialMetadataOperation(None, _NO_FLAGS),
        cygrpc.SendMessageOperation(answer, _NO_FLAGS),
    ]
    if not handler.holds:
        operations.append(
            cygrpc.SendStatusFromServerOperation(None, cygrpc.StatusCode.ok, b"", _NO_FLAGS)
        )
    core.start_server_batch(operations, _sent)
    return None


def _refuse(core: Any, error: StatusError) -> None:
    text = cut_to_limit(error.message).encode()
    status = cygrpc.SendStatusFromServerOperation(None, code_number(error.code), text, _NO_FLAGS)
    core.start_server_batch((cygrpc.SendInitialMetadataOperation(None, _NO_FLAGS), status), _sent)


def _sent(_event: Any) -> None:
    """Do nothing more: the client has its answer, or is gone."""


def _encoded(value: int | str) -> int | bytes:
    return value if isinstance(value, int) else value.encode()
