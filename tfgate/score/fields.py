"""What a model takes of a row: which columns, and what the texts of a CSV file stand for."""

import json
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from tfgate.ask import Gateway, ask
from tfgate.score.sources import FILE, PICTURE, Row, WrongTable

_DEFAULT = "serving_default"


@dataclass(frozen=True)
class Field:
    """One value that a model takes; `is_text` if a text is one, `is_file` if it is a file's."""

    name: str
    required: bool
    is_text: bool
    is_file: bool = False


@dataclass(frozen=True)
class Taken:
    """How a model is asked for several rows: where, and what of each.

    `columns` are those that a field has under another name.
    """

    model: str
    typed: bool
    fields: tuple[Field, ...]
    columns: Mapping[str, str]

    def path_of(self, version: int | None, label: str | None) -> str:
        """Say where a version is asked."""
        name = quote(self.model, safe="")
        chosen = {"version": version, "label": label}
        chosen = {part: value for part, value in chosen.items() if value is not None}
        if self.typed:
            return f"/predict/{name}/batch" + (f"?{urlencode(chosen)}" if chosen else "")
        parts = [f"/{part}s/{quote(str(value), safe='')}" for part, value in chosen.items()]
        return f"/v1/models/{name}{''.join(parts)}:predict"

    def instance(self, row: Row) -> dict[str, Any]:
        """Take of a row what the model does; what is empty is left out, where it may be."""
        instance = {}
        for field in self.fields:
            column = self.columns.get(field.name, field.name)
            if PICTURE in row and FILE in row and field.is_file:
                column = PICTURE
            value = _value(row.get(column), field)
            if value is not None:
                instance[field.name] = value
        return instance

    def check(self, row: Row) -> None:
        """See that a table, by its first row, has what the model takes.

        Raises:
            WrongTable: a column is missing, or one was named that is not there.
        """
        named = [column for column in self.columns.values() if column not in row]
        if named:
            message = f"there is no column {named[0]}; there are {', '.join(row)}."
            raise WrongTable(message)
        unknown = self.columns.keys() - {field.name for field in self.fields}
        names = ", ".join(field.name for field in self.fields)
        if unknown:
            message = f"the model takes no {min(unknown)}; it takes {names}."
            raise WrongTable(message)
        taken = self.instance(row)
        missing = [
            field.name
            for field in self.fields
            if field.required
            and field.name not in taken
            and self.columns.get(field.name, field.name) not in row
        ]
        if missing:
            message = (
                f"there is no column {missing[0]}, which the model takes; there are "
                f"{', '.join(row)}. --column {missing[0]}=COLUMN names the one that holds it."
            )
            raise WrongTable(message)


def columns_of(given: Sequence[str]) -> dict[str, str]:
    """Read which columns hold which fields, each as FIELD=COLUMN.

    Raises:
        WrongTable: one is not written so, or a field has two.
    """
    columns: dict[str, str] = {}
    for each in given:
        field, is_one, column = each.partition("=")
        if not (field and is_one and column):
            message = f"--column {each} is none: write FIELD=COLUMN, such as text=review."
            raise WrongTable(message)
        if field in columns:
            message = f"--column names two for {field}: {columns[field]} and {column}."
            raise WrongTable(message)
        columns[field] = column
    return columns


def taken_by(gateway: Gateway, model: str, columns: Mapping[str, str]) -> Taken:
    """Ask a gateway what a model takes: its fields, or the inputs of its signature.

    Raises:
        CannotAsk: there is no such model, or no gateway to ask about it.
        WrongGateway: the URL or the key can be none.
    """
    name = quote(model, safe="")
    page = ask(gateway, "GET", f"/models/{name}", "versions")
    schema = page.get("request_schema")
    if schema is not None:
        required = schema.get("required", ())
        fields = [
            _of_schema(each, told, each in required) for each, told in schema["properties"].items()
        ]
        return Taken(model, True, tuple(fields), columns)
    inputs = (page["signatures"].get(_DEFAULT) or {"inputs": {}})["inputs"]
    tensors = [
        Field(each, not tensor["optional"], tensor["dtype"] == "string")
        for each, tensor in inputs.items()
    ]
    return Taken(model, False, tuple(tensors), columns)


def _of_schema(name: str, told: Mapping[str, Any], required: bool) -> Field:
    kinds = [told, *told.get("anyOf", ())]
    is_text = any(each.get("type") == "string" or "enum" in each for each in kinds)
    is_file = any(each.get("contentEncoding") == "base64" for each in kinds)
    return Field(name, required, is_text, is_file)


def as_json(value: Any) -> Any:
    """Give what JSON has for a value of a table that it has none for: bytes, times, decimals."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def _value(value: Any, field: Field) -> Any:
    """Give a value as JSON has it; None if there is none."""
    if isinstance(value, float) and math.isnan(value):  # as tables write what is missing
        return None
    if not isinstance(value, str) or field.is_text:
        return value
    if not value.strip():
        return None
    try:
        return json.loads(value)
    except ValueError:
        return value  # the gateway says what is wrong with it
