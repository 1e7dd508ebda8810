"""Which model is asked, and which of its versions; knows neither HTTP nor gRPC."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelRef:
    """A model by its name, with a version by number or by label; without either, the newest."""

    name: str
    version: int | None = None
    label: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"version {self.version} of {self.name}"
        if self.label is not None:
            return f"the version of {self.name} that is labelled {self.label!r}"
        return self.name
