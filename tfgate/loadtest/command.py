"""`tfgate loadtest`: let locust's users ask a gateway, and say whether the objectives were met."""

from collections.abc import Iterable

from rich.console import Console

from tfgate import ask
from tfgate.children import stoppable
from tfgate.loadtest.counts import Counts
from tfgate.loadtest.display import Display
from tfgate.loadtest.errors import ObjectivesMissed, Stopped
from tfgate.loadtest.load_test import LoadTest, check_report
from tfgate.loadtest.objectives import Objective
from tfgate.loadtest.result_tables import failures_table, models_table
from tfgate.loadtest.swarm import swarm
from tfgate.tables import show

STARVED = (
    "locust itself lacked processor time: part of the times above is its own. "
    "Ask with fewer users, or run locust on other machines."
)


def loadtest(test: LoadTest, objectives: list[Objective], console: Console) -> None:
    """Run a load test, show what it found, and judge it.

    Raises:
        WrongGateway: the URL or the key can be none.
        CannotAsk: there is no gateway, or no such model, or it is not ready.
        WrongOptions: the report cannot be written.
        LocustFailed: the users could not be started.
        ObjectivesMissed: a model missed an objective.
        Stopped: by Ctrl-C; nothing was judged.
    """
    # Also asked for one model alone, since it wants a key where any question does.
    served = ask.served_models(test.gateway)
    models = served if test.model is None else [test.model]
    if not models:
        message = f"{test.gateway.url} serves no model."
        raise ask.CannotAsk(message)
    ask.check_ready(test.gateway, models)
    check_report(test.html)
    counts, stopped = _run(test, models, console)
    show(console, models_table(counts))
    if counts.total.failed:
        show(console, failures_table(counts))
    if counts.starved:
        console.print(f"[yellow]{STARVED}[/]")
    console.print(f"charts: {test.html}", soft_wrap=True)
    if stopped:
        message = f"stopped after {counts.seconds:.0f} of {test.seconds} seconds."
        raise Stopped(message)
    if missed := misses(objectives, counts):
        raise ObjectivesMissed("\n  ".join([f"{len(missed)} missed", *missed]))
    console.print("every objective was met")


def misses(objectives: Iterable[Objective], counts: Counts) -> list[str]:
    """Hold every objective against every model; say which are missed, and by how much."""
    return [
        f"{model} misses {objective.text}: {miss}"
        for objective in objectives
        for model, model_counts in sorted(counts.models.items())
        if (miss := objective.miss(model_counts, counts.seconds)) is not None
    ]


def _run(test: LoadTest, models: list[str], console: Console) -> tuple[Counts, bool]:
    """Return what was counted last, and whether somebody stopped it."""
    last, stopped = None, False
    with stoppable(), swarm(test, models) as running, Display(test.seconds, console) as display:
        try:
            for last in running.counts():
                display.show(last)
        except KeyboardInterrupt:
            stopped = True
            running.stop()
            for last in running.counts():
                display.show(last)
        if stopped and last is None:
            raise Stopped("stopped before it began.")
        running.check_end()
        if last is None:
            raise running.failure()
    return last, stopped
