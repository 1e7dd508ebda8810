"""msgspec's way to a request and pydantic's: whatever the body, they give the same."""

import asyncio
import json
import math
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from serving.fields import Bytes, Float32, Int8, UInt64
from serving.gateway.api.payloads import JSON, BatchPayload, SinglePayload
from serving.gateway.api.plain_fields import NotPlain, row_reader
from serving.gateway.api.schemas import Batch
from serving.models import MODELS
from serving.models.housing import HousingRequest
from serving.rows import Rows, columns


class Forbids(BaseModel):
    """What all of these have."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Everything(Forbids):
    """One field of each kind that is plain."""

    ratio: Float32
    count: Int8
    positive: float = Field(gt=0, lt=10)
    flag: bool
    text: str = Field(min_length=1, max_length=3)
    word: Literal["a", "bé"]
    maybe: int | None = None
    preset: float = 2.5


class Lax(BaseModel):
    """One that takes texts as numbers, which msgspec never does."""

    model_config = ConfigDict(extra="forbid")

    ratio: float
    count: int
    flag: bool


_VALID = {
    "ratio": 0.5,
    "count": 3,
    "positive": 1,
    "flag": True,
    "text": "abc",
    "word": "bé",
    "maybe": 4,
    "preset": 1.5,
}
_numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([-128, 127, 128, 0, 10, 3.4e38, 2**63, 2**64])
)
_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        _numbers,
        st.text(max_size=5),
        st.sampled_from(["a", "bé", "1", "1.5", "true"]),
    ),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def _bodies(draw: st.DrawFn, valid: dict[str, Any]) -> bytes:
    """An instance in order, of which some fields are left out, changed, added or damaged."""
    instance = dict(valid)
    for name in draw(st.lists(st.sampled_from(list(valid)), max_size=2)):
        instance.pop(name, None)
    for name in draw(st.lists(st.sampled_from([*valid, "more"]), max_size=2)):
        instance[name] = draw(_values)
    body = json.dumps(instance, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(body)))
        inserted = draw(
            st.sampled_from(
                [b"", b" ", b"0", b"e5", b"-", b"\\ud800", b"\xff", b",", b'"', b"9" * 400]
            )
        )
        body = body[:at] + inserted + body[at + draw(st.integers(0, 2)) :]
    return body


@pytest.mark.parametrize(
    ("request_model", "valid"),
    [
        (Everything, _VALID),
        (Lax, {"ratio": 0.5, "count": 3, "flag": False}),
        (HousingRequest, MODELS["housing"].example.model_dump()),
        (MODELS["sentiment"].request, MODELS["sentiment"].example.model_dump()),
    ],
)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_takes_nothing_that_pydantic_does_not_and_reads_the_same(
    request_model: type[BaseModel], valid: dict[str, Any], data: st.DataObject
) -> None:
    body = data.draw(_bodies(valid))
    rows = row_reader(request_model).read_one(body)
    if rows is None:
        return
    [plain], expected = rows, request_model.model_validate_json(body)
    assert plain == expected
    assert plain.model_fields_set == expected.model_fields_set
    names = list(request_model.model_fields)
    for left, right in zip(columns(rows, *names), columns([expected], *names), strict=True):
        assert list(left) == list(right)
        assert [type(each) for each in left] == [type(each) for each in right]


@pytest.mark.parametrize("name", ["housing", "sentiment"])
def test_our_own_examples_are_read_so(name: str) -> None:
    model = MODELS[name]
    body = model.example.model_dump_json()
    many = row_reader(model.request).read_many(f'{{"instances":[{body},{body}]}}'.encode())
    assert many is not None
    assert list(many) == [model.example, model.example]
    for tensor, expected in model.preprocess([model.example] * 2).items():
        given = model.preprocess(many)[tensor]
        assert given.dtype == expected.dtype
        np.testing.assert_array_equal(given, expected)


def test_a_value_that_is_left_out_is_the_default_in_its_column() -> None:
    rest = {name: value for name, value in _VALID.items() if name not in {"maybe", "preset"}}
    body = json.dumps({"instances": [_VALID, rest, {**rest, "maybe": None}]}).encode()
    rows = row_reader(Everything).read_many(body)
    assert rows is not None
    preset, maybe = columns(rows, "preset", "maybe")
    assert list(preset) == [1.5, 2.5, 2.5]
    assert list(maybe) == [4, None, None]
    assert [list(each) for each in columns(rows, "maybe")] == [[4, None, None]]
    assert rows[1].model_fields_set == {*rest}
    assert rows[2].model_fields_set == {*rest, "maybe"}


@pytest.mark.parametrize("number", [0, 1, 128, 129])
def test_a_batch_has_as_many_instances_as_pydantic_takes(number: int) -> None:
    body = json.dumps({"instances": [_VALID] * number}).encode()
    rows = row_reader(Everything).read_many(body)
    try:
        expected = Batch[Everything].model_validate_json(body).instances
    except ValidationError:
        assert rows is None
    else:
        assert rows is not None
        assert list(rows) == expected


class Rooms(Forbids):
    """Something computed of a field, and a way to be called by Python that JSON does not take."""

    width: float
    depth: float = 2.0

    @property
    def area(self) -> float:
        """Multiply."""
        return self.width * self.depth

    @classmethod
    def model_validate(cls, *_: Any, **__: Any) -> Any:
        """Never be asked."""
        raise NotImplementedError


def test_a_model_has_what_it_computes_and_is_made_as_pydantic_makes_it_of_json() -> None:
    rows = row_reader(Rooms).read_many(b'{"instances": [{"width": 3}, {"width": 1, "depth": 1}]}')
    assert rows is not None
    assert [list(each) for each in columns(rows, "depth", "area")] == [[2.0, 1.0], [6.0, 1.0]]
    assert rows[0] == Rooms(width=3.0)


def _positive(value: float) -> float:
    return abs(value)


class Validated(Forbids):
    """A field of its own ways."""

    value: float

    @field_validator("value")
    @classmethod
    def _shifted(cls, value: float) -> float:
        return value + 1


class Whole(Forbids):
    """A validator of all fields."""

    value: float

    @model_validator(mode="after")
    def _checked(self) -> "Whole":
        return self


class After(Forbids):
    """A type with a function."""

    value: Annotated[float, AfterValidator(_positive)]


class Renamed(Forbids):
    """Another name in JSON."""

    value: float = Field(alias="Value")


class Made(Forbids):
    """A default that is made."""

    value: float = Field(default_factory=lambda: math.pi)


class Patterned(Forbids):
    """A pattern, which each library understands in its own way."""

    value: str = Field(pattern="^a")


class Stripped(BaseModel):
    """A text that is changed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    value: str


