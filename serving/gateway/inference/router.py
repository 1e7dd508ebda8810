"""Which version answers a request that names none: the newest that has proved itself."""

from serving.gateway.inference.model_ref import ModelRef


class Router:
    """What is asked instead of what was asked for.

    `routes` is read by every prediction, and is therefore a plain dictionary. What is missing there
    is asked as it is: a version that the caller has named, and a model none of whose versions has
    proved itself; the model server then chooses the newest that it has.
    """

    def __init__(self) -> None:
        self.routes: dict[ModelRef, ModelRef] = {}

    def prefer(self, model: str, version: int | None) -> None:
        """Send what names no version of a model to this one; to none if it is None."""
        if version is None:
            self.routes.pop(ModelRef(model), None)
        else:
            self.routes[ModelRef(model)] = ModelRef(model, version)

    def withdraw(self, gone: ModelRef) -> None:
        """Send nothing more to a version that is no longer there."""
        if self.routes.get(ModelRef(gone.name)) == gone:
            self.prefer(gone.name, None)
