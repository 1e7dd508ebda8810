"""What the typed API takes and gives, as pydantic and OpenAPI have it: one instance, or several."""

import re
from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar, get_type_hints
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from typing_extensions import TypedDict, is_typeddict

from serving.contract import Model, RequestT
from serving.errors import FieldError, InvalidInput
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.validation import from_pydantic

MAX_INSTANCES = 128
_VERSION = re.compile("0{0,9}[1-9][0-9]{0,18}")
_QUERY_HINT = (
    "?version=3 or ?label=stable picks a version; without either, the one of the model's release "
    "answers, or else the newest; "
    "GET /models/{model} lists them. ?explain=true asks why as well."
)

ResponseT = TypeVar("ResponseT")


class Choice(BaseModel):
    """Which version answers, the one that does by default if none is given; and whether why."""

    # A misspelt name must not silently become the default.
    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(default=None, ge=1, le=2**63 - 1, description="this version")
    label: str | None = Field(
        default=None, min_length=1, max_length=100, description="the version with this label"
    )
    explain: Literal["true", "false"] | None = Field(
        default=None, description="whether to say, beside the answer, what it comes from"
    )

    @field_validator("version", mode="before")
    @classmethod
    def _is_written_in_digits(cls, value: Any) -> int:
        # int() also takes 1_0, +1, blanks and the digits of every script.
        if not isinstance(value, str) or not _VERSION.fullmatch(value) or int(value) >= 2**63:
            message = f"must be a whole number from 1 to {2**63 - 1}, in digits alone, such as 3"
            raise ValueError(message)
        return int(value)

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


def choice_of(query: bytes) -> Choice:
    """Read a query.

    Raises:
        InvalidInput: it is none that Choice allows.
    """
    given = parse_qsl(query.decode("latin-1"), True)
    names = [name for name, _ in given]
    for name in Choice.model_fields:
        if names.count(name) > 1:
            raise InvalidInput(f"the query has {name} {names.count(name)} times", hint="Send one.")
    try:
        return Choice.model_validate(dict(given))
    except ValidationError as error:
        fields = {1: Choice.model_fields}
        raise from_pydantic(error, fields, where="query", hint=_QUERY_HINT) from error


class Batch(BaseModel, Generic[RequestT]):
    """Several instances to be answered by one version."""

    model_config = ConfigDict(extra="forbid")

    # The first wrong instance is told whole; the others are not looked at.
    instances: list[RequestT] = Field(min_length=1, max_length=MAX_INSTANCES, fail_fast=True)


def answer_type(model: Model[Any, Any]) -> Any:
    """Return the type of a model's answers, with what stands beside them if that is asked for."""
    if model.explanation is None or not is_typeddict(model.response):
        return model.response
    described = Field(description="what the answer comes from; only with ?explain=true")
    fields = get_type_hints(model.response, include_extras=True)
    fields["explanation"] = NotRequired[Annotated[model.explanation.response, described]]
    found = TypedDict(model.response.__name__, fields)  # type: ignore[misc]  # known at run time
    found.__doc__ = model.response.__doc__
    return found


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
