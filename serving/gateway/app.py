"""The gateway as one application: what it is made of, in which order it starts and stops."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Lifespan, Scope

from serving.contract import Model
from serving.errors import MethodNotAllowed, NotFound, TfgateError
from serving.gateway.api.documentation import Documentation
from serving.gateway.api.feedback import feedback_router
from serving.gateway.api.models import models_router
from serving.gateway.api.operations import operations_router
from serving.gateway.api.page import page_router
from serving.gateway.api.predictions import Predictions, endpoints
from serving.gateway.background import Work, running
from serving.gateway.dialects.calls import Calls
from serving.gateway.dialects.dispatch import Dialects
from serving.gateway.dialects.errors import error_response
from serving.gateway.dialects.paths import model_asked
from serving.gateway.feedback.feedback import open_feedback
from serving.gateway.feedback.truths import Truths
from serving.gateway.feedback.verdicts import Verdicts
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.channel import OpenChannel, Tls, open_channel
from serving.gateway.inference.client import ModelServerClient
from serving.gateway.inference.inference import Onlooker
from serving.gateway.inference.inferences import Inferences
from serving.gateway.inference.models_config import unkept
from serving.gateway.inference.monitor import ModelMonitor
from serving.gateway.inference.registry import Registry
from serving.gateway.inference.router import Router
from serving.gateway.middleware.authentication import Authentication, follow, is_guarded
from serving.gateway.middleware.forwarded import Forwarded, Mounted, naming_client
from serving.gateway.middleware.head_requests import HeadAsGet, allow
from serving.gateway.middleware.keys import KeyRing
from serving.gateway.middleware.load_shedding import LoadShedding
from serving.gateway.middleware.ranges import WithoutRanges
from serving.gateway.middleware.request_log import Lines, RequestLog
from serving.gateway.middleware.request_timeout import TIMEOUT
from serving.gateway.middleware.security_headers import SecurityHeaders
from serving.gateway.releases.board import Board
from serving.gateway.releases.release import Release
from serving.gateway.releases.release_file import ReleaseFile
from serving.gateway.releases.seen_answers import SeenAnswers
from serving.gateway.settings import Settings, WrongSettings
from serving.gateway.store import is_redis
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.logs import is_text
from serving.gateway.telemetry.request_context import RequestContext, new_context
from serving.gateway.validation import from_validation
from serving.models import MODELS

if TYPE_CHECKING:
    from serving.gateway.middleware.shared_rates import SharedRates
    from serving.gateway.telemetry.tracing import Tracing

_DESCRIPTION = """Ask trained models over HTTP: the sentiment of a text, the class of a picture, the
price of a house; and whatever else the model server has, by its tensors, as TensorFlow Serving's
REST API and the Open Inference Protocol do. Every error says what was received, what is accepted
and what to do next: as a problem document (RFC 9457), or under /v1 and /v2 as their clients read
it."""

Models = Mapping[str, Model[Any, Any]]
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
    client = ModelServerClient(settings.model_server, _tls(settings), open_channel)
    feedback = open_feedback(settings)
    catalog = Catalog(client, timeout_seconds=settings.status_timeout_seconds)
    router = Router(publish_without_traffic=settings.publish_without_traffic)
    seen = SeenAnswers(router.running) if settings.releases else None
    onlookers: list[Onlooker] = [
        *([feedback.recorder] if feedback else []),
        *([seen] if seen else []),
    ]
    inferences = Inferences(client, router, settings, onlookers)
    registry = Registry(
        models,
        {*settings.generic_models, *settings.required_models},
        catalog,
        inferences.make,
        config=settings.models_config,
    )
    monitor = ModelMonitor(
        registry, client, catalog, router, timeout_seconds=settings.status_timeout_seconds
    )
    known = settings.known_models(models)
    verdicts = feedback.verdicts if feedback else None
    board = _board(settings, registry, monitor, router, known, verdicts)
    keys = KeyRing(settings.keys_file, known) if settings.keys_file else None
    rates = _shared_rates(settings.store) if keys and is_redis(settings.store) else None
    lines = Lines()
    tracing = _tracing() if settings.tracing else None
    asked = partial(model_asked, known=registry.known)
    paths = endpoints(registry, catalog, settings)
    typed = {path: endpoint.inference.limit.model for path, endpoint in paths.items()}
    new = tracing.new_context if tracing else new_context
    begin: Begin = partial(new, model_asked=asked, typed=typed)
    if settings.trusted_proxies:
        begin = naming_client(begin)

    # Two kinds of application: predictions, which are plain ASGI, and FastAPI, for all else.
    works: list[Work] = [
        monitor.keep_looking,
        *(feedback.works if feedback else []),
        *([partial(follow, keys)] if keys else []),
        *([rates.keep_looking] if rates else []),
        *([registry.follow_config] if settings.models_config else []),
        *([board.follow] if board else []),
        *([seen.follow] if seen else []),
        *([Truths(feedback.store, router.running).follow] if feedback and board else []),
    ]
    opened: list[AbstractAsyncContextManager[object]] = [
        client,
        *([feedback] if feedback else []),
        inferences,
    ]
    closing = [metrics.flush, lines.flush, *([tracing.close] if tracing else [])]
    # Every key opens every path, and whose keys there are is nobody else's business.
    with_metrics = settings.metrics_port is None and settings.keys_file is None
    required = settings.required_models
    routers = [
        models_router(registry, monitor, catalog, board, inferences.copies, settings),
        feedback_router(feedback, registry, settings),
        operations_router(registry, monitor, board, required, with_metrics=with_metrics),
        page_router(),
    ]
    lifespan = _lifespan(opened, works, closing)
    api = _api(routers, registry, catalog, lifespan, is_guarded if keys else None)
    has_proxies = bool(settings.root_path or settings.trusted_proxies)
    app: ASGIApp = Mounted(api) if has_proxies else api
    app = Dialects(Calls(registry, catalog, monitor, settings), others=app)
    app = Predictions(paths, others=app)

    # What lies around both, the outermost first.
    layers: list[Callable[[ASGIApp], ASGIApp]] = [
        *([partial(Forwarded, **_proxies(settings))] if has_proxies else []),
        *([partial(CORSMiddleware, **_cors(settings))] if settings.cors_origins else []),
        partial(
            LoadShedding,
            limits={path: endpoint.inference.limit for path, endpoint in paths.items()},
            registry=registry,
            model_asked=asked,
            answer=error_response,
            max_requests=settings.max_requests,
        ),
        # Whatever is raised within becomes an answer here, and nowhere else.
        partial(
            RequestLog,
            lines=lines,
            level=settings.log_level,
            begin=begin,
            answer=error_response,
            text=is_text(settings.log_format),
        ),
        *([partial(Authentication, ring=keys, shared=rates)] if keys else []),
    ]
    for layer in reversed(layers):
        app = layer(app)
    return app


def _lifespan(
    opened: Sequence[AbstractAsyncContextManager[object]],
    works: list[Work],
    closing: list[Callable[[], None]],
) -> Lifespan[FastAPI]:
    """Say what is opened at the start, and closed in reverse at the end."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for close in closing:
                stack.callback(close)
            for each in opened:
                await stack.enter_async_context(each)
            for work in works:
                await stack.enter_async_context(running(work))
            yield

    return lifespan


