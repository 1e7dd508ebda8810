"""The gateway as one application: what it is made of, in which order it starts and stops."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serving.errors import MethodNotAllowed, NotFound, TfgateError
from serving.gateway import metrics, openapi
from serving.gateway.catalog import Catalog
from serving.gateway.client import ModelServerClient
from serving.gateway.pipeline import Pipeline
from serving.gateway.problems import from_validation, problem_response
from serving.gateway.record import record_of
from serving.gateway.recorder import Recorder
from serving.gateway.routes.models import models_router
from serving.gateway.routes.operations import operations_router
from serving.gateway.routes.page import page_router
from serving.gateway.routes.predict import predict_router, unknown_model_router
from serving.gateway.settings import Settings
from serving.models import MODELS

_DESCRIPTION = """Ask trained models over HTTP: the sentiment of a text, the class of a picture, the
price of a house. Every error is a problem document (RFC 9457) that says what was received, what is
accepted and what to do next."""


def create_app(settings: Settings) -> FastAPI:
    """Put the gateway together; nothing is opened before the application starts."""
    client = ModelServerClient(settings.model_server)
    catalog = Catalog(client, timeout_seconds=settings.status_timeout_seconds)
    pipeline = Pipeline(client, catalog, timeout_seconds=settings.predict_timeout_seconds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(client)
            yield

    # The documentation page brings its own scripts: a cluster's users may not reach a CDN.
    app = FastAPIOffline(
        redoc_url=None,
        title="tfgate",
        version=version("tfgate"),
        description=_DESCRIPTION,
        lifespan=lifespan,
    )
    metrics.initialise()
    for name, model in MODELS.items():
        app.include_router(predict_router(name, model, pipeline, settings.max_body_bytes))
    app.include_router(unknown_model_router())
    app.include_router(models_router(catalog))
    app.include_router(operations_router(catalog))
    app.include_router(page_router())
    app.exception_handler(TfgateError)(_report)
    app.exception_handler(RequestValidationError)(_report_validation)
    app.exception_handler(HTTPException)(_report_http)
    app.add_middleware(Recorder)
    app.openapi = lambda: openapi.build(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


async def _report(request: Request, error: TfgateError) -> Response:
    record = record_of(request)
    record.outcome = error.code
    response = problem_response(error, path=request.url.path, request_id=record.request_id)
    # What the caller did wrong is the caller's affair, and its cause may repeat the payload.
    if response.status_code >= 500:
        record.error = f"{error.detail}: {error.__cause__}" if error.__cause__ else error.detail
    return response


async def _report_validation(request: Request, error: RequestValidationError) -> Response:
    """Report a wrong query or path parameter; bodies are validated by the routes themselves."""
    return await _report(request, from_validation(list(error.errors())))


async def _report_http(request: Request, error: HTTPException) -> Response:
    """Report what Starlette's router refuses."""
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        message = f"{request.method} is not allowed on {request.url.path}; allowed: {allowed}"
        return await _report(request, MethodNotAllowed(message))
    return await _report(request, NotFound(f"nothing lives at {request.url.path}"))
