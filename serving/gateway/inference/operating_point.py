"""How many calls of a model are out at once, and of how many rows: by what calls take alone.

Two calls are right where model server and gateway share a machine: one is computed, the next is on
its way. Behind ten replicas they leave eight idle. A call's latency shows which it is, as in TCP
Vegas, if it is known what the same call takes while nothing queues. So now and then, and ever more
rarely while nothing changes, half as many are out for a few calls. By Little's law calls * latency
of those / latency are really being computed, and the others wait: that many, and one more, is what
may be out. While none waits there may be more, and twice as many at first.

Where as many rows share a call as may, calls of twice as many are tried at the same time. More may
share one while that makes a row cheaper: on a GPU, hardly ever in a processor.

Knows times and counts: neither requests nor the model server, nor a clock.

Source: L. Brakmo and L. Peterson, "TCP Vegas", IEEE Journal on Selected Areas in Communications
13(8), 1995: its base latency, its queue estimate, its slow start. Vegas takes the least latency
ever seen for the base; calls of different rows have none in common, hence the calls
that are tried.
"""

from statistics import median

from serving.gateway.telemetry import metrics

FIRST_CALLS = 2
_MOST_ROWS = 1024
# Latency / that of half as many calls, below which none waits, and above which too many do.
_NO_QUEUE, _QUEUE = 1.15, 1.35
_CHANGE = 1.1  # of what a row costs, that is no noise
# Calls of each size that are tried. Of them the quickest quarter counts: a disturbance is shorter.
_FEW = 5
_ROUNDS = 16  # of a window, that are judged together
_LONGEST_REST = 32  # windows between two trials, which then cost less than one call in a hundred
_ANOTHER_WORLD = 2  # times the latency, or a part of it: a reason to try at once


class OperatingPoint:
    """Of one model: at most `calls` of a lane, of `rows` rows unless one request has more.

    A call that has been out for `patience_seconds` is not expected back soon.
    """

    def __init__(self, model: str, *, max_calls: int, first_rows: int) -> None:
        """`first_rows` may share a call in any case."""
        self._max_calls, self._first_rows = max_calls, first_rows
        self._calls_gauge = metrics.CALLS_LIMIT.labels(model)
        self._rows_gauge = metrics.ROWS_LIMIT.labels(model)
        self._starts = True
        self._rest = self._rested = 0
        self._latency = 0.0
        self._tried: list[tuple[int, float]] = []  # rows and seconds
        self._sizes: list[int] = []  # of the calls that are still to be tried
        self._wanted: tuple[int, int] = FIRST_CALLS, first_rows
        self._settled = self._wanted
        self.calls, self.rows = self._settled
        self.patience_seconds = 1.0
        self._settle(FIRST_CALLS, first_rows, 0.0)

    def observe(self, sent: float, now: float, *, num_rows: int, is_last: bool) -> None:
        """Learn from a call that was answered; it `is_last` if all places were taken until then."""
        if sent < self._since or self._max_calls == 1:
            return  # it was sent at another operating point, or there is no other
        if self._sizes:
            self._sizes.pop()
            self._tried.append((num_rows, now - sent))
            if self._sizes:
                self.rows = self._sizes[-1]
            else:
                self._judge(now)
        elif is_last:
            self._num_calls += 1
            self._num_rows += num_rows
            self._seconds += now - sent
            if self._num_calls >= _ROUNDS * self.calls:
                self._look(now)

    def back_off(self, now: float) -> None:
        """Learn that a call was refused."""
        self._rest, self._starts = 0, False
        self._settle(self._settled[0] // 2, self._settled[1], now)

    def _look(self, now: float) -> None:
        """Try fewer after a rest, or when calls take another time than they did."""
        latency = self._seconds / self._num_calls
        self.patience_seconds = max(1.0, 10 * latency)
        self._rested += 1
        is_same = self._latency / _ANOTHER_WORLD < latency < self._latency * _ANOTHER_WORLD
        if is_same and self._rested <= self._rest:
            self._begin_window()
        else:
            self._rested, self._latency = 0, latency
            self._try_fewer(now)

    def _try_fewer(self, now: float) -> None:
        calls, rows = self._settled
        usual = max(1, round(self._num_rows / self._num_calls))
        half = calls // 2
        self._sizes = [usual] * max(_FEW, half)
        if 1.5 * usual > rows:
            self._sizes += [2 * usual] * _FEW
        self._tried = []
        self.calls, self.rows, self._since = half, self._sizes[-1], now

    def _judge(self, now: float) -> None:
        calls, rows = self._settled
        usuals = self._tried[-max(_FEW, calls // 2) :]
        others = self._tried[: -len(usuals)]
        num_rows, seconds = _quick(usuals)
        usual, latency = self._num_rows / self._num_calls, self._seconds / self._num_calls
        # Fewer rows than usual may have been there: they take less time, at most in proportion.
        seconds *= max(1.0, usual / num_rows) ** 0.5
        wanted = self._wanted_calls(latency / seconds), self._wanted_rows(usuals, others)
        # One verdict for more may be noise, and too many are dear.
        calls = wanted[0] if wanted[0] < calls or wanted[0] == self._wanted[0] else calls
        rows = wanted[1] if wanted[1] < rows or wanted[1] == self._wanted[1] else rows
        is_far = abs(wanted[0] - calls) > calls // 4 or wanted[1] != rows
        is_far = is_far or (calls, rows) != self._settled
        self._rest = 0 if is_far else min(2 * self._rest + 1, _LONGEST_REST)
        self._wanted = wanted
        self._settle(calls, rows, now)

    def _wanted_calls(self, ratio: float) -> int:
        calls = self._settled[0]
        if ratio < _NO_QUEUE:
            return 2 * calls if self._starts else calls + max(1, calls // 4)
        self._starts = False
        return calls if ratio < _QUEUE else max(FIRST_CALLS, int(calls / ratio) + 1)

    def _wanted_rows(self, usuals: list[tuple[int, float]], others: list[tuple[int, float]]) -> int:
        rows = self._settled[1]
        if not others:
            return rows
        (few, quick), (many, slow) = _quick(usuals), _quick(others)
        dearer = slow / many / (quick / few)
        if dearer < 1 / _CHANGE and many >= 1.5 * few:
            return max(rows, min(_MOST_ROWS, 2 * rows))
        return max(self._first_rows, rows // 2) if dearer > _CHANGE else rows

    def _settle(self, calls: int, rows: int, now: float) -> None:
        self.calls = min(self._max_calls, max(FIRST_CALLS, calls))
        self.rows = rows
        self._settled = self.calls, rows
        self._calls_gauge.set(self.calls)
        self._rows_gauge.set(rows)
        self._sizes = []
        self._since = now
        self._begin_window()

    def _begin_window(self) -> None:
        self._num_calls = self._num_rows = 0
        self._seconds = 0.0


def _quick(calls: list[tuple[int, float]]) -> tuple[float, float]:
    seconds = sorted(seconds for _, seconds in calls)
    return median(rows for rows, _ in calls), seconds[len(seconds) // 4]
