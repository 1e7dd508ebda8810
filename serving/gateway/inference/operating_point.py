"""How many calls of a model are out at once, and of how many rows: what is measured to pay most.

Too few calls leave replicas idle; too many split what could share a call, and only queue behind
each other on the model server. No constant is right for a laptop, a GPU and thirty replicas. So
the number of calls climbs by power, which is throughput / latency, and by Little's law
throughput² / requests inside. While a crowd waits it ranks by throughput, otherwise by latency:
where it is greatest lies the operating point that Kleinrock calls optimal.

The rows of a call follow the time that it takes, as Clipper's do: more, step by step, while full
calls return in time, and a tenth fewer when they do not.

Knows times and counts: neither requests nor the model server, nor a clock.

Source: L. Kleinrock, "Power and Deterministic Rules of Thumb for Probabilistic Problems in Computer
Communications", ICC 1979; D. Crankshaw et al., "Clipper", NSDI 2017, section 4.3.
"""

from serving.gateway.inference.hill_climb import HillClimb
from serving.gateway.telemetry import metrics

# Of one call, with batching on in the model server: its max_batch_size (serving/tf_serving).
MOST_ROWS = 1024
FIRST_CALLS = 2  # while one is computed, the next is on its way
FIRST_ROWS = 64
_FEWEST_ROWS = 8  # also the step, by which more are tried
_FEWER_ROWS = 0.9
# As long as this a call's rows may take that it costs little besides: long calls go to replicas
# unevenly, and keep whoever is in them.
_QUICK_SECONDS = 0.03
_AMORTISED = 10  # as long, by what a call costs besides, if that is more
_FORGET = 1.01  # doubles in seventy calls
_WINDOW_CALLS = 32  # that are judged together, at least
_COMPANY = 1.5  # requests inside, on average, from which on it matters how many calls they share
_LEVELS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


class OperatingPoint:
    """Of one model: at most `calls` of a lane, of `rows` rows unless one request has more."""

    def __init__(self, model: str, *, max_calls: int, call_seconds: float) -> None:
        """`call_seconds` is what a call may take before it is to have fewer rows."""
        levels = [*(level for level in _LEVELS if level < max_calls), max_calls]
        self._climb = HillClimb(levels, start=min(FIRST_CALLS, max_calls) - 1)
        self._call_seconds = call_seconds
        self._calls_gauge = metrics.CALLS_LIMIT.labels(model)
        self._rows_gauge = metrics.ROWS_LIMIT.labels(model)
        self.rows = FIRST_ROWS
        self._fastest = call_seconds
        self._rows_gauge.set(self.rows)
        self.calls = self._settling = self._window = 0
        self._num_calls = self._num_requests = self._num_inside = self._most_inside = 0
        self._since = self._last = self._elapsed = 0.0
        self._use(0.0)

    def observe(
        self,
        sent: float,
        now: float,
        *,
        num_requests: int,
        num_inside: int,
        num_rows: int,
        is_full: bool,
    ) -> None:
        """Learn from a call that was answered, and shared by so many requests.

        When it came back there were `num_inside`, its own among them. It `is_full` if others had to
        wait because it could have no more rows.
        """
        self._adapt_rows(num_rows, now - sent, is_full=is_full)
        if sent < self._since:
            return  # it was sent at another operating point
        if self._settling:
            self._settling -= 1
        else:
            # Of a pause in which nobody asks, no more than a call's own time counts.
            self._elapsed += min(now - self._last, 2 * (now - sent))
            self._num_calls += 1
            self._num_requests += num_requests
            self._num_inside += num_inside
            self._most_inside = max(self._most_inside, num_inside)
        self._last = now
        if self._num_calls >= self._window:
            self._judge(now)

    def back_off(self, now: float) -> None:
        """Learn that a call was refused, or did not come back in time."""
        self._set_rows(self.rows // 2)
        self._climb.fall_back()
        self._use(now)

    def _judge(self, now: float) -> None:
        """Score a window in which requests met: one that comes alone leaves alone anyway."""
        inside = self._num_inside / self._num_calls
        if inside >= _COMPANY and self._elapsed > 0:
            throughput = self._num_requests / self._elapsed
            self._climb.observe(throughput**2 / inside, most=self._most_inside)
        if self._climb.setting == self.calls:
            self._begin_window()
        else:
            self._use(now)

    def _use(self, now: float) -> None:
        self.calls = self._climb.setting
        self._calls_gauge.set(self.calls)
        self._since = self._last = now
        self._settling = self.calls
        # Whole rounds: else one of two calls that differ would count more often.
        self._window = self.calls * max(2, -(-_WINDOW_CALLS // self.calls))
        self._begin_window()

    def _begin_window(self) -> None:
        self._num_calls = self._num_requests = self._num_inside = self._most_inside = 0
        self._elapsed = 0.0

    def _adapt_rows(self, num_rows: int, seconds: float, *, is_full: bool) -> None:
        # What a call costs besides its rows shows in the fastest, which is forgotten bit by bit.
        self._fastest = min(seconds, self._fastest * _FORGET)
        worth_while = max(_QUICK_SECONDS, _AMORTISED * self._fastest)
        if seconds > min(worth_while, max(self._call_seconds, 2 * self._fastest)):
            if _FEWEST_ROWS < self.rows <= 2 * num_rows:
                self._set_rows(max(_FEWEST_ROWS, int(self.rows * _FEWER_ROWS)))
        elif is_full and self.rows < MOST_ROWS:
            self._set_rows(self.rows + max(_FEWEST_ROWS, self.rows // 4))

    def _set_rows(self, rows: int) -> None:
        self.rows = min(MOST_ROWS, max(1, rows))
        self._rows_gauge.set(self.rows)
