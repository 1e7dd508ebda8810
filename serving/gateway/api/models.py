"""GET /models and /models/{model}: what is served, in which versions, and how to ask for it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, TypeAdapter

from serving.card import ModelCard
from serving.gateway.api.openapi import problem_responses
from serving.gateway.inference.catalog import Catalog, VersionState
from serving.gateway.inference.monitor import ModelMonitor
from serving.gateway.inference.registry import Registry


class Version(BaseModel):
    """A version and its state in the model server."""

    version: int
    state: str = Field(description="START, LOADING, AVAILABLE, UNLOADING or END", examples=["END"])
    error: str | None = Field(description="why it ended, if it did not end well")
    unready: str | None = Field(
        description="why it gets no traffic by default although it is AVAILABLE: what it did with "
        "the question that each version is asked first"
    )


class DescribedVersion(Version):
    """A version with what it says of itself."""

    card: ModelCard | None = Field(description="null unless AVAILABLE, and exported with a card")


class ModelSummary(BaseModel):
    """A model and its versions, newest first."""

    name: str
    versions: list[Version]


class ModelList(BaseModel):
    """Every model."""

    models: list[ModelSummary]


class ModelDescription(BaseModel):
    """Everything a caller needs to know of one model."""

    name: str
    versions: list[DescribedVersion]
    signature: dict[str, dict[str, str]] = Field(description="the tensors of serving_default")
    request_schema: dict[str, Any]
    response_schema: dict[str, Any]
    example: dict[str, Any] = Field(description="a valid request")


def models_router(registry: Registry, monitor: ModelMonitor, catalog: Catalog) -> APIRouter:
    """Build the routes."""
    router = APIRouter(prefix="/models", tags=["models"])

    @router.get("", summary="All models", responses=problem_responses(503, 504))
    async def list_models() -> ModelList:
        return ModelList(
            models=[
                ModelSummary(name=name, versions=[_version(*each) for each in await versions(name)])
                for name in registry.declared
            ]
        )

    @router.get(
        "/{model}",
        summary="One model",
        responses=problem_responses(404, 502, 503, 504),
    )
    async def describe_model(
        model: Annotated[str, Path(json_schema_extra={"enum": sorted(registry.declared)})],
    ) -> ModelDescription:
        if model not in registry.declared:
            raise registry.unknown(model)
        declaration = registry.declared[model]
        signature = declaration.signature
        return ModelDescription(
            name=model,
            versions=[await described(model, *each) for each in await versions(model)],
            signature={
                "inputs": {name: str(spec) for name, spec in signature.inputs.items()},
                "outputs": {name: str(spec) for name, spec in signature.outputs.items()},
            },
            request_schema=declaration.request.model_json_schema(),
            response_schema=TypeAdapter(declaration.response).json_schema(mode="serialization"),
            example=declaration.example.model_dump(mode="json"),
        )

    async def versions(model: str) -> list[tuple[VersionState, str | None]]:
        found = await monitor.look_at(model)
        if found.error is not None:
            raise found.error
        return [(each, found.unready.get(each.version)) for each in found.versions]

    async def described(model: str, state: VersionState, unready: str | None) -> DescribedVersion:
        card = await catalog.card(model, state.version) if state.available else None
        return DescribedVersion(**dict(_version(state, unready)), card=card)

    return router


def _version(state: VersionState, unready: str | None) -> Version:
    return Version(version=state.version, state=state.state, error=state.error, unready=unready)
