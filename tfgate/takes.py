"""What a model takes, by what is known here of it, or else by what a gateway tells of it."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from serving.contract import Model
from serving.models import MODELS
from tfgate.ask import Gateway, ask
from tfgate.question import Takes, WrongQuestion

_ANY_SIZE = 1  # of a free dimension; the gateway has tried the same
_VALUES = {"bool": False, "string": "0"}  # of other types, 0
_DEFAULT, _EXPLAIN = "serving_default", "explain"
_COLUMNS = "tf_serving_rest_columns"  # how one is asked here


def takes(
    gateway: Gateway, name: str, choice: Mapping[str, Any], *, explain: bool = False
) -> Takes:
    """Say how a model is asked; `choice` may name the version, or the label, that is to answer.

    With `explain`, it is asked why as well.

    Raises:
        CannotAsk: there is no such model, or no gateway to ask about it.
        WrongGateway: the URL or the key can be none.
        WrongQuestion: both a version and a label are chosen.
    """
    query = urlencode({**choice, **({"explain": "true"} if explain else {})})
    typed = f"/predict/{quote(name, safe='')}" + (f"?{query}" if query else "")
    if name in MODELS:
        return _typed(name, typed, MODELS[name])
    page = ask(gateway, "GET", f"/models/{quote(name, safe='')}")
    if page.get("example") is not None:
        return _typed_elsewhere(name, typed, page["example"])
    usual = _EXPLAIN if explain else _DEFAULT
    return _generic(name, choice, page.get("signatures") or {}, usual)


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


def _generic(
    name: str, choice: Mapping[str, Any], signatures: Mapping[str, Mapping[str, Any]], usual: str
) -> Takes:
    """Ask a generic model in TensorFlow Serving's own JSON.

    Without a signature of the `usual` name, which stands for all who give none, the first is asked
    that can.
    """
    if len(choice) > 1:
        message = "--version and --label exclude each other: give one of them."
        raise WrongQuestion(message)
    encoded = quote(name, safe="")
    chosen = "".join(f"/{part}s/{quote(str(value), safe='')}" for part, value in choice.items())

    askable = [each for each, signature in signatures.items() if _COLUMNS in signature["examples"]]
    asked = usual if usual in signatures else next(iter(askable), usual)
    inputs = {
        each: tensor
        for each, tensor in signatures.get(asked, {"inputs": {}})["inputs"].items()
        if not tensor["optional"]
    }

    def columns(values: Mapping[str, Any]) -> str:
        named = {} if usual in {asked, _EXPLAIN} else {"signature_name": asked}
        return _json({**named, "inputs": values})

    def example() -> str:
        if asked not in askable:
            message = (
                f"{name} takes what this command cannot send as JSON; "
                f"GET /models/{encoded} shows how it is asked."
            )
            raise WrongQuestion(message)
        filled = {
            each: _filled(tensor, _VALUES.get(tensor["dtype"], 0))
            for each, tensor in inputs.items()
        }
        return columns(filled)

    def of_file(content: bytes) -> str:
        value = {"b64": b64encode(content).decode()}
        return columns({each: _filled(tensor, value) for each, tensor in inputs.items()})

    is_file = [tensor["dtype"] for tensor in inputs.values()] == ["string"]
    verb = "explain" if usual == _EXPLAIN else "predict"
    path = f"/v1/models/{encoded}{chosen}:{verb}"
    return Takes(name, path, example, _rows, of_file=of_file if is_file else None)


def _filled(tensor: Mapping[str, Any], value: Any) -> Any:
    """Nest lists of a value as a tensor's shape says."""
    nested = value
    for size in reversed(tensor["shape"] or []):
        nested = [nested] * (_ANY_SIZE if size is None else size)
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