def _board(
    settings: Settings,
    registry: Registry,
    monitor: ModelMonitor,
    router: Router,
    known: set[str] | None,
    verdicts: Verdicts | None,
) -> Board | None:
    """Follow the file of releases, if there is to be one.

    Raises:
        WrongSettings: it cannot be used; there is nothing that could go on to count.
    """
    if settings.releases is None:
        return None
    file = ReleaseFile(settings.releases, models=known)
    if file.problem is not None:
        message = f"TFGATE_RELEASES: {file.problem}"
        raise WrongSettings(message)

    async def hindrance(model: str, release: Release) -> str | None:
        """Say what keeps a release from beginning, besides versions that are not ready."""
        try:
            await registry.find(model)
        except TfgateError as error:
            return error.detail
        config = registry.configs.get(model)
        kept = None if config is None else unkept(config, release, monitor.versions(model))
        if kept or release.candidate is None:
            return kept
        return await monitor.unfit(model, release.candidate.version, release.stable)

    return Board(file, router, hindrance, verdicts)


def _api(
    routers: Sequence[APIRouter],
    registry: Registry,
    catalog: Catalog,
    lifespan: Lifespan[FastAPI],
    guarded: Callable[[str], bool] | None,
) -> FastAPI:
    """Build what FastAPI serves, and the document of both applications."""
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
    for router in routers:
        api.include_router(router)
    api.add_middleware(SecurityHeaders)
    api.add_middleware(HeadAsGet)
    api.add_middleware(WithoutRanges)
    for kind in (RequestValidationError, HTTPException, Exception):
        api.exception_handler(kind)(_raise_ours)
    api.openapi = Documentation(api, registry, catalog, is_guarded=guarded).document  # type: ignore[method-assign]  # FastAPI's documented way
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


def _shared_rates(store: str) -> "SharedRates":
    # Not at the top: its package is an extra, which only this setting needs.
    from serving.gateway.middleware.shared_rates import SharedRates  # noqa: PLC0415

    return SharedRates(store)


def _tracing() -> "Tracing":
    # Not at the top: its packages are an extra, which only this setting needs.
    from serving.gateway.telemetry.tracing import Tracing  # noqa: PLC0415

    return Tracing()


def _tls(settings: Settings) -> Tls | None:
    if settings.model_server_ca_file is None:
        return None
    return Tls(
        settings.model_server_ca_file,
        settings.model_server_certificate_file,
        settings.model_server_private_key_file,
    )


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
