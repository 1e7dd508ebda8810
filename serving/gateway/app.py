"""The gateway as one application: what it is made of, in which order it starts and stops."""

import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Lifespan

from serving.errors import MethodNotAllowed, NotFound, TfgateError
from serving.gateway import metrics, openapi
from serving.gateway.access_log import AccessLog
from serving.gateway.admission import Limiter
from serving.gateway.authentication import Authentication, is_guarded
from serving.gateway.background import Work, running
from serving.gateway.catalog import Catalog
from serving.gateway.channel import OpenChannel, Tls, open_channel
from serving.gateway.client import ModelServerClient
from serving.gateway.deadline import TIMEOUT
from serving.gateway.gate import Gate
from serving.gateway.keys import KeyRing
from serving.gateway.methods import HeadAsGet, allow
from serving.gateway.page_headers import PageHeaders
from serving.gateway.pipeline import Pipeline
from serving.gateway.problems import from_validation
from serving.gateway.record import new_record, record_of
from serving.gateway.recorder import Recorder, report
from serving.gateway.routes.models import models_router
from serving.gateway.routes.operations import operations_router
from serving.gateway.routes.page import page_router
from serving.gateway.routes.predict import RawRoute, predict_routes, unknown_model_router
from serving.gateway.settings import Settings
from serving.gateway.short_way import ShortWay
from serving.gateway.watch import Watch
from serving.models import MODELS

if TYPE_CHECKING:
    from serving.gateway.tracing import Tracing

_DESCRIPTION = """Ask trained models over HTTP: the sentiment of a text, the class of a picture, the
price of a house. Every error is a problem document (RFC 9457) that says what was received, what is
accepted and what to do next."""


def create_app(settings: Settings, open_channel: OpenChannel = open_channel) -> ASGIApp:
    """Put the gateway together; nothing is opened before the application starts.

    `open_channel` is how the model server is reached.
    """
    log = AccessLog(settings.log_level)
    client = ModelServerClient(settings.model_server, _tls(settings), open_channel)
    tracing = _tracing() if settings.tracing else None
    catalog = Catalog(client, timeout_seconds=settings.status_timeout_seconds)
    pipelines = {name: _pipeline(name, client, catalog, settings) for name in MODELS}
    routes = [
        route for pipeline in pipelines.values() for route in predict_routes(pipeline, settings)
    ]
    background: list[Work] = [Watch(catalog).keep_looking]
    metrics.initialise()
    # From the outside in: who may enter, what is noted of those who did, and where they go.
    api = _api(catalog, routes, settings, _lifespan(log, tracing, client, background))
    inner: ASGIApp = ShortWay(api, routes)
    if settings.keys_file is not None:
        inner = authentication = Authentication(inner, KeyRing(settings.keys_file))
        background.append(authentication.follow_file)
    recorder = Recorder(inner, log, new_record if tracing is None else tracing.new_record)
    limiters = {route.path: pipelines[route.model].limiter for route in routes}
    gateway = Gate(recorder, limiters, settings.max_requests)
    return _open_to_pages(gateway, settings.cors_origins) if settings.cors_origins else gateway


def _lifespan(
    log: AccessLog, tracing: "Tracing | None", client: ModelServerClient, background: list[Work]
) -> Lifespan[FastAPI]:
    """Say what is opened at the start, and closed in reverse at the end."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(log.flush)
            if tracing is not None:
                stack.callback(tracing.close)
            await stack.enter_async_context(client)
            for work in background:
                await stack.enter_async_context(running(work))
            # What is there now stays: a full collection would only walk it, and hold everybody up.
            gc.collect()
            gc.freeze()
            # What a request leaves is gone without any collection: they may be rarer than usual.
            gc.set_threshold(10_000, 50, 100)
            yield

    return lifespan


def _api(
    catalog: Catalog,
    routes: Sequence[RawRoute],
    settings: Settings,
    lifespan: Lifespan[FastAPI],
) -> FastAPI:
    """Build what FastAPI serves and documents."""
    # The documentation page brings its own scripts: a cluster's users may not reach a CDN.
    api = FastAPIOffline(
        redoc_url=None,
        title="tfgate",
        version=version("tfgate"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        # A path is right or wrong: a redirect would lead to whatever Host the request names.
        redirect_slashes=False,
    )
    # Every key opens every path, and whose keys there are is nobody else's business.
    with_metrics = settings.metrics_port is None and settings.keys_file is None
    api.router.routes.extend(routes)
    api.include_router(unknown_model_router())
    api.include_router(models_router(catalog))
    api.include_router(operations_router(catalog, with_metrics=with_metrics))
    api.include_router(page_router())
    api.add_middleware(PageHeaders)
    api.add_middleware(HeadAsGet)
    api.exception_handler(TfgateError)(_report)
    api.exception_handler(RequestValidationError)(_report_validation)
    api.exception_handler(HTTPException)(_report_http)
    api.exception_handler(Exception)(_pass_on)
    guarded = is_guarded if settings.keys_file else None
    # Built once: it takes longer than many predictions, and is there without a key.
    api.openapi = cache(partial(openapi.build, api, is_guarded=guarded))  # type: ignore[method-assign]  # FastAPI's documented way
    return api


def _pipeline(
    name: str, client: ModelServerClient, catalog: Catalog, settings: Settings
) -> Pipeline:
    limiter = Limiter(name, max_limit=settings.max_requests_per_model)
    return Pipeline(name, client, catalog, limiter, max_calls=settings.max_calls_in_flight)


def _tracing() -> "Tracing":
    # Not at the top: its packages are an extra, which only this setting needs.
    from serving.gateway.tracing import Tracing  # noqa: PLC0415

    return Tracing()


def _tls(settings: Settings) -> Tls | None:
    if settings.model_server_ca_file is None:
        return None
    return Tls(
        settings.model_server_ca_file,
        settings.model_server_certificate_file,
        settings.model_server_private_key_file,
    )


def _open_to_pages(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Let pages of other origins ask from browsers, and read what the headers tell."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=[
            *("Authorization", "X-API-Key", "X-Request-Id"),
            *(TIMEOUT, "grpc-timeout", "traceparent", "tracestate"),
        ],
        expose_headers=["Retry-After", "X-Model-Name", "X-Model-Version", "X-Request-Id"],
    )


async def _report(request: Request, error: TfgateError) -> Response:
    return report(error, record_of(request), request.url.path)


async def _report_validation(request: Request, error: RequestValidationError) -> Response:
    """Report a wrong query or path parameter; bodies are validated by the routes themselves."""
    return await _report(request, from_validation(list(error.errors())))


async def _pass_on(_request: Request, error: Exception) -> Response:
    """Leave defects to the recorder; Starlette would answer them with a plain text."""
    raise error


async def _report_http(request: Request, error: HTTPException) -> Response:
    """Report what Starlette's router refuses."""
    if error.status_code == 405:
        allowed = allow((error.headers or {}).get("Allow", ""))
        message = f"{request.method} is not allowed on {request.url.path}; allowed: {allowed}"
        response = await _report(request, MethodNotAllowed(message))
        response.headers["Allow"] = allowed
        return response
    return await _report(request, NotFound(f"nothing lives at {request.url.path}"))
