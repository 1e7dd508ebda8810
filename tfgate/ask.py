"""Asking a running gateway from the command line: `tfgate predict` and `tfgate models`."""

import json
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.table import Column, Table

from serving.models import MODELS
from training.report.number import number

TIMEOUT_SECONDS = 60


class CannotAsk(Exception):
    """There is no gateway to ask, or it refused the question."""


@dataclass(frozen=True)
class Gateway:
    """Where a gateway listens, and the key that it may want."""

    url: str
    key: str | None = None


def predict(gateway: Gateway, model: str, text: str | None) -> dict[str, Any]:
    """Ask for one prediction.

    `text` is a JSON object, a file's path where the model takes files, or the value of the only
    field that the request has. None asks about the model's own example.

    Raises:
        CannotAsk: the gateway is away or refuses; the message says what to do.
    """
    check_model(model)
    return _ask(gateway, "POST", f"/predict/{model}", **_body(model, text))


def model_table(gateway: Gateway) -> Table:
    """Show every version of every model with its state and its test figures.

    Raises:
        CannotAsk: the gateway is away.
    """
    figures = Column("on the test set", no_wrap=True)
    values = Column("", no_wrap=True, justify="right")
    columns = (Column("version", no_wrap=True), "state", "trained", figures, values)
    table = Table(*columns, box=None, header_style="bold", padding=(0, 2, 1, 0), pad_edge=False)
    for name in sorted(MODELS):
        for version in _ask(gateway, "GET", f"/models/{name}")["versions"]:
            card = version["card"] or {"metrics": [], "trained_at": ""}
            unready = version["unready"] and f"unready: {version['unready']}"
            state = ": ".join(filter(None, [version["state"], version["error"], unready]))
            table.add_row(
                f"{name} {version['version']}",
                state,
                card["trained_at"][:10],
                "\n".join(metric["name"] for metric in card["metrics"]),
                "\n".join(number(metric["value"]) for metric in card["metrics"]),
            )
    return table


def check_model(name: str) -> None:
    """See that there is a model of that name.

    Raises:
        CannotAsk: there is none.
    """
    if name not in MODELS:
        message = f"there is no model {name!r}; there are {', '.join(sorted(MODELS))}."
        raise CannotAsk(message)


def check_ready(gateway: Gateway) -> None:
    """See that a gateway is there whose models can all be asked, with the key if it wants one.

    Raises:
        CannotAsk: the gateway is away, a model is not ready, or the key is not known.
    """
    _ask(gateway, "GET", "/readyz")
    _ask(gateway, "GET", "/models")


def _body(model: str, text: str | None) -> dict[str, Any]:
    """Choose how httpx is to send the question."""
    declaration = MODELS[model]
    if text is None:
        return {"json": declaration.example.model_dump(mode="json")}
    if text.lstrip().startswith("{"):
        return {"content": text, "headers": {"Content-Type": "application/json"}}
    if declaration.upload is not None:
        return _file(Path(text))
    fields = list(declaration.request.model_fields)
    if len(fields) == 1:
        return {"json": {fields[0]: text}}
    example = json.dumps(declaration.example.model_dump(mode="json"))
    message = f"{model} takes a JSON object, such as '{example}'."
    raise CannotAsk(message)


def _file(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}."
        raise CannotAsk(message) from error
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return {"content": content, "headers": {"Content-Type": media_type}}


def _ask(gateway: Gateway, method: str, path: str, **arguments: Any) -> dict[str, Any]:
    url = gateway.url.rstrip("/") + path
    headers = arguments.pop("headers", {})
    if gateway.key is not None:
        if not re.fullmatch(r"[!-~]+", gateway.key):
            message = "the key holds what no key does: only plain letters, digits and signs."
            raise CannotAsk(message)
        headers = {**headers, "Authorization": f"Bearer {gateway.key}"}
    try:
        answer = httpx.request(method, url, headers=headers, timeout=TIMEOUT_SECONDS, **arguments)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        message = f"{gateway.url} is no URL: one begins with http:// or https://."
        raise CannotAsk(message) from error
    except httpx.TransportError as error:
        message = f"no gateway answers at {url}. Start one with 'tfgate up', or name it with --url."
        raise CannotAsk(message) from error
    try:
        document: dict[str, Any] = answer.json()
    except ValueError as error:
        message = f"what answers at {url} is no tfgate gateway. Name the gateway with --url."
        raise CannotAsk(message) from error
    if not answer.is_success:
        raise CannotAsk(_refusal(document))
    return document


def _refusal(problem: dict[str, Any]) -> str:
    if "detail" not in problem:
        return f"the gateway answered {json.dumps(problem)[:200]}"
    if problem["code"] == "unauthenticated":
        return f"{problem['detail']}. Give the key with --key, or as TFGATE_API_KEY."
    # With one wrong field alone, the detail names it.
    fields = problem["errors"] if len(problem["errors"]) > 1 else []
    lines = [f"  {field['field']}: {field['message']}" for field in fields]
    return "\n".join([f"{problem['detail']}. {problem['hint']}", *lines])
