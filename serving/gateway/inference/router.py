"""Which version answers a request that names none: the release's, or the newest that is proved."""

from collections.abc import Collection, Iterable

from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.releases.running import Running


class Router:
    """What is asked instead of what was asked for.

    `routes` is read by every prediction, and is therefore a plain dictionary, as `running` is: the
    releases by their models. What is missing in `routes` is asked as it is: a version that the
    caller has named, and a model none of whose versions has proved itself; the model server then
    chooses the newest that it has.
    """

    def __init__(self, *, publish_without_traffic: bool = False) -> None:
        """Choose the newest version of a model that has no release; else the oldest.

        The oldest was there before anything that was published without traffic.
        """
        self.routes: dict[ModelRef, ModelRef] = {}
        self.running: dict[str, Running] = {}
        self._best = min if publish_without_traffic else max
        self._waits = publish_without_traffic
        self._proved: dict[str, set[int]] = {}
        self._asked: dict[str, frozenset[int]] = {}

    def prefer(self, model: str, proved: Iterable[int], asked: Collection[int] = ()) -> None:
        """Send what names no version to one of those that have proved themselves.

        Those that are being `asked` their first question may still do so.
        """
        self._proved[model] = set(proved)
        self._asked[model] = frozenset(asked)
        self._choose(model)

    def withdraw(self, gone: ModelRef) -> None:
        """Send nothing more to a version that is no longer there."""
        if gone.version is not None and gone.name in self._proved:
            self._proved[gone.name].discard(gone.version)
            self._choose(gone.name)

    def release(self, model: str, running: Running | None) -> None:
        """Let a model's release decide; None ends it.

        What has answered until its first one goes on, until the version that is to be stable is
        ready.
        """
        if running is None:
            self.running.pop(model, None)
        else:
            if model not in self.running:
                running.stable = self.stable(model).version or running.stable
            self.running[model] = running
        self._choose(model)

    def stable(self, model: str) -> ModelRef:
        """Return what answers if nothing else is to be tried."""
        return self.routes.get(ModelRef(model), ModelRef(model))

    def hindrance(self, model: str) -> str | None:
        """Say why a model cannot be asked though some of its versions can; None if it can."""
        running = self.running.get(model)
        if running is None or running.stable in self._proved.get(model, ()):
            return None
        named = ModelRef(model, running.stable)
        return f"{named}, which is stable by the model's release, is not ready"

    def _choose(self, model: str) -> None:
        proved, running = self._proved.get(model, set()), self.running.get(model)
        if running is not None:
            running.choose(proved)
            self.routes[ModelRef(model)] = ModelRef(model, running.stable)
        elif versions := proved | self._asked.get(model, set()) if self._waits else proved:
            self.routes[ModelRef(model)] = ModelRef(model, self._best(versions))
        else:
            self.routes.pop(ModelRef(model), None)
