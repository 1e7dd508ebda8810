"""What the typed API takes and gives, as pydantic and OpenAPI have it: one instance, or several."""

from typing import Generic, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.contract import RequestT
from serving.errors import FieldError, InvalidInput
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.problems import from_pydantic

MAX_INSTANCES = 128

ResponseT = TypeVar("ResponseT")


class VersionChoice(BaseModel):
    """Which version is to answer: the newest if neither is given."""

    # A misspelt name must not silently become the newest version.
    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(default=None, ge=1, le=2**63 - 1, description="this version")
    label: str | None = Field(
        default=None, min_length=1, max_length=100, description="the version with this label"
    )

    def of(self, model: str) -> ModelRef:
        """Apply the choice to a model.

        Raises:
            InvalidInput: both are given.
        """
        if self.version is not None and self.label is not None:
            message = "version and label exclude each other"
            fields = [FieldError(f"query.{name}", message) for name in ("version", "label")]
            raise InvalidInput(message, hint="Send one of them.", fields=fields)
        return ModelRef(model, self.version, self.label)


def version_choice(query: bytes) -> VersionChoice:
    """Read a query.

    Raises:
        InvalidInput: it is none that VersionChoice allows.
    """
    given = parse_qsl(query.decode("latin-1"), True)
    try:
        choice = VersionChoice.model_validate(dict(given))
    except ValidationError as error:
        raise from_pydantic(error, where="query") from error
    if len(given) > len(choice.model_fields_set):
        raise InvalidInput("the query names one parameter twice", hint="Send it once.")
    return choice


class Batch(BaseModel, Generic[RequestT]):
    """Several instances to be answered by one version."""

    model_config = ConfigDict(extra="forbid")

    # The first wrong instance is told whole; the others are not looked at.
    instances: list[RequestT] = Field(min_length=1, max_length=MAX_INSTANCES, fail_fast=True)


class _Answered(BaseModel):
    model: str = Field(description="the model that answered")
    version: int = Field(description="the version of it that answered")
    request_id: str = Field(description="the same as in the header X-Request-ID and in the log")


class Prediction(_Answered, Generic[ResponseT]):
    """The answer to one instance."""

    prediction: ResponseT


class PredictionBatch(_Answered, Generic[ResponseT]):
    """The answers to several instances, in their order."""

    predictions: list[ResponseT]
