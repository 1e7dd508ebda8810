"""The direction of imports, read from the source: which rooms know of which."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = ("bench", "examples", "monitoring", "proto", "serving", "soak", "tfgate", "training")

# A module may import ours only from the packages listed for the longest prefix of its name.
ALLOWED = {
    "proto": ["proto"],
    "monitoring": ["monitoring"],
    "serving.errors": [],
    "serving.card": [],
    "serving.loopback": [],
    "serving.contract": ["serving.card"],
    "serving.tensors": ["proto", "serving.contract"],
    "serving.familiarity": ["serving.contract"],
    "serving.class_sets": ["serving.contract"],
    "serving.labels": ["serving.contract"],
    "serving.words_left_out": ["serving.contract", "serving.texts"],
    "serving.histograms": ["serving.card"],
    "serving.pictures": ["serving.pictures", "serving.errors"],
    "serving.pictures.maps": ["serving.pictures", "serving.contract"],
    "serving.texts": ["serving.texts"],
    "serving.models": [
        *("serving.models", "serving.pictures", "serving.texts"),
        *("serving.contract", "serving.card", "serving.errors", "serving.rows"),
        *("serving.familiarity", "serving.class_sets"),
    ],
    "serving.rows": [],
    "serving.quantities": ["serving.contract", "serving.histograms"],
    "serving.fields": ["serving.errors"],
    "serving.typed_models": ["serving.contract", "serving.models"],
    # What a release needs is kept loaded: the file of releases has one reader.
    "serving.tf_serving": ["proto", "serving.tf_serving", "serving.gateway.releases.release_file"],
    "serving.embedded": ["proto", "serving.embedded", "serving.tf_serving"],
    "serving.gateway": [
        *("proto", "serving.gateway", "serving.models", "serving.tensors"),
        "serving.typed_models",
        *("serving.contract", "serving.card", "serving.errors", "serving.loopback"),
        *("serving.rows", "serving.histograms", "serving.quantities"),
    ],
    "training": [
        *("training", "serving.models", "serving.pictures", "serving.tensors"),
        "serving.typed_models",
        *("serving.contract", "serving.card", "serving.errors"),
        *("serving.familiarity", "serving.class_sets", "serving.histograms", "serving.labels"),
        "serving.quantities",
    ],
    "tfgate": ["proto", "tfgate", "training", "serving"],
    # The only part that reads files which TensorFlow wrote.
    "tfgate.inspection": ["proto", "tfgate", "serving"],
    # As a user's own: of another example, they know nothing.
    "examples": ["serving", "training"],
    "bench": ["bench", "proto", "serving", "tfgate", "training"],
    "soak": ["bench", "proto", "serving", "soak", "tfgate", "training"],
}
# The gateway's rooms, the highest first: a module may import from its own room and from lower ones.
GATEWAY = [
    ["serving.gateway.__main__", "serving.gateway.server"],
    ["serving.gateway.app", "serving.gateway.parts"],
    ["serving.gateway.api", "serving.gateway.page"],
    ["serving.gateway.dialects"],
    ["serving.gateway.middleware"],
    ["serving.gateway.feedback", "serving.gateway.drift", "serving.gateway.prediction_log"],
    ["serving.gateway.inference", "serving.gateway.releases"],
    ["serving.gateway.telemetry"],
    # What anybody may need, and what needs nobody.
    [
        *("serving.gateway.background", "serving.gateway.bodies", "serving.gateway.problems"),
        *("serving.gateway.settings", "serving.gateway.validation"),
        "serving.gateway.certificates",
        *("serving.gateway.service_links", "serving.gateway.setting_words"),
        *("serving.gateway.store", "serving.gateway.target"),
    ],
]
# Of these, nothing may be needed outside the folders named.
HEAVY = {
    "tensorflow": ["bench", "examples", "serving.embedded", "soak", "training"],
    "tensorflow_serving": ["bench", "serving.embedded", "soak", "training"],
    "keras": ["bench", "examples", "training"],
    "sklearn": ["examples", "training"],
    "matplotlib": ["bench", "training"],
    "optuna": ["training"],
    "turbohtml": ["serving.texts"],
    "msgspec": ["serving.gateway.api.plain_fields", "serving.rows"],
    "grpc": [
        *("bench", "serving.embedded", "soak"),
        *("serving.gateway.inference.channel", "serving.gateway.inference.client"),
        *("serving.gateway.server.grpc_as_http", "serving.gateway.server.grpc_server"),
    ],
    "fastapi": ["bench", "serving.gateway.app", "serving.gateway.api", "serving.gateway.page"],
    "starlette": ["serving.gateway"],
    "opentelemetry": ["serving.gateway.telemetry.tracing"],
    "redis": [
        "serving.gateway.feedback.redis_store",
        "serving.gateway.middleware.pipelined_redis",
        "serving.gateway.middleware.shared_rates",
    ],
}


def imports_of(path: Path, module: str) -> Iterator[str]:
    """Name what a module imports, also for its types alone or within a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 1 and module.startswith("examples."):
                continue  # a file beside it: whoever loads an example names it otherwise
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in FILES else node.module or ""


FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for program in PROGRAMS
    for path in sorted((ROOT / program).rglob("*.py"))
    if not path.name.endswith("_pb2.py") and "peers" not in path.parts
}
IMPORTS = {module: sorted(set(imports_of(path, module))) for module, path in FILES.items()}


def is_below(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def longest_prefix(module: str, names: Iterable[str]) -> str:
    return max((name for name in names if is_below(module, [name])), key=len, default="")


def room(module: str) -> int:
    """Return the row of a module of the gateway: its room."""
    [row] = [number for number, names in enumerate(GATEWAY) if is_below(module, names)]
    return row


def test_packages_import_only_what_they_may_know() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        for name in names
        if name.split(".")[0] in (*PROGRAMS, "tests")
        and not is_below(name, ALLOWED[longest_prefix(module, ALLOWED)])
    ]

    assert wrong == []


def test_heavy_packages_stay_where_they_are_needed() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        for name in names
        for package, folders in HEAVY.items()
        if is_below(name, [package]) and not is_below(module, folders)
    ]

    assert wrong == []


def test_the_gateways_imports_only_go_down() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        if module.startswith("serving.gateway.")
        for name in names
        if name.startswith("serving.gateway.") and room(name) < room(module)
    ]

    assert wrong == []


def test_no_module_is_needed_by_what_it_needs() -> None:
    graph = {module: set(names) & FILES.keys() for module, names in IMPORTS.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_the_running_gateway_has_no_tensorflow_nor_what_only_a_setting_needs() -> None:
    unneeded = ("tensorflow", "keras", "training", "limits", "opentelemetry.sdk", "redis")
    code = (
        "import sys; from serving.gateway.app import create_app;"
        "import serving.gateway.server.worker;"
        "from serving.gateway.settings import Settings; create_app(Settings());"
        f"print([m for m in {unneeded} if m in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert finished.stdout.decode().strip() == "[]"
