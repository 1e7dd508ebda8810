"""What is asked: which model, which of its versions and signatures; knows neither HTTP nor gRPC."""

from dataclasses import dataclass, field
from typing import NamedTuple

from serving.contract import Signature

PREDICT_SIGNATURE = "serving_default"
DESCRIBE_SIGNATURE = "describe"
EXPLAIN_SIGNATURE = "explain"


class ModelRef(NamedTuple):
    """A model by its name, with a version by number or by label; without either, whichever
    answers by default."""

    name: str
    version: int | None = None
    label: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"version {self.version} of {self.name}"
        if self.label is not None:
            return f"the version of {self.name} that is labelled {self.label!r}"
        return self.name


@dataclass(frozen=True)
class Question:
    """A model with one of its signatures, and those of its outputs that are wanted; none for all.

    What is `joinable` may share a call with other requests; `promise` is what the outputs are held
    against, if that is known.
    """

    ref: ModelRef
    signature: str = PREDICT_SIGNATURE
    outputs: tuple[str, ...] = ()
    joinable: bool = True
    promise: Signature | None = field(default=None, compare=False)
