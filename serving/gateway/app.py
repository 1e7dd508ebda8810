"""The gateway as one application: predictions and all else, and the layers around both."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any, NoReturn

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Scope

from serving.errors import MethodNotAllowed, NotFound
from serving.gateway.api.documentation import Documentation
from serving.gateway.api.drift import drift_router
from serving.gateway.api.feedback import feedback_router
from serving.gateway.api.load import load_router
from serving.gateway.api.models import models_router
from serving.gateway.api.operations import operations_router
from serving.gateway.api.predictions import Predictions, endpoints
from serving.gateway.dialects.calls import Calls
from serving.gateway.dialects.dispatch import Dialects
from serving.gateway.dialects.errors import error_response
from serving.gateway.dialects.paths import model_asked
from serving.gateway.inference.channel import OpenChannel, open_channel
from serving.gateway.middleware.authentication import Authentication, is_guarded
from serving.gateway.middleware.forwarded import Forwarded, Mounted, naming_client
from serving.gateway.middleware.head_requests import HeadAsGet, allow
from serving.gateway.middleware.load_shedding import LoadShedding
from serving.gateway.middleware.ranges import WithoutRanges
from serving.gateway.middleware.request_log import RequestLog
from serving.gateway.middleware.request_timeout import TIMEOUT
from serving.gateway.middleware.security_headers import SecurityHeaders
from serving.gateway.page.routes import page_router
from serving.gateway.parts import Models, Parts
from serving.gateway.settings import Settings
from serving.gateway.telemetry import drift_metrics, metrics, prediction_log_metrics
from serving.gateway.telemetry.logs import is_text
from serving.gateway.telemetry.request_context import RequestContext, new_context
from serving.gateway.validation import from_validation
from serving.models import MODELS

_DESCRIPTION = """Ask trained models over HTTP: the sentiment of a text, the class of a picture, the
price of a house; and whatever else the model server has, by its tensors, as TensorFlow Serving's
REST API and the Open Inference Protocol do. Every error says what was received, what is accepted
and what to do next: as a problem document (RFC 9457), or under /v1 and /v2 as their clients read
it."""

Begin = Callable[[Scope], RequestContext]


def create_app(
    settings: Settings, *, models: Models = MODELS, open_channel: OpenChannel = open_channel
) -> ASGIApp:
    """Put the gateway together; nothing is opened before the application starts.

    Raises:
        WrongKeys: the file of API keys cannot be used.
        WrongSettings: nor can the model server's list of models, or the file of releases.
    """
    metrics.initialise()
    drift_metrics.initialise()
    prediction_log_metrics.initialise()
    parts = Parts(settings, models, open_channel)
    registry, catalog, monitor = parts.registry, parts.catalog, parts.monitor
    paths = endpoints(registry, catalog, settings)

    # Two kinds of application: predictions, which are plain ASGI, and FastAPI, for all else.
    api = _api(parts, settings)
    has_proxies = bool(settings.root_path or settings.trusted_proxies)
    app: ASGIApp = Mounted(api) if has_proxies else api
    app = Dialects(Calls(registry, catalog, monitor, settings), others=app)
    app = Predictions(paths, others=app)

    asked = partial(model_asked, known=registry.known)
    limits = {path: endpoint.inference.limit for path, endpoint in paths.items()}
    typed = {path: limit.model for path, limit in limits.items()}
    new = parts.tracing.new_context if parts.tracing else new_context
    begin: Begin = partial(new, model_asked=asked, typed=typed)
    # What lies around both, the outermost first.
    layers: list[Callable[[ASGIApp], ASGIApp]] = [
        *([partial(Forwarded, **_proxies(settings))] if has_proxies else []),
        *([partial(CORSMiddleware, **_cors(settings))] if settings.cors_origins else []),
        partial(
            LoadShedding,
            limits=limits,
            registry=registry,
            model_asked=asked,
            answer=error_response,
            max_requests=settings.max_requests,
        ),
        # Whatever is raised within becomes an answer here, and nowhere else.
        partial(
            RequestLog,
            lines=parts.lines,
            level=settings.log_level,
            begin=naming_client(begin) if settings.trusted_proxies else begin,
            answer=error_response,
            text=is_text(settings.log_format),
        ),
        *([partial(Authentication, ring=parts.keys, shared=parts.rates)] if parts.keys else []),
    ]
    for layer in reversed(layers):
        app = layer(app)
    return app


def _routers(parts: Parts, settings: Settings) -> Iterator[APIRouter]:
    """Build the routes of our own API, but for those of predictions."""
    registry, monitor, catalog = parts.registry, parts.monitor, parts.catalog
    running, copies = parts.router.running, parts.inferences.copies
    yield models_router(registry, monitor, catalog, running, copies, settings)
    yield drift_router(registry, parts.drift.versions)
    yield load_router(registry, parts.last_minute)
    yield feedback_router(parts.feedback, registry, settings)
    # Every key opens every path, and whose keys there are is nobody else's business.
    with_metrics = settings.metrics_port is None and settings.keys_file is None
    required = settings.required_models
    yield operations_router(registry, monitor, parts.board, required, with_metrics=with_metrics)
    yield page_router()


def _api(parts: Parts, settings: Settings) -> FastAPI:
    """Build what FastAPI serves, and the document of both applications."""
    # The documentation page brings its own scripts: a cluster's users may not reach a CDN.
    api = FastAPIOffline(
        redoc_url=None,
        title="tfgate",
        version=version("tfgate"),
        description=_DESCRIPTION,
        lifespan=lambda _: parts.opened(),
        # A path is right or wrong: a redirect would lead to whatever Host the request names.
        redirect_slashes=False,
    )
    for router in _routers(parts, settings):
        api.include_router(router)
    api.add_middleware(SecurityHeaders)
    api.add_middleware(HeadAsGet)
    api.add_middleware(WithoutRanges)
    for kind in (RequestValidationError, HTTPException, Exception):
        api.exception_handler(kind)(_raise_ours)
    guarded = is_guarded if parts.keys else None
    described = Documentation(api, parts.registry, parts.catalog, is_guarded=guarded)
    api.openapi = described.document  # type: ignore[method-assign]  # FastAPI's documented way
    return api


async def _raise_ours(request: Request, error: Exception) -> NoReturn:
    """Leave every error to the boundary around both applications, FastAPI's own as ours."""
    if isinstance(error, RequestValidationError):
        raise from_validation(list(error.errors()), {}) from error
    if not isinstance(error, HTTPException):
        raise error
    path = request.scope["path"]
    if error.status_code == 405:
        message = f"{request.method} is not allowed on {path}"
        allowed = allow((error.headers or {}).get("Allow", ""))
        raise MethodNotAllowed(message, allowed=allowed) from error
    raise NotFound(f"nothing lives at {path}") from error


def _proxies(settings: Settings) -> dict[str, Any]:
    return {"root_path": settings.root_path, "trusted": settings.trusted_proxies}


def _cors(settings: Settings) -> dict[str, Any]:
    """Let pages of other origins ask from browsers, and read what the headers tell."""
    return {
        "allow_origins": settings.cors_origins,
        "allow_methods": ["GET", "POST"],
        "allow_headers": [
            *("Authorization", "X-API-Key", "X-Release-Key", "X-Request-Id"),
            *(TIMEOUT, "grpc-timeout", "traceparent", "tracestate"),
        ],
        "expose_headers": [
            *("Retry-After", "X-Request-Id"),
            *("X-Model-Name", "X-Model-Route", "X-Model-Version"),
        ],
    }
