"""How a running load test looks in a terminal: a bar, and how it goes at this moment."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from tfgate.loadtest.counts import Counts

_NOTHING = Counts(seconds=0, users=0, starved=False, models={})


class Display:
    """A bar that is full after so many seconds; a context that takes it away again."""

    def __init__(self, seconds: int, console: Console) -> None:
        self._seconds = seconds
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("locust starts", total=seconds, figures="")
        self._before = _NOTHING

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, counts: Counts) -> None:
        """Move on."""
        self._bar.update(
            self._task,
            completed=min(counts.seconds, self._seconds),
            description=f"{counts.users} users",
            figures=_figures(counts, self._before),
        )
        self._before = counts


def _figures(counts: Counts, before: Counts) -> str:
    """Tell the requests of the last second, and the failures and the p99 of the whole run."""
    total = counts.total
    num_new = total.num_requests - before.total.num_requests
    rate = num_new / (counts.seconds - before.seconds)
    p99 = total.percentile(99)
    waited = "-" if p99 is None else f"{p99} ms"
    return f"{rate:.0f} requests/s · {total.num_failed} failures · p99 {waited}"
