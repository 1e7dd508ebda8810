"""Reads and writes hyper-parameters as people type them; knows no recipe."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import Doc

from training.errors import WrongOption

Changes = Mapping[str, str]
"""Hyper-parameters by name, their values as they were typed."""


@dataclass(frozen=True)
class HyperParameter:
    """A hyper-parameter as a listing shows it."""

    name: str
    kind: str
    help: str
    value: Any


def read(arguments: Sequence[str], assignments: Sequence[str]) -> tuple[list[str], Changes]:
    """Tell names from changes: `housing --batch-size 64` are a name and a change.

    `assignments` are more changes, as `key=value`.

    Raises:
        WrongOption: a value is missing, or all names, or there are two values for one.
    """
    names, changes = [], {}
    remaining = iter(arguments)
    for argument in remaining:
        if not argument.startswith("--"):
            names.append(argument)
            continue
        option, equals, value = argument[2:].partition("=")
        given = value if equals else next(remaining, None)
        if given is None:
            raise WrongOption(f"--{option} wants a value")
        changes[_key(option)] = given
    if not names:
        raise WrongOption("name a model")
    assigned = _assigned(assignments)
    for key in sorted(changes.keys() & assigned.keys()):
        # Their order is not known, so neither can be the last word.
        option = f"--{key.replace('_', '-')} {changes[key]}"
        raise WrongOption(f"{option} and --set {key}={assigned[key]}: give one of them")
    return names, changes | assigned


def _assigned(assignments: Sequence[str]) -> dict[str, str]:
    changes = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise WrongOption(f"--set wants key=value, not {assignment!r}")
        changes[_key(key)] = value
    return changes


def refuse_together(**options: object) -> None:
    """Check that at most one of these options was given.

    Raises:
        WrongOption: several were.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if len(given) > 1:
        raise WrongOption(f"{' and '.join(given)} do not go together")


def write_changes(changes: Changes) -> list[str]:
    """Give the options that set these hyper-parameters, quoted for a shell."""
    return [f"--set {shlex.quote(f'{key}={value}')}" for key, value in changes.items()]


def typed(hyper_parameters: Any, changes: Changes, *, model: str) -> dict[str, Any]:
    """Turn what was typed into values of the types that the dataclass declares, bounds included.

    Raises:
        WrongOption: it has no field of that name, or the value cannot be.
    """
    kinds = get_type_hints(type(hyper_parameters), include_extras=True)
    for key in changes.keys() - kinds.keys():
        raise WrongOption(
            f"there is no option {key!r}, nor a hyper-parameter of {model}: these are "
            f"{', '.join(sorted(kinds))}"
        )
    return {key: _value(key, text, kinds[key]) for key, text in changes.items()}


def listing(hyper_parameters: Any) -> list[HyperParameter]:
    """Give every hyper-parameter with its value, and what its annotation says of it."""
    kinds = get_type_hints(type(hyper_parameters), include_extras=True)
    return [
        HyperParameter(
            field.name, *_described(kinds[field.name]), getattr(hyper_parameters, field.name)
        )
        for field in fields(hyper_parameters)
    ]


def _described(annotated: Any) -> tuple[str, str]:
    """Give the name of a type without its bounds, and its `Doc`, if it has any."""
    kind = get_args(annotated)[0] if get_origin(annotated) is Annotated else annotated
    docs = (each for each in getattr(annotated, "__metadata__", ()) if isinstance(each, Doc))
    return getattr(kind, "__name__", str(kind)), next((doc.documentation for doc in docs), "")


def _key(option: str) -> str:
    return option.replace("-", "_")


def _value(key: str, text: str, kind: Any) -> Any:
    try:
        return TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False)).validate_strings(text)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise WrongOption(f"{key} cannot be {text!r}: {reason[0].lower()}{reason[1:]}") from error
