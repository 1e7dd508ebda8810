"""Which path asks what."""

from typing import Any

import pytest

from serving.errors import InvalidInput, MalformedRequest
from serving.gateway.dialects.tf_serving_rest.paths import Target, target_of
from serving.gateway.inference.model_ref import ModelRef


def scope(method: str, path: str, query: str = "", root_path: str = "") -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": root_path,
    }


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/v1/models/m:predict", Target("predict", ModelRef("m"))),
        ("POST", "/v1/models/m:classify", Target("classify", ModelRef("m"))),
        ("POST", "/v1/models/m:regress", Target("regress", ModelRef("m"))),
        ("POST", "/V1/Models/m/Versions/007:predict", Target("predict", ModelRef("m", 7))),
        (
            "POST",
            "/v1/models/m/labels/a%20b:predict",
            Target("predict", ModelRef("m", None, "a b")),
        ),
        ("POST", "/v1/models/a%2Fb%3Ac:predict", Target("predict", ModelRef("a/b:c"))),
        ("POST", "/v1/models/a%zz:predict", Target("predict", ModelRef("a%zz"))),
        ("GET", "/v1/models/m", Target("status", ModelRef("m"))),
        ("GET", "/v1/models/m/versions/1", Target("status", ModelRef("m", 1))),
        ("GET", "/v1/models/m/labels/l", Target("status", ModelRef("m", None, "l"))),
        ("GET", "/v1/models/m/metadata", Target("metadata", ModelRef("m"))),
        ("GET", "/v1/models/m/labels/l/metadata", Target("metadata", ModelRef("m", None, "l"))),
        ("GET", "/v1/models/m/METADATA", Target("status", ModelRef("m"))),
        (
            "GET",
            f"/v1/models/m/versions/{'0' * 9}{2**63 - 1}",
            Target("status", ModelRef("m", 2**63 - 1)),
        ),
    ],
)
def test_paths(method: str, path: str, target: Target) -> None:
    assert target_of(scope(method, path)) == target
    assert target_of(scope(method, f"/below{path}", root_path="/below")) == target


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/m:predict"),
        ("POST", "/v1/models/m"),
        ("PUT", "/v1/models/m:predict"),
        ("HEAD", "/v1/models/m"),
        ("POST", "/v1/models/m:PREDICT"),
        ("POST", "/v1/models/m:generate"),
        ("POST", "/v1/models/:predict"),
        ("POST", "/v1/models/m/versions/-1:predict"),
        ("POST", "/v1/models/m/versions/1/labels/l:predict"),
        ("POST", "/v1/models/m/labels/:predict"),
        ("GET", "/v1/models/"),
        ("GET", "/v1/models/m/"),
        ("GET", "/v1/models/m/metadata/"),
        ("GET", "/v1/"),
        ("GET", "/v1/models/m/versions/٣"),
    ],
)
def test_no_paths(method: str, path: str) -> None:
    with pytest.raises(MalformedRequest, match="Malformed request: "):
        target_of(scope(method, path))


def test_a_query_belongs_to_the_path() -> None:
    assert target_of(scope("GET", "/v1/models/m", "a=b")).ref == ModelRef("m?a=b")
    with pytest.raises(MalformedRequest) as raised:
        target_of(scope("POST", "/v1/models/m:predict", "a=b"))
    assert raised.value.detail == "Malformed request: POST /v1/models/m:predict?a=b"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/versions/1"])
def test_a_name_is_missing(path: str) -> None:
    with pytest.raises(InvalidInput, match=r"^Missing model name in request\.$"):
        target_of(scope("GET", path))


@pytest.mark.parametrize("digits", [str(2**63), "9" * 10_000])
def test_a_version_is_too_large(digits: str) -> None:
    with pytest.raises(InvalidInput, match=f"^Failed to convert version: {digits} to numeric"):
        target_of(scope("GET", f"/v1/models/m/versions/{digits}"))
