"""What a setting takes, in words: for the page of settings, and for who has set it wrongly."""

from typing import Any

_TYPES = {
    "boolean": "`true`, `false`",
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "array": "list with commas",
}
_BOUNDS = {
    "minimum": "at least {:,}",
    "exclusiveMinimum": "more than {:,}",
    "maximum": "at most {:,}",
    "minLength": "at least {:,} character",
}


def kind_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a setting's JSON schema that says what it is if it is not left out."""
    kind: dict[str, Any] = schema.get("anyOf", [schema])[0]
    return kind


def takes(schema: dict[str, Any]) -> str:
    """Say of what type a setting is."""
    kind = kind_of(schema)
    if "enum" in kind:
        return ", ".join(f"`{each}`" for each in kind["enum"])
    return "file" if kind.get("format") == "path" else _TYPES[kind["type"]]


def bounds(schema: dict[str, Any]) -> list[str]:
    """Say between what a setting must lie."""
    kind = kind_of(schema)
    return [text.format(kind[bound]) for bound, text in _BOUNDS.items() if bound in kind]
