"""The OpenAPI document of all applications, made anew whenever other models are known."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from fastapi import FastAPI

from serving.gateway.api import openapi
from serving.gateway.dialects.open_inference_http import documentation as open_inference
from serving.gateway.dialects.tf_serving_rest import documentation as tf_serving_rest
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.registry import Registry


class Documentation:
    """Keeps the document: it is there without a key, and building it takes its time."""

    def __init__(
        self,
        app: FastAPI,
        registry: Registry,
        catalog: Catalog,
        *,
        is_guarded: Callable[[str], bool] | None,
    ) -> None:
        self._app = app
        self._registry = registry
        self._catalog = catalog
        self._is_guarded = is_guarded
        self._names: list[str] = []
        self._versions: list[LiveVersion] = []
        self._document: dict[str, Any] = {}

    def document(self) -> dict[str, Any]:
        """Return the document of what is known now."""
        names, versions = sorted(self._registry), self._generic_versions()
        if not self._document or (names, versions) != (self._names, self._versions):
            self._names, self._versions = names, versions
            self._document = self._build()
        return self._document

    def _generic_versions(self) -> list[LiveVersion]:
        """Return, of each generic model, the version that answers by default.

        One that no version answers for yet is left out.
        """
        found = (
            self._catalog.known(model.inference.stable())
            for name, model in self._registry.items()
            if model.typed is None
        )
        return [version for version in found if version is not None]

    @cached_property
    def _own(self) -> dict[str, Any]:
        """Everything but the dialects; most of the time goes into this, and it never changes."""
        models = self._registry.typed
        return openapi.build(self._app, models, is_guarded=self._is_guarded)

    def _build(self) -> dict[str, Any]:
        signatures = {each.model: each.signatures for each in self._versions}
        dialects = {**tf_serving_rest.paths(signatures), **open_inference.paths(signatures)}
        openapi.complete(dialects, openapi.DIALECT_ERRORS, is_guarded=self._is_guarded)
        paths = {**self._own["paths"], **dialects}
        for operations in paths.values():
            for operation in operations.values():
                for parameter in operation.get("parameters", []):
                    if parameter["name"] == "model":
                        self._name_models(parameter["schema"])
        return {**self._own, "paths": paths}

    def _name_models(self, schema: dict[str, Any]) -> None:
        """Others than those known may be asked, where any may."""
        if self._names:
            schema["examples" if self._registry.takes_any else "enum"] = self._names