class Open(BaseModel):
    """Unknown fields, which are let through."""

    value: float


class Listed(Forbids):
    """No plain value."""

    value: list[float]


class File(Forbids):
    """Base64."""

    value: Bytes


class Wide(Forbids):
    """A bound beyond what msgspec has."""

    value: UInt64


class Stepped(Forbids):
    """Multiples, for which rounding counts."""

    value: float = Field(multiple_of=0.1)


class Infinite(Forbids):
    """A bound that bounds nothing."""

    value: float = Field(le=math.inf)


class Twice(Forbids):
    """Two bounds on the same side, as types that have one leave them."""

    value: PositiveFloat = Field(ge=1)


class Yes(Forbids):
    """A bound that is no number for msgspec."""

    value: int = Field(ge=True)


class Numbered(Forbids):
    """Words that are numbers."""

    value: Literal[1, 2]


class Initialised(Forbids):
    """Something that happens after validation."""

    value: float

    def model_post_init(self, _context: Any) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    "request_model",
    [
        *(Validated, Whole, After, Renamed, Made, Patterned, Stripped, Open, Listed, File, Wide),
        *(Stepped, Infinite, Twice, Yes, Numbered, Initialised, MODELS["image"].request),
    ],
)
def test_what_is_not_plain_is_left_to_pydantic(request_model: type[BaseModel]) -> None:
    with pytest.raises(NotPlain):
        row_reader(request_model)


@pytest.mark.parametrize("reads_columns", [True, False])
def test_only_models_that_read_columns_get_them(*, reads_columns: bool) -> None:
    model = replace(MODELS["housing"], reads_columns=reads_columns)
    body = model.example.model_dump_json().encode()
    for payload, sent in [
        (SinglePayload("housing", model), body),
        (BatchPayload("housing", model), b'{"instances":[%b]}' % body),
    ]:
        requests = asyncio.run(payload.parse({}, JSON, sent))
        assert isinstance(requests, Rows) is reads_columns
        assert list(requests) == [model.example]
