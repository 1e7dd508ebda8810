"""The bodies of feedback: what was right for one request or for many, as pydantic has it."""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, from_json

from serving.contract import Model
from serving.errors import InvalidInput
from serving.gateway.api.payloads import MAX_VALUES, without_too_many_values
from serving.gateway.bodies.broken_json import explain
from serving.gateway.feedback.answers import Asked
from serving.gateway.feedback.joining import Truth
from serving.gateway.inference.answer_rows import LARGEST, MAX_ROWS
from serving.gateway.validation import Fields, from_pydantic

MAX_ITEMS = 1_000
_LIST = "feedback"
_REQUEST_ID = "^[0-9A-Za-z_.:-]{1,128}$"
_HINT = (
    'Send {"request_id": …, "label": …}, or "value" for a number; several of them as '
    '{"feedback": [{…}, …]}.'
)


def _each(check: Callable[[object], Any]) -> Callable[[object], Any]:
    """Read one value, or a list with one for each row."""

    def read(value: object) -> Any:
        if not isinstance(value, list):
            return check(value)
        if not 1 <= len(value) <= MAX_ROWS:
            raise PydanticCustomError("rows", f"Input should be a list of 1 to {MAX_ROWS:,} items")
        return [check(each) for each in value]

    return read


def _whole(value: object) -> object:
    """Take 3.0 as 3, which JSON does not tell apart."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _label(value: object) -> str:
    value = _whole(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        message = "Input should be a label, or a list with one for each row of the request"
        raise PydanticCustomError("label", message)
    return str(value)


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return float(value)
    message = "Input should be a finite number, or a list with one for each row of the request"
    raise PydanticCustomError("number", message)


def _schema(one: dict[str, Any]) -> WithJsonSchema:
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_ROWS}
    return WithJsonSchema({"anyOf": [one, several]})


Label = Annotated[
    str | list[str],
    PlainValidator(_each(_label)),
    _schema({"type": ["string", "integer"]}),
]
Number = Annotated[
    float | list[float],
    PlainValidator(_each(_number)),
    _schema({"type": "number", "minimum": -LARGEST, "maximum": LARGEST}),
]


class FeedbackItem(BaseModel):
    """What was right in place of the answer to one request, or to the newest one with a key."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    request_id: str | None = Field(
        default=None,
        pattern=_REQUEST_ID,
        description="X-Request-Id of the request, which its answer had as well",
    )
    key: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="X-Release-Key of the request, in place of its id: the newest one with it",
    )
    index: Annotated[int, Field(ge=0), BeforeValidator(_whole)] | None = Field(
        default=None, description="which row of a request of several, beginning with 0"
    )
    label: Label | None = Field(
        default=None,
        description="the true label, where the answer was one; a list has one for each row. Of a "
        "model without names for its classes, the class's number",
    )
    value: Number | None = Field(
        default=None,
        description="the true number, where the answer was one; a list has one for each row. It "
        "may also go by the name that it has in the answer, such as price_usd",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_not_null(cls, value: object) -> object:
        if value is None:
            raise PydanticCustomError("null", "Input should be left out, and not null")
        return value

    @model_validator(mode="after")
    def _says_one_thing_of_one_answer(self) -> Self:
        for one, other in (("request_id", "key"), ("label", "value")):
            if (getattr(self, one) is None) == (getattr(self, other) is None):
                message = f"either {one} or {other} is needed, and not both"
                raise PydanticCustomError("either", message)
        if self.index is not None and isinstance(self._given, list):
            message = "an index is for one row; a list is for all of them"
            raise PydanticCustomError("index", message)
        return self

    @property
    def _given(self) -> str | float | list[str] | list[float]:
        given = self.value if self.label is None else self.label
        assert given is not None  # noqa: S101  # as was seen when it was read
        return given

    def truth(self, model: str, api_key: str | None, field: str) -> Truth:
        """Return what it says of an answer of a model, under the name of this field."""
        given = self._given
        is_list = isinstance(given, list)
        several = tuple(given) if isinstance(given, list) else (given,)
        asked = Asked(model, api_key, self.request_id, self.key)
        return Truth(asked, field, several, is_list, self.index)  # type: ignore[arg-type]


class _Reader(NamedTuple):
    """What reads the bodies of one model; `word` is its own for a number."""

    word: str
    item: TypeAdapter[FeedbackItem]
    several: TypeAdapter[Any]


def read_truths(
    body: bytes, name: str, model: Model[Any, Any] | None, api_key: str | None
) -> tuple[list[Truth], list[str]]:
    """Read a body for a model; return what is said, and where each stands in the body.

    Raises:
        MalformedBody: it is no JSON.
        InvalidInput: it is not what the schema asks for.
    """
    reader = _reader(model)
    read = body if len(body) <= MAX_VALUES else without_too_many_values(body)
    try:
        document = from_json(read)
    except ValueError as error:
        if len(read) < len(body) and str(error).startswith("EOF"):
            message = f"the body has more than {MAX_VALUES:,} values and names"
            raise InvalidInput(message, hint="Split it: send less feedback at once.") from error
        raise explain(body, str(error)) from error
    is_several = isinstance(document, dict) and _LIST in document
    names = {*FeedbackItem.model_fields, reader.word}
    fields: Fields = {1: [_LIST], 3: names} if is_several else {1: names}
    try:
        found: Any = (reader.several if is_several else reader.item).validate_json(read)
    except ValidationError as error:
        raise from_pydantic(error, fields, hint=_HINT) from error
    if not is_several:
        return [found.truth(name, api_key, _field(document, reader.word))], [""]
    pairs = zip(found.feedback, document[_LIST], strict=True)
    truths = [item.truth(name, api_key, _field(raw, reader.word)) for item, raw in pairs]
    return truths, [f"{_LIST}.{number}." for number in range(len(truths))]


def _field(raw: dict[str, Any], word: str) -> str:
    """Say under which name the truth was given."""
    if "label" in raw:
        return "label"
    return word if word in raw else "value"


def own_word(model: Model[Any, Any]) -> str | None:
    """Return the name of the number in a typed model's answers; None if there is not one alone."""
    fields = TypeAdapter(model.response).json_schema(mode="serialization").get("properties", {})
    numbers = [name for name, schema in fields.items() if schema.get("type") == "number"]
    return numbers[0] if len(numbers) == 1 and "label" not in fields else None


def _reader(model: Model[Any, Any] | None) -> _Reader:
    word = None if model is None else own_word(model)
    return _reader_of("value" if word is None else word)


@cache
def _reader_of(word: str) -> _Reader:
    item = FeedbackItem
    if word != "value":
        field = Field(default=None, validation_alias=AliasChoices("value", word))
        item = create_model("FeedbackItem", __base__=FeedbackItem, value=(Number | None, field))
    several = create_model(
        "FeedbackList",
        __config__=ConfigDict(extra="forbid"),
        feedback=(list[item], Field(min_length=1, max_length=MAX_ITEMS, fail_fast=True)),  # type: ignore[valid-type]
    )
    return _Reader(word, TypeAdapter(item), TypeAdapter(several))


def body_schema() -> dict[str, Any]:
    """Describe the bodies of all models."""
    item = FeedbackItem.model_json_schema()
    # What may be left out is None then, and may not be null.
    for schema in item["properties"].values():
        given = [each for each in schema.pop("anyOf") if each != {"type": "null"}]
        schema.update(given[0] if len(given) == 1 else {"anyOf": given})
        del schema["default"]
    item["allOf"] = [
        {"oneOf": [{"required": [name]} for name in pair]}
        for pair in (("request_id", "key"), ("label", "value"))
    ]
    of_one_row = {"label": {"type": ["string", "integer"]}, "value": {"type": "number"}}
    item["dependentSchemas"] = {"index": {"properties": of_one_row}}
    several = {
        "type": "object",
        "properties": {
            _LIST: {"type": "array", "items": item, "minItems": 1, "maxItems": MAX_ITEMS}
        },
        "required": [_LIST],
        "additionalProperties": False,
    }
    return {"anyOf": [item, several]}
