"""What a model takes, by what is known here of it, or else by what a gateway tells of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from serving.contract import Model
from serving.models import MODELS
from tfgate.ask import Gateway, ask
from tfgate.question import Takes, WrongQuestion

_ANY_SIZE = 1  # of a free dimension; the gateway has tried the same
_VALUES = {"BOOL": False, "BYTES": "0"}  # of other types, 0


def takes(gateway: Gateway, name: str, choice: Mapping[str, Any]) -> Takes:
    """Say how a model is asked; `choice` may name the version, or the label, that is to answer.

    Raises:
        CannotAsk: there is no such model, or no gateway to ask about it.
        WrongGateway: the URL or the key can be none.
        WrongQuestion: both a version and a label are chosen.
    """
    typed = f"/predict/{quote(name, safe='')}" + (f"?{urlencode(choice)}" if choice else "")
    if name in MODELS:
        return _typed(name, typed, MODELS[name])
    example = ask(gateway, "GET", f"/models/{quote(name, safe='')}").get("example")
    if example is not None:
        return _typed_elsewhere(name, typed, example)
    return _generic(gateway, name, choice)


def _typed(name: str, path: str, model: Model[Any, Any]) -> Takes:
    return Takes(
        name,
        path,
        model.example.model_dump_json,
        _in_field(list(model.request.model_fields)),
        None if model.upload is None else model.upload.media_type,
    )


def _typed_elsewhere(name: str, path: str, example: Mapping[str, Any]) -> Takes:
    return Takes(name, path, lambda: _json(example), _in_field(list(example)))


def _in_field(fields: Sequence[str]) -> Callable[[str], str] | None:
    """Say how a text becomes a request: only with one field is it clear which it is for."""
    return (lambda text: _json({fields[0]: text})) if len(fields) == 1 else None


def _generic(gateway: Gateway, name: str, choice: Mapping[str, Any]) -> Takes:
    """Ask a generic model in TensorFlow Serving's own JSON."""
    if len(choice) > 1:
        message = "--version and --label exclude each other: give one of them."
        raise WrongQuestion(message)
    encoded = quote(name, safe="")
    chosen = "".join(f"/{part}s/{quote(str(value), safe='')}" for part, value in choice.items())

    def example() -> str:
        metadata = ask(gateway, "GET", f"/v2/models/{encoded}", "inputs")
        return _json({"inputs": {each["name"]: _zeros(each) for each in metadata["inputs"]}})

    return Takes(name, f"/v1/models/{encoded}{chosen}:predict", example, _rows)


def _zeros(tensor: Mapping[str, Any]) -> Any:
    """Nest lists of zeros as a tensor's shape says."""
    nested: Any = _VALUES.get(tensor["datatype"], 0)
    for size in reversed(tensor["shape"]):
        nested = [nested] * (_ANY_SIZE if size < 0 else size)
    return nested


def _rows(text: str) -> str:
    """Take a JSON list for rows, and anything else for one row."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return _json({"instances": value if isinstance(value, list) else [value]})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
