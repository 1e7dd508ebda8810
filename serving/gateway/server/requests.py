"""The requests of one connection: what of each has been read and answered, and who is shed.

uvicorn's protocol reads and answers them; what it has no option for is added here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from serving.errors import MalformedRequest, TfgateError
from serving.gateway.middleware.draining import is_draining
from serving.gateway.middleware.load_shedding import DOOR, LoadShedding, PredictionPath
from serving.gateway.server import heads, refusals

_MAX_PIPELINED = 8  # requests sent ahead, while the first of them is at work
_SHED = STATUS_LINE[429]
# What has a say in how a refusal is told, or in whether the connection goes on.
_NOT_PLAIN = {b"expect", b"origin", b"x-forwarded-prefix"}


class _OtherProtocolOffered(Exception):
    """The head has a header called Upgrade."""


class Requests(HttpToolsProtocol):
    """uvicorn's protocol, which tells how far it has read and answered, and refuses as told.

    It overrides the callbacks that httptools documents, and three more: uvicorn has no option for
    how many requests may wait, what a head must be, and what is told where none can be read.
    """

    url = b""  # before the first request, as uvicorn sets it later

    def __init__(
        self,
        on_progress: Callable[[], None],
        refuse: Callable[[TfgateError], None],
        prefix: str,
        **state: Any,
    ) -> None:
        """`prefix` stands before every path where clients ask."""
        super().__init__(**state)
        self.headers = []
        self._on_progress = on_progress
        self._refuse = refuse
        self._prefix = prefix
        self.inside_head = self.inside_body = False
        self.num_unanswered = 0
        self.num_bytes = 0  # that have come since the last one of a body, or of a whole request
        self._pieces: list[bytes] = []  # of a head, or of empty lines before it, so far
        self._one_ahead: RequestResponseCycle | None = None  # of the last, if not answered by then
        self._keep_alive = True  # of the last request, once its body has come as it expected
        self._is_shed = False  # the last request, whose body is of no more interest

    def is_idle(self) -> bool:
        return not (self.inside_head or self.inside_body or self.num_unanswered)

    def data_received(self, data: bytes) -> None:
        """Parse; unlike uvicorn's, it tells what is wrong."""
        self._unset_keepalive_if_required()
        self.num_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if isinstance(error.__context__, _OtherProtocolOffered):
                self._read_without_offer(data)
                return
            self._refuse(self._told(error, data))
        if self.inside_head or (self.num_bytes and not self.inside_body):
            self._pieces.append(data)
        elif self._pieces:
            self._pieces = []

    def _read_without_offer(self, data: bytes) -> None:
        """Read a head again from its beginning, as if no other protocol had been offered.

        Whoever does not switch ignores that (RFC 9110, 7.8); but the parser takes the body for the
        beginning of the other protocol. Not needed any more once one of these is closed:
        Kludex/uvicorn#2722, MagicStack/httptools#124.
        """
        data, self._pieces = b"".join([*self._pieces, data]), []
        if len(data) != self.num_bytes:
            # What stands before it must not be read twice.
            message = "another protocol is offered by a request that was sent ahead of answers"
            self._refuse(MalformedRequest(message))
            return
        self.num_bytes = 0
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self.data_received(heads.without_offer(data))

    def _told(self, error: BaseException, data: bytes) -> TfgateError:
        # What a callback raises comes as the context of the parser's own error.
        if isinstance(error, HttpParserCallbackError) and error.__context__ is not None:
            error = error.__context__
        if isinstance(error, TfgateError):
            return error
        if isinstance(error, HttpParserInvalidMethodError) and self.num_bytes == len(data):
            unknown = heads.unknown_method(data)
            if unknown:
                return unknown
        return MalformedRequest(f"no HTTP/1.1 request can be read: {error}")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.inside_head = True
        self._on_progress()

    def on_header(self, name: bytes, value: bytes) -> None:
        # Those that follow a body come too late to mean anything.
        if not self.inside_head:
            return
        if len(name) == 7 and name.lower() == b"upgrade":
            raise _OtherProtocolOffered
        # The parser leaves a tab at the end (RFC 9112, 5.1: it is no part of the value).
        super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        self.inside_head = False
        self.num_bytes = 0
        self._on_progress()
        # Nothing but an exception stops the parser; see above for how it is told.
        if self.num_unanswered > _MAX_PIPELINED:
            message = f"more than {_MAX_PIPELINED} requests were sent ahead of their answers"
            raise MalformedRequest(message)
        version = self.parser.get_http_version()
        lines = heads.check(version, self.parser.get_method(), self.headers)
        if not self.url.startswith(b"/") or b"#" in self.url:
            self.url = heads.origin_form(self.url)
        # Source: RFC 9110, 10.1.1: HTTP/1.0 knows of no interim answer.
        self.expect_100_continue &= version == "1.1"
        self._one_ahead = self.cycle if self.num_unanswered else None
        door: LoadShedding | None = self.app_state.get(DOOR)
        path = door and self._asked_plainly(door, lines)
        self._is_shed = bool(door and path and door.refuses(path))
        if path and self._is_shed:
            self._shed(path, lines)
            self.inside_body = True
            return
        super().on_headers_complete()
        if is_draining(self.scope):
            # A client that is told so sends nothing more there. Closing a connection without a word
            # may meet a request that is under way on it, and that one would be lost.
            self.cycle.keep_alive = False
        # No sooner: it raises if the target cannot be read, and then there is no such request.
        self.inside_body = True
        if door and path:
            door.let_in(path, self.scope["state"])
        self.num_unanswered += 1
        if self.expect_100_continue:
            # Answered before it was asked for, a body may come or not: nobody could tell it from
            # the next request.
            self._keep_alive, self.cycle.keep_alive = self.cycle.keep_alive, False

    def _asked_plainly(
        self, door: LoadShedding, lines: Mapping[bytes, bytes]
    ) -> PredictionPath | None:
        """Find the prediction that is asked for, if it can be refused by no more than writing it.

        The layer that decides elsewhere does the rest, such as ending the connection, and what
        other layers add for browsers and proxies.
        """
        path = door.path_of(self.url, self._prefix.encode())
        is_plain = self.parser.get_method() == b"POST" and self._is_plain(lines)
        return path if is_plain else None

    def _shed(self, path: PredictionPath, lines: Mapping[bytes, bytes]) -> None:
        """Answer a prediction for which there is no room, before there is a task for it."""
        head = _SHED + b"".join(b"%b: %b\r\n" % each for each in self.server_state.default_headers)
        self.transport.write(head + path.refusal(lines, self._prefix.encode()))

    def _is_plain(self, lines: Mapping[bytes, bytes]) -> bool:
        """Tell whether a request can be answered at once, over a connection that goes on."""
        return (
            not self.num_unanswered
            and not self.flow.write_paused
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and _NOT_PLAIN.isdisjoint(lines)
        )

    def on_body(self, body: bytes) -> None:
        self.num_bytes = 0
        if not self._is_shed:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self.inside_body = False
        self.num_bytes = 0
        if self._is_shed:
            self._on_progress()
            return
        super().on_message_complete()
        if self.expect_100_continue and not self.cycle.response_started:
            self.cycle.keep_alive = self._keep_alive
        self._on_progress()

    def on_response_complete(self) -> None:
        self.num_unanswered -= 1
        super().on_response_complete()

    def shutdown(self) -> None:
        self._keep_alive = False
        super().shutdown()

    def take_back_last(self) -> None:
        """Forget the last request, which waits for its turn and never comes as a whole."""
        self.pipeline.popleft()
        self.cycle = self._one_ahead  # type: ignore[assignment]  # there is one, or this had begun
        self.inside_body = False
        self.num_unanswered -= 1

    def refusal(self, error: TfgateError) -> bytes:
        """Return the answer to a request that the application is never asked."""
        return refusals.answer(
            error,
            method=self.parser.get_method(),
            target=self.url,
            root_path=self._prefix,
            headers=self.headers,
            defaults=self.server_state.default_headers,
        )

    def is_silent(self) -> bool:
        """Tell whether the last request is at work, and nothing of its answer has been sent."""
        return self.num_unanswered == 1 and not self.cycle.response_started

    def may_be_interim(self) -> bool:
        """Tell whether interim answers may be sent to the last request, as HTTP/1.1 has them."""
        return self.cycle.scope["http_version"] == "1.1"
