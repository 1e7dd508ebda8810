"""Which version answers a request that names none: the newest that has proved itself."""

from collections.abc import Iterable

from serving.gateway.inference.model_ref import ModelRef


class Router:
    """What is asked instead of what was asked for.

    `routes` is read by every prediction, and is therefore a plain dictionary. What is missing there
    is asked as it is: a version that the caller has named, and a model none of whose versions has
    proved itself; the model server then chooses the newest that it has.
    """

    def __init__(self) -> None:
        self.routes: dict[ModelRef, ModelRef] = {}
        self._proved: dict[str, set[int]] = {}

    def prefer(self, model: str, proved: Iterable[int]) -> None:
        """Send what names no version to the newest of those that have proved themselves."""
        self._proved[model] = set(proved)
        self._choose(model)

    def withdraw(self, gone: ModelRef) -> None:
        """Send nothing more to a version that is no longer there."""
        if gone.version is not None and gone.name in self._proved:
            self._proved[gone.name].discard(gone.version)
            self._choose(gone.name)

    def _choose(self, model: str) -> None:
        if proved := self._proved[model]:
            self.routes[ModelRef(model)] = ModelRef(model, max(proved))
        else:
            self.routes.pop(ModelRef(model), None)
