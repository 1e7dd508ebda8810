"""The instances of one request, for those who read them field by field."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar, overload

from msgspec import UNSET, Struct
from pydantic import BaseModel
from typing_extensions import override

RequestT = TypeVar("RequestT", bound=BaseModel)


class Rows(Sequence[RequestT]):
    """Instances that were validated without making a model of each.

    `values` hold them; a field that was left out is UNSET there, and has one of the `defaults`.
    Whoever looks at an instance gets the model all the same: `make` builds it of its fields.
    """

    def __init__(
        self,
        values: Sequence[Struct],
        defaults: Mapping[str, Any],
        make: Callable[[dict[str, Any]], RequestT],
    ) -> None:
        self.values = values
        self.defaults = defaults
        self._make = make

    @cached_property
    def _models(self) -> list[RequestT]:
        return [
            self._make(
                {
                    name: value
                    for name in each.__struct_fields__
                    if (value := getattr(each, name)) is not UNSET
                }
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


def columns(requests: Sequence[BaseModel], *names: str) -> list[Sequence[Any]]:
    """Give the values of some fields, each field's as a column; there is an instance at least."""
    if not isinstance(requests, Rows):
        return _columns(requests, names)
    found = _columns(requests.values, names)
    for name, default in requests.defaults.items():
        if name in names:
            at = names.index(name)
            found[at] = [default if value is UNSET else value for value in found[at]]
    return found


def _columns(instances: Sequence[Any], names: tuple[str, ...]) -> list[Sequence[Any]]:
    values = map(attrgetter(*names), instances)
    return [list(values)] if len(names) == 1 else list(zip(*values, strict=True))
