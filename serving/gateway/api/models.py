"""GET /models and /models/{model}: what is served, in which versions, and how to ask for it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, TypeAdapter
from starlette.requests import Request

from serving.card import ModelCard
from serving.contract import Model, Signature
from serving.errors import ModelUnavailable, UnknownVersion
from serving.gateway.api import releases
from serving.gateway.api.openapi import problem_responses
from serving.gateway.api.releases import Disagreements, ReleaseDescription, ReleaseSummary
from serving.gateway.api.schemas import answer_type
from serving.gateway.api.signatures import SignatureDescription, describe_signatures
from serving.gateway.dialects.examples import Address, curl
from serving.gateway.inference.catalog import Catalog, VersionState
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE
from serving.gateway.inference.models_config import labels
from serving.gateway.inference.monitor import ModelMonitor, ModelState
from serving.gateway.inference.registry import Registry, ServedModel
from serving.gateway.releases.running import Running
from serving.gateway.releases.shadow import Copies
from serving.gateway.settings import Settings


class Version(BaseModel):
    """A version and its state in the model server."""

    version: int
    state: str = Field(description="START, LOADING, AVAILABLE, UNLOADING or END", examples=["END"])
    error: str | None = Field(description="why it ended, if it did not end well")
    unready: str | None = Field(
        description="why it gets no traffic by default although it is AVAILABLE: what it did with "
        "the question that each version is asked first"
    )
    explains: bool | None = Field(
        description="whether it says why its answers are what they are, by a signature explain; "
        "null until its signatures are known"
    )


class DescribedVersion(Version):
    """A version with what it says of itself."""

    card: ModelCard | None = Field(description="null unless AVAILABLE, and exported with a card")


class ModelSummary(BaseModel):
    """A model and its versions, newest first."""

    name: str
    typed: bool = Field(description="whether it has fields of its own, under /predict/{model}")
    versions: list[Version]
    release: ReleaseSummary | None = Field(
        description="as it runs in the process that answers; null if the model has none"
    )


class ModelList(BaseModel):
    """Every model that is known: a generic one is, once somebody has named it."""

    models: list[ModelSummary]


class TypedDescription(BaseModel):
    """What /predict/{model} takes and gives; all of it null for a generic model."""

    request_schema: dict[str, Any] | None = None
    response_schema: dict[str, Any] | None = None
    example: dict[str, Any] | None = Field(default=None, description="a valid request")
    curl: str | None = Field(default=None, description="a line for a shell that sends it")


class ModelDescription(TypedDescription):
    """Everything a caller needs to know of one model."""

    name: str
    typed: bool
    versions: list[DescribedVersion]
    version: int | None = Field(
        description="the one that answers by default, and has these signatures; null if none can"
    )
    labels: dict[str, int] | None = Field(
        description="which version each label stands for; null where the gateway has no "
        "models.config of the model server (TFGATE_MODELS_CONFIG), which says so",
        examples=[{"stable": 3, "canary": 4}],
    )
    release: ReleaseDescription | None = Field(
        description="as it runs in the process that answers; null if the model has none"
    )
    signatures: dict[str, SignatureDescription]


def models_router(
    registry: Registry,
    monitor: ModelMonitor,
    catalog: Catalog,
    running: Mapping[str, Running],
    copies: Mapping[str, Copies],
    settings: Settings,
) -> APIRouter:
    """Build the routes; by model, `running` are releases, and `copies` have been compared."""
    router = APIRouter(prefix="/models", tags=["models"])

    @router.get("", summary="All models", responses=problem_responses(503, 504))
    async def list_models() -> ModelList:
        return ModelList(
            models=[
                ModelSummary(
                    name=name,
                    typed=name in registry.typed,
                    versions=[version_of(name, *each) for each in _versions(found)],
                    release=releases.summary(running.get(name)),
                )
                for name, found in (await monitor.look()).items()
            ]
        )

    @router.get(
        "/{model}",
        summary="One model",
        responses=problem_responses(404, 502, 503, 504),
    )
    async def describe_model(request: Request, model: Annotated[str, Path()]) -> ModelDescription:
        served = await registry.find(model)
        versions = _versions(await monitor.look_at(model))
        address = _address(request, settings)
        is_there = any(state.available for state, _ in versions)
        version, signatures = await signatures_of(served, is_there=is_there)
        return ModelDescription(
            name=model,
            typed=served.typed is not None,
            versions=[await described(model, *each) for each in versions],
            version=version,
            labels=_labels(registry, model),
            release=releases.description(running.get(model)),
            signatures=describe_signatures(
                model, signatures, catalog.apart.get((model, version or 0)), address
            ),
            **_typed_description(served, address),
        )

    @router.get(
        "/{model}/disagreements",
        summary="What two versions have answered otherwise",
        responses=problem_responses(403, 404, 503, 504),
    )
    async def list_disagreements(request: Request, model: Annotated[str, Path()]) -> Disagreements:
        context = request.scope["state"]["context"]
        # They tell what others have asked.
        if context.permit is not None:
            context.permit(model)
        await registry.find(model)
        latest = copies[model].disagreements.latest() if model in copies else []
        return Disagreements(model=model, disagreements=latest)

    async def signatures_of(
        served: ServedModel, *, is_there: bool
    ) -> tuple[int | None, Mapping[str, Signature]]:
        """Return the version that answers by default, with what it takes; None if none does."""
        if is_there:
            # By a release, it may be one of those that are not there.
            with suppress(ModelUnavailable, UnknownVersion):
                live = await catalog.live(served.inference.stable())
                return live.version, live.signatures
        return None, _declared_signatures(served.typed)

    async def described(model: str, state: VersionState, unready: str | None) -> DescribedVersion:
        card = await catalog.card(model, state.version) if state.available else None
        return DescribedVersion(**dict(version_of(model, state, unready)), card=card)

    def version_of(model: str, state: VersionState, unready: str | None) -> Version:
        return Version(
            version=state.version,
            state=state.state,
            error=state.error,
            unready=unready,
            explains=catalog.explains(model, state.version),
        )

    return router


def _versions(found: ModelState) -> list[tuple[VersionState, str | None]]:
    if found.error is not None:
        raise found.error
    return [(each, found.unready.get(each.version)) for each in found.versions]


def _labels(registry: Registry, model: str) -> dict[str, int] | None:
    config = registry.configs.get(model)
    return None if config is None else labels(config)


def _declared_signatures(model: Model[Any, Any] | None) -> dict[str, Signature]:
    return {} if model is None else {PREDICT_SIGNATURE: model.signature}


def _typed_description(served: ServedModel, address: Address) -> dict[str, Any]:
    model = served.typed
    if model is None:
        return {}
    example = model.example.model_dump(mode="json")
    return {
        "request_schema": model.request.model_json_schema(),
        "response_schema": TypeAdapter(answer_type(model)).json_schema(mode="serialization"),
        "example": example,
        "curl": curl(address, f"/predict/{served.name}", example),
    }


def _address(request: Request, settings: Settings) -> Address:
    """Say where the gateway is for whoever asks: where they have asked."""
    host = request.base_url.hostname or settings.host
    named = f"[{host}]" if ":" in host else host
    return Address(
        url=str(request.base_url).rstrip("/"),
        grpc=f"{named}:{settings.grpc_port}" if settings.grpc_port else None,
        tls=settings.grpc_certificate_file is not None,
        with_key=settings.keys_file is not None,
    )
