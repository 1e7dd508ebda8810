"""Reads and writes hyper-parameters as people type them; knows no recipe."""

import inspect
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from training.errors import WrongOption

Settings = Mapping[str, str]
"""Hyper-parameters by name, their values as they were typed."""


@dataclass(frozen=True)
class Setting:
    """A hyper-parameter as a listing shows it."""

    name: str
    kind: str
    value: Any
    comment: str


def read(arguments: Sequence[str], assignments: Sequence[str]) -> tuple[list[str], Settings]:
    """Tell names from settings: `housing --batch-size 64` are a name and a setting.

    `assignments` are more settings, as `key=value`.

    Raises:
        WrongOption: a value is missing, or all names.
    """
    names, settings = [], {}
    remaining = iter(arguments)
    for argument in remaining:
        if not argument.startswith("--"):
            names.append(argument)
            continue
        option, equals, value = argument[2:].partition("=")
        given = value if equals else next(remaining, None)
        if given is None:
            raise WrongOption(f"--{option} wants a value")
        settings[_key(option)] = given
    if not names:
        raise WrongOption("name a model")
    return names, settings | _assigned(assignments)


def _assigned(assignments: Sequence[str]) -> dict[str, str]:
    settings = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise WrongOption(f"--set wants key=value, not {assignment!r}")
        settings[_key(key)] = value
    return settings


def refuse_together(**options: object) -> None:
    """Check that at most one of these options was given.

    Raises:
        WrongOption: several were.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if len(given) > 1:
        raise WrongOption(f"{' and '.join(given)} do not go together")


def write_settings(settings: Settings) -> list[str]:
    """Give the options that set these hyper-parameters, quoted for a shell."""
    return [f"--set {shlex.quote(f'{key}={value}')}" for key, value in settings.items()]


def typed(hyper_parameters: Any, settings: Settings, *, model: str) -> dict[str, Any]:
    """Turn what was typed into values of the types that the dataclass declares, bounds included.

    Raises:
        WrongOption: it has no field of that name, or the value cannot be.
    """
    kinds = get_type_hints(type(hyper_parameters), include_extras=True)
    for key in settings.keys() - kinds.keys():
        raise WrongOption(
            f"there is no option {key!r}, nor a hyper-parameter of {model}: these are "
            f"{', '.join(sorted(kinds))}"
        )
    return {key: _value(key, text, kinds[key]) for key, text in settings.items()}


def listing(hyper_parameters: Any) -> list[Setting]:
    """Give every hyper-parameter with its value, and the comment that stands beside it."""
    kinds = get_type_hints(type(hyper_parameters))
    kinds_of_it = [kind for kind in type(hyper_parameters).__mro__ if is_dataclass(kind)]
    source = "\n".join(map(inspect.getsource, kinds_of_it))
    comments = dict(re.findall(r"^ +(\w+): .*?  # (.*)$", source, re.MULTILINE))
    return [
        Setting(
            field.name,
            getattr(kinds[field.name], "__name__", str(kinds[field.name])),
            getattr(hyper_parameters, field.name),
            comments.get(field.name, ""),
        )
        for field in fields(hyper_parameters)
    ]


def _key(option: str) -> str:
    return option.replace("-", "_")


def _value(key: str, text: str, kind: Any) -> Any:
    try:
        return TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False)).validate_strings(text)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise WrongOption(f"{key} cannot be {text!r}: {reason[0].lower()}{reason[1:]}") from error
