"""The way of answers into the store, in blocks, beside the requests: none of them waits for it."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from serving.contract import Tensors
from serving.errors import StoreUnavailable
from serving.gateway.feedback.answers import KeptAnswer
from serving.gateway.feedback.store import Store
from serving.gateway.inference.answer_rows import MAX_ROWS, Rows, read_all
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.inference import Onlooker
from serving.gateway.releases.split import RELEASE_KEY
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext

_BLOCK_SECONDS = 0.2
# Of answers that wait: of those in tensors, and of those that the store could not take.
_MAX_WAITING = 10_000
# Answers read and written at once, in 2 ms: the event loop, which shares the interpreter with the
# thread, and the store serve others in between.
_MAX_BLOCK = 300
_MAX_RELEASE_KEY = 256  # characters; a longer one leads to no answer

# Of an answer the model, the version and who asked; not the inputs, which may be large.
_Heard = tuple[str, int, Tensors, RequestContext]


class Recorder:
    """What is shown to `hear`, an onlooker of predictions, is written in blocks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shown: list[Answered] = []
        self.hear: Onlooker = self._shown.append  # nothing more on a request's way
        self._heard: deque[_Heard] = deque()
        self._unwritten: deque[KeptAnswer] = deque()
        self._writing = asyncio.Lock()

    async def write(self) -> None:
        """Write what gathers, until cancelled."""
        while True:
            await asyncio.sleep(_BLOCK_SECONDS)
            self._take()
            if self._heard or self._unwritten:
                with suppress(StoreUnavailable):  # it has told so, and is asked again
                    await self.flush()

    async def flush(self) -> None:
        """Write what has gathered; what the store cannot take waits, as far as there is room.

        Raises:
            StoreUnavailable: the store cannot be used.
        """
        self._take()
        async with self._writing:
            # They stay where they are until they are read: this may be cancelled.
            for _ in range(0, len(self._heard), _MAX_BLOCK):
                heard = list(islice(self._heard, _MAX_BLOCK))
                kept = await asyncio.to_thread(_kept, heard)
                for _ in heard:
                    self._heard.popleft()
                room = _MAX_WAITING - len(self._unwritten)
                self._unwritten.extend(kept[:room])
                num_dropped = len(kept[room:])
                metrics.FEEDBACK_DROPPED.labels(metrics.DROPPED_BY_STORE).inc(num_dropped)
            while self._unwritten:
                block = list(islice(self._unwritten, _MAX_BLOCK))
                await self._store.keep(block)
                for _ in block:
                    self._unwritten.popleft()

    def _take(self) -> None:
        """Let go of the inputs; the newest answers are left out where too many wait."""
        room = max(0, _MAX_WAITING - len(self._heard))
        for each in self._shown[:room]:
            self._heard.append((each.question.ref.name, each.version, each.outputs, each.context))
        num_dropped = len(self._shown[room:])
        metrics.FEEDBACK_DROPPED.labels(metrics.DROPPED_BY_CROWD).inc(num_dropped)
        self._shown.clear()


def _kept(heard: Sequence[_Heard]) -> list[KeptAnswer]:
    """Read answers in the order in which they came, which makes one the newest."""
    now = time.time()
    all_rows = read_all([((model, version), outputs) for model, version, outputs, _ in heard])
    return [
        _keep(each, rows, now)
        for each, rows in zip(heard, all_rows, strict=True)
        if rows is not None
    ]


def _keep(heard: _Heard, rows: Rows, now: float) -> KeptAnswer:
    model, version, outputs, context = heard
    num_rows = len(rows)
    if num_rows == MAX_ROWS:
        num_rows = max(len(array) for array in outputs.values() if array.ndim)
    release_key = _text(context.headers.get(RELEASE_KEY, b""))
    return KeptAnswer(
        model=model,
        version=version,
        route=context.route or metrics.PINNED,
        request_id=context.request_id,
        api_key=context.key,
        release_key=release_key if 0 < len(release_key) <= _MAX_RELEASE_KEY else None,
        at=now,
        num_rows=num_rows,
        rows=rows,
    )


def _text(header: bytes) -> str:
    """Read a header's value, which most clients send as UTF-8, and browsers as Latin-1."""
    try:
        return header.decode()
    except UnicodeDecodeError:
        return header.decode("latin-1")
