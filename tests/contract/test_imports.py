"""The direction of imports, read from the source: what design calls the two wings and the roof."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A module may import ours only from the packages listed for the longest prefix of its name.
ALLOWED = {
    "proto": ["proto"],
    "serving.errors": [],
    "serving.card": [],
    "serving.contract": ["serving.card"],
    "serving.tensors": ["proto"],
    "serving.models": ["serving.models", "serving.contract", "serving.card", "serving.errors"],
    "serving.tf_serving": ["proto", "serving.tf_serving"],
    "serving.embedded": ["proto", "serving.embedded"],
    "serving.gateway": [
        *("proto", "serving.gateway", "serving.models", "serving.tensors"),
        *("serving.contract", "serving.card", "serving.errors"),
    ],
    "training": [
        *("training", "serving.models", "serving.tensors"),
        *("serving.contract", "serving.card", "serving.errors"),
    ],
    "tfgate": ["tfgate", "training", "serving"],
}
# Inside the gateway, a module may import only modules of the rows below its own.
GATEWAY_LAYERS = [
    ["serving.gateway.__main__"],
    ["serving.gateway.server.run"],
    ["serving.gateway.server.supervisor", "serving.gateway.server.worker"],
    ["serving.gateway.app", "serving.gateway.server.connections"],
    [
        *(
            "serving.gateway.middleware.authentication",
            "serving.gateway.middleware.load_shedding",
            "serving.gateway.short_way",
        ),
        "serving.gateway.inference.monitor",
    ],
    [
        "serving.gateway.middleware.request_log",
        "serving.gateway.routes",
        "serving.gateway.telemetry.tracing",
    ],
    ["serving.gateway.api.payloads"],
    ["serving.gateway.inference.inference", "serving.gateway.api.openapi"],
    [
        "serving.gateway.inference.catalog",
        "serving.gateway.inference.batcher",
        "serving.gateway.middleware.deadline",
    ],
    ["serving.gateway.api.bodies", "serving.gateway.inference.client"],
    [
        "serving.gateway.inference.concurrency_limit",
        "serving.gateway.problems",
        "serving.gateway.telemetry.request_context",
    ],
    ["serving.gateway.telemetry.exposition"],
    [
        *("serving.gateway.background", "serving.gateway.inference.channel"),
        *("serving.gateway.middleware.keys", "serving.gateway.middleware.security_headers"),
        *(
            "serving.gateway.telemetry.access_log",
            "serving.gateway.middleware.draining",
            "serving.gateway.server.listener",
        ),
        *(
            "serving.gateway.telemetry.logs",
            "serving.gateway.middleware.head_requests",
            "serving.gateway.telemetry.metrics",
        ),
        *(
            "serving.gateway.middleware.request_timeout",
            "serving.gateway.settings",
            "serving.gateway.server.wire",
        ),
    ],
]
# Of these, nothing may be needed outside the folders named.
HEAVY = {
    "tensorflow": ["serving.embedded", "training"],
    "tensorflow_serving": ["serving.embedded", "training"],
    "keras": ["training"],
    "sklearn": ["training"],
    "matplotlib": ["training"],
    "optuna": ["training"],
    "grpc": [
        "serving.embedded",
        "serving.gateway.inference.channel",
        "serving.gateway.inference.client",
    ],
    "fastapi": ["serving.gateway"],
    "starlette": ["serving.gateway"],
    "opentelemetry": ["serving.gateway.telemetry.tracing"],
}
OURS = ("proto", "serving", "tfgate", "training", "tests")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("proto", "serving", "tfgate", "training")
    for path in sorted((ROOT / package).rglob("*.py"))
    if not path.name.endswith("_pb2.py")
}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    allowed = ALLOWED.get(longest_prefix(module, list(ALLOWED)), [])
    ours = [name for name in imports_of(module) if name.split(".")[0] in OURS]

    assert [name for name in ours if not is_below(name, allowed)] == []


@pytest.mark.parametrize("module", MODULES)
def test_heavy_packages_stay_where_they_are_needed(module: str) -> None:
    for package, folders in HEAVY.items():
        if not is_below(module, folders):
            assert [name for name in imports_of(module) if is_below(name, [package])] == []


@pytest.mark.parametrize("module", [name for name in MODULES if "serving.gateway." in name])
def test_the_gateways_imports_only_go_down(module: str) -> None:
    row = layer(module)
    same = longest_prefix(module, [name for names in GATEWAY_LAYERS for name in names])
    for name in imports_of(module):
        if name.startswith("serving.gateway.") and not is_below(name, [same]):
            assert layer(name) > row, f"{module} imports {name}"


def test_the_running_gateway_has_no_tensorflow() -> None:
    code = (
        "import sys; from serving.gateway.app import create_app;"
        "from serving.gateway.settings import Settings; create_app(Settings());"
        "print([m for m in ('tensorflow', 'keras', 'training') if m in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert finished.stdout.decode().strip() == "[]"


def imports_of(module: str) -> Iterator[str]:
    """Yield what a module imports: `from a import b` as `a.b` if that is a module, else as `a`."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            assert node.level == 0, "relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def is_below(name: str, packages: list[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def longest_prefix(module: str, prefixes: list[str]) -> str:
    return max((prefix for prefix in prefixes if is_below(module, [prefix])), key=len, default="")


def layer(module: str) -> int:
    rows = [i for i, names in enumerate(GATEWAY_LAYERS) if is_below(module, names)]
    assert rows, f"{module} has no layer; give it one in GATEWAY_LAYERS"
    return rows[0]
