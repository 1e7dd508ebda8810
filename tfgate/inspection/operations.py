"""What a version's operations ask of whoever serves it: a device, a library, or Python itself.

It is told by names alone, from the list of TensorFlow's own operations beside this file, which
`training.publish.operations` writes. An operation that is in it may still lack a kernel for the
types that it is given: only a server that loads the version can tell.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_LIST = Path(__file__).with_name("operations.txt")
PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
# A step of loading a graph replaces it by others.
_REPLACED = {"AccumulateNV2"}
# Who brings operations of such names, and whether TensorFlow Serving's own builds have them.
_LIBRARIES = {
    "SimpleML": "TensorFlow Decision Forests; TensorFlow Serving's builds have it",
    "Addons>": "TensorFlow Addons, which has ended; TensorFlow Serving's builds lack it",
    "IO>": "TensorFlow I/O; TensorFlow Serving's builds lack it",
    "TFRA>": "TensorFlow Recommenders Addons; TensorFlow Serving's builds lack it",
    "TRT": "TensorRT; builds for GPUs alone have it",
    "Sentencepiece": "TensorFlow Text; TensorFlow Serving's builds have it",
    "TFText>": "TensorFlow Text; TensorFlow Serving's builds have it",
    "Wordpiece": "TensorFlow Text; TensorFlow Serving's builds have it",
    "WhitespaceTokenize": "TensorFlow Text; TensorFlow Serving's builds have it",
    "UnicodeScriptTokenize": "TensorFlow Text; TensorFlow Serving's builds have it",
    "RegexSplitWithOffsets": "TensorFlow Text; TensorFlow Serving's builds have it",
    "FastWordpiece": "TensorFlow Text; TensorFlow Serving's builds have it",
    "FastBertNormalize": "TensorFlow Text; TensorFlow Serving's builds have it",
    "CaseFoldUTF8": "TensorFlow Text; TensorFlow Serving's builds have it",
    "NormalizeUTF8": "TensorFlow Text; TensorFlow Serving's builds have it",
    "SplitMergeTokenize": "TensorFlow Text; TensorFlow Serving's builds have it",
}


@dataclass(frozen=True)
class Needs:
    """Names of operations, by what stands in their way.

    `unknown` are none of TensorFlow's; `python` call back into the process that wrote them;
    `neither` need a device that is neither; `gpu` and `cpu` run there alone.
    """

    unknown: tuple[str, ...]
    python: tuple[str, ...]
    neither: tuple[str, ...]
    gpu: tuple[str, ...]
    cpu: tuple[str, ...]


def needs(operations: Iterable[str]) -> Needs:
    """Sort operations by what they need."""
    known, names = _known(), sorted(set(operations) - _REPLACED)

    def only(*devices: str) -> tuple[str, ...]:
        return tuple(
            name for name in names if known.get(name) == set(devices) and name not in PYTHON
        )

    return Needs(
        unknown=tuple(name for name in names if name not in known),
        python=tuple(name for name in names if name in PYTHON),
        neither=only(),
        gpu=only("GPU"),
        cpu=only("CPU"),
    )


def listed_version() -> str:
    """Say of which TensorFlow the list is."""
    head = _LIST.read_text(encoding="utf-8").partition(",")[0]
    return head.rpartition(" ")[2]


def libraries(unknown: Iterable[str]) -> list[str]:
    """Say who brings these operations, as far as their names tell."""
    found = {
        library
        for name in unknown
        for prefix, library in _LIBRARIES.items()
        if name.startswith(prefix)
    }
    return sorted(found)


@cache
def _known() -> dict[str, set[str]]:
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    words = (line.split() for line in lines if not line.startswith("#"))
    return {name: set(devices) for name, *devices in words}
