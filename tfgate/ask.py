"""Asking a running gateway from the command line: `tfgate predict` and `tfgate models`."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from rich.table import Column, Table

from serving.loopback import is_this_machine
from tfgate.question import Question
from training.report.number import number

TIMEOUT_SECONDS = 60


class WrongGateway(Exception):
    """A URL or a key that can be none; nobody was asked."""


class CannotAsk(Exception):
    """There is no gateway to ask, or it refused the question."""


class NoGateway(CannotAsk):
    """Nobody answers where the gateway should listen."""


@dataclass(frozen=True)
class Gateway:
    """Where a gateway listens, and the key that it may want."""

    url: str
    key: str | None = None


def predict(gateway: Gateway, path: str, question: Question) -> dict[str, Any]:
    """Ask for one prediction, where the model takes questions.

    Raises:
        WrongGateway: the URL or the key can be none.
        CannotAsk: the gateway is away or refuses; the message says what to do.
    """
    headers = {"Content-Type": question.media_type}
    answers = ("prediction", "predictions", "outputs", "explanations")
    return ask(gateway, "POST", path, *answers, content=question.content, headers=headers)


def model_table(gateway: Gateway) -> Table:
    """Show every version of every model with its state and its test figures.

    Raises:
        CannotAsk: the gateway is away.
    """
    figures = Column("on the test set", no_wrap=True)
    values = Column("", no_wrap=True, justify="right")
    columns = (Column("version", no_wrap=True), "state", "trained", figures, values)
    table = Table(*columns, box=None, header_style="bold", padding=(0, 2, 1, 0), pad_edge=False)
    for name in served_models(gateway):
        path = f"/models/{quote(name, safe='')}"
        for version in ask(gateway, "GET", path, "versions")["versions"]:
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


def served_models(gateway: Gateway) -> list[str]:
    """Return the names of the models that have any version, typed or generic.

    Raises:
        CannotAsk: the gateway is away.
    """
    models = ask(gateway, "GET", "/models", "models")["models"]
    return sorted(model["name"] for model in models if model["versions"])


def check_ready(gateway: Gateway, models: Iterable[str]) -> None:
    """See that a gateway is there where these models can be asked, with the key if it wants one.

    Raises:
        CannotAsk: the gateway is away, a model is not ready, or the key is not known.
    """
    for model in models:
        ask(gateway, "GET", f"/readyz/{quote(model, safe='')}")


def ask(
    gateway: Gateway, method: str, path: str, *promised: str, **arguments: Any
) -> dict[str, Any]:
    """Return a gateway's answer, which has one of the fields that are promised, if any are.

    Raises:
        WrongGateway: the URL or the key can be none.
        NoGateway: nobody answers there.
        CannotAsk: the gateway refuses; the message says what to do.
    """
    url = gateway.url.rstrip("/") + path
    headers = {**arguments.pop("headers", {}), **authorization(gateway.key)}
    seconds = arguments.pop("timeout", TIMEOUT_SECONDS)
    try:
        with open_client(url) as client:
            answer = client.request(method, url, headers=headers, timeout=seconds, **arguments)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        message = f"{gateway.url} is no URL: one begins with http:// or https://."
        raise WrongGateway(message) from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        message = f"no gateway answers at {gateway.url} ({error}). "
        remedy = "Start one with 'tfgate up', or name it with --url."
        raise NoGateway(message + remedy) from error
    except httpx.TimeoutException as error:
        message = f"{gateway.url} did not answer within {seconds} seconds."
        raise NoGateway(message) from error
    except httpx.ProxyError as error:
        message = f"the proxy that the environment names does not lead to {gateway.url}: {error}."
        raise NoGateway(message) from error
    except httpx.TransportError as error:
        message = f"what listens at {gateway.url} does not answer as a gateway does: {error}."
        raise NoGateway(message) from error
    return _document(answer, promised, gateway.url)


def authorization(key: str | None) -> dict[str, str]:
    """Return the header that a key goes into.

    Raises:
        WrongGateway: it can be none.
    """
    if key is None:
        return {}
    if not re.fullmatch(r"[!-~]+", key):
        message = "the key holds what no key does: only plain letters, digits and signs."
        raise WrongGateway(message)
    return {"Authorization": f"Bearer {key}"}


def open_client(url: str) -> httpx.Client:
    """Open a client that asks this machine itself, and others as the environment says.

    Raises:
        CannotAsk: what the environment says cannot be used.
    """
    itself = httpx.HTTPTransport() if is_this_machine(httpx.URL(url).host) else None
    try:
        return httpx.Client(transport=itself)
    except (ImportError, ValueError) as error:
        message = f"the proxy that the environment names cannot be used: {error}"
        raise CannotAsk(message) from error


def told(answer: httpx.Response) -> str:
    """Say in words why a gateway has refused."""
    try:
        _document(answer, (), str(answer.url.copy_with(path="/", query=None)))
    except CannotAsk as error:
        return str(error)
    return f"{answer.status_code} {answer.reason_phrase}"


def _document(answer: httpx.Response, promised: Collection[str], url: str) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if isinstance(document, dict):
        if answer.is_success and (not promised or not document.keys().isdisjoint(promised)):
            return document
        if answer.is_error and isinstance(document.get("error"), str):
            # In the words of the protocol in which it was asked.
            raise CannotAsk(document["error"])
        if document.keys() >= {"code", "detail", "hint", "errors"}:
            raise CannotAsk(_refusal(document))
    message = f"what answers at {url} is no tfgate gateway. Name the gateway with --url."
    raise CannotAsk(message)


def _refusal(problem: dict[str, Any]) -> str:
    if problem["code"] == "unauthenticated":
        return f"{problem['detail']}. Give the key with --key, or as TFGATE_API_KEY."
    # With one wrong field alone, the detail names it.
    fields = problem["errors"] if len(problem["errors"]) > 1 else []
    lines = [f"  {field['field']}: {field['message']}" for field in fields]
    return "\n".join([f"{problem['detail']}. {problem['hint']}", *lines])
