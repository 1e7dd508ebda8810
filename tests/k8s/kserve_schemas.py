"""What is wrong with manifests, by the classes that KServe generates from its published schemas.

Run by the interpreter of an environment that has the package kserve, which imports nothing of ours:
a JSON list of manifests comes in, one line a mistake goes out.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

CLASSES = {
    "ServingRuntime": "V1alpha1ServingRuntime",
    "InferenceService": "V1beta1InferenceService",
}
PLAIN: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "float": (int, float),
    "object": object,
}
CONTAINER = re.compile(r"(?i:(list|dict))[\[(](?:str, )?(.+)[\])]")


def mistakes(value: Any, kind: str, path: str) -> Iterator[str]:
    """Compare a value with the type that a class names; unknown fields are mistakes too."""
    if kind in PLAIN:
        if not isinstance(value, PLAIN[kind]):
            yield f"{path}: {value!r} is no {kind}"
    elif found := CONTAINER.fullmatch(kind):
        outer, inner = found.groups()
        if not isinstance(value, list if outer.lower() == "list" else dict):
            yield f"{path}: {value!r} is no {outer}"
            return
        items = enumerate(value) if isinstance(value, list) else value.items()
        for key, each in items:
            yield from mistakes(each, inner, f"{path}/{key}")
    elif not isinstance(value, dict):
        yield f"{path}: {value!r} is no {kind}"
    else:
        yield from _fields(value, kind, path)


def _fields(value: dict[str, Any], kind: str, path: str) -> Iterator[str]:
    described = _class(kind)
    attributes = {name: attribute for attribute, name in described.attribute_map.items()}
    for name, each in value.items():
        if name not in attributes:
            yield f"{path}/{name}: {kind} has no such field"
        else:
            kind_of = described.openapi_types[attributes[name]]
            yield from mistakes(each, kind_of, f"{path}/{name}")
    try:  # the classes themselves refuse what lacks a field that is required
        described(**{attributes[name]: each for name, each in value.items() if name in attributes})
    except ValueError as error:
        yield f"{path}: {error}"


def _class(kind: str) -> Any:
    for module in ("kserve.models", "kubernetes.client"):
        if described := getattr(import_module(module), kind, None):
            return described
    message = f"neither kserve nor kubernetes has a class {kind}"
    raise LookupError(message)


if __name__ == "__main__":
    for manifest in json.load(sys.stdin):
        for mistake in mistakes(manifest, CLASSES[manifest["kind"]], manifest["kind"]):
            sys.stdout.write(f"{mistake}\n")
