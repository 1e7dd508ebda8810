"""The instances of one request, for those who read them field by field."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar, overload

from msgspec import UNSET, Struct
from msgspec.json import Decoder
from msgspec.structs import astuple
from pydantic import BaseModel
from typing_extensions import override

RequestT = TypeVar("RequestT", bound=BaseModel)


class Rows(Sequence[RequestT]):
    """Instances that were validated without making a model of each.

    `values` hold them, each with these `fields`; one that was left out is UNSET there, and
    `defaults` have its index and what it is then. Whoever looks at an instance gets the model all
    the same: `make` builds it of its fields.
    """

    def __init__(
        self,
        values: Sequence[Struct],
        fields: tuple[str, ...],
        defaults: Sequence[tuple[int, Any]],
        make: Callable[[dict[str, Any]], RequestT],
    ) -> None:
        self.values = values
        self.fields = fields
        self.defaults = defaults
        self._make = make

    @cached_property
    def _models(self) -> list[RequestT]:
        return [
            self._make(
                {name: value for name in self.fields if (value := getattr(each, name)) is not UNSET}
            )
            for each in self.values
        ]

    @override
    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> RequestT: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RequestT]: ...
    @override
    def __getitem__(self, index: int | slice) -> RequestT | Sequence[RequestT]:
        return self._models[index]

    @override
    def __iter__(self) -> Iterator[RequestT]:
        return iter(self._models)


@dataclass(frozen=True)
class RowReader(Generic[RequestT]):
    """Reads instances of one model: `one` decodes a body that is one, `many` a batch."""

    one: Decoder[Any]
    many: Decoder[Any]
    fields: tuple[str, ...]
    defaults: Sequence[tuple[int, Any]]
    make: Callable[[dict[str, Any]], RequestT]

    def read_one(self, body: bytes) -> Rows[RequestT] | None:
        """Read an instance; None if it is one for pydantic."""
        try:
            return self._rows([self.one.decode(body)])
        except ValueError:
            return None

    def read_many(self, body: bytes) -> Rows[RequestT] | None:
        """Read a batch; None if it is one for pydantic."""
        try:
            return self._rows(self.many.decode(body).instances)
        except ValueError:
            return None

    def _rows(self, values: Sequence[Struct]) -> Rows[RequestT]:
        return Rows(values, self.fields, self.defaults, self.make)


def columns(requests: Sequence[BaseModel], *names: str) -> list[Sequence[Any]]:
    """Give the values of some fields, each field's as a column; there is an instance at least."""
    if not isinstance(requests, Rows):
        return [[getattr(request, name) for request in requests] for name in names]
    places = _places(requests.fields, names)
    if places is None:
        # What a model computes of its fields, such as a property, only the model has.
        return columns(list(requests), *names)
    # All fields at once: asked for each of its nine, a hundred houses take 26 us instead of 14.
    found: list[Sequence[Any]] = list(zip(*map(astuple, requests.values), strict=True))
    for index, default in requests.defaults:
        if UNSET in found[index]:
            found[index] = [default if value is UNSET else value for value in found[index]]
    return [found[index] for index in places]


@lru_cache
def _places(fields: tuple[str, ...], names: tuple[str, ...]) -> list[int] | None:
    return [fields.index(name) for name in names] if {*names} <= {*fields} else None
