"""A version as people read it, in 80 columns, and as programs do, in JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from serving.contract import Signature, TensorSpec
from tfgate.inspection.saved_model import Version
from tfgate.inspection.verdict import Finding, can_be_served, how_asked

_NUM_OPERATIONS = 8  # named with their numbers
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_STYLES = {"stops": "red", "limits": "yellow", "note": ""}


def show_version(console: Console, version: Version, findings: Sequence[Finding]) -> None:
    """Print what a version is, what can be asked of it, and what stands in the way."""
    console.print(Text(f"\n{version.place}", style="bold"))
    console.print(_facts(version))
    for name, signature in version.signatures.items():
        if name == "describe" and version.describes_itself:
            continue
        console.print(Text(f"\nsignature {name}", style="bold"))
        console.print(_signature(signature, version.details[name].defaults))
    verdict = "yes" if can_be_served(findings) else "no"
    console.print(Text(f"\ncan tfgate serve it? {verdict}", style="bold"))
    console.print(_findings(findings))


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0), pad_edge=False)


def _facts(version: Version) -> Table:
    facts = _grid()
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    by = f"TensorFlow {version.tensorflow}" if version.tensorflow else "nobody knows"
    tags = "; ".join(", ".join(each) or "none" for each in version.tags)
    facts.add_row("folder", Text(str(version.place.folder)))
    facts.add_row("written by", Text(by))
    facts.add_row("tags", Text(tags))
    facts.add_row("size", size(version.num_bytes))
    facts.add_row("weights", _weights(version))
    facts.add_row("operations", Text(_operations(version.computed)))
    facts.add_row("describes itself", "yes" if version.describes_itself else "no")
    facts.add_row("warm-up", _warmup(version))
    return facts


def _weights(version: Version) -> str:
    parts = [
        f"{version.weights:,} in variables" if version.weights else "",
        f"{version.constants:,} in constants of the graph" if version.constants else "",
    ]
    return ", ".join(filter(None, parts)) or "none"


def _operations(operations: Mapping[str, int]) -> str:
    named = [f"{name} {count:,}" for name, count in list(operations.items())[:_NUM_OPERATIONS]]
    more = len(operations) - len(named)
    total = f"{sum(operations.values()):,} nodes: "
    return total + ", ".join(named) + (f" and {more:,} more kinds" if more else "")


def _warmup(version: Version) -> str:
    if version.warmup is None:
        return "none"
    return f"{version.warmup.num_records:,} requests"


def _signature(signature: Signature, defaults: Mapping[str, Any]) -> Table:
    tensors = _grid()
    tensors.add_column(no_wrap=True)
    tensors.add_column(overflow="fold")
    tensors.add_column(overflow="fold")
    for name, spec in signature.inputs.items():
        left_out = ""
        if name in signature.optional:
            values = f": {_short(defaults[name].tolist())}" if name in defaults else ""
            left_out = f"may be left out{values}"
        tensors.add_row("  input", Text(name), Text(" ".join(filter(None, [str(spec), left_out]))))
    for name, spec in signature.outputs.items():
        tensors.add_row("  output", Text(name), Text(str(spec)))
    outer = Table.grid()
    outer.add_row(tensors)
    outer.add_row(Padding(Text(f"asked {how_asked(signature)}"), (0, 0, 0, 2)))
    return outer


def _short(value: object, longest: int = 30) -> str:
    text = str(value)
    return text if len(text) <= longest else f"{text[:longest]}…"


def _findings(findings: Sequence[Finding]) -> Table:
    table = _grid()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        told = Text(finding.what)
        if finding.remedy:
            told.append(f"\n→ {finding.remedy}")
        table.add_row(Text(finding.gravity, style=_STYLES[finding.gravity]), told)
    return table


def size(num_bytes: int) -> str:
    """Write a number of bytes as people do."""
    for unit, name in _UNITS:
        if num_bytes >= unit:
            return f"{num_bytes / unit:.1f} {name}"
    return f"{num_bytes} bytes"


def document(version: Version, findings: Sequence[Finding]) -> dict[str, Any]:
    """Give all that is known of a version as JSON has it."""
    return {
        "model": version.place.model,
        "version": version.place.version,
        "folder": str(version.place.folder),
        "can_be_served": can_be_served(findings),
        "findings": [
            {"gravity": each.gravity, "what": each.what, "remedy": each.remedy} for each in findings
        ],
        "tensorflow": version.tensorflow or None,
        "tags": [list(each) for each in version.tags],
        "bytes": version.num_bytes,
        "weights": {"variables": version.weights, "constants": version.constants},
        "operations": dict(version.computed),
        "describes_itself": version.describes_itself,
        "warmup_requests": version.warmup.num_records if version.warmup else None,
        "signatures": {
            name: {
                "method": version.details[name].method,
                "asked": how_asked(signature),
                "inputs": {
                    each: _spec(spec) | {"optional": each in signature.optional}
                    for each, spec in signature.inputs.items()
                },
                "outputs": {each: _spec(spec) for each, spec in signature.outputs.items()},
            }
            for name, signature in version.signatures.items()
        },
    }


def _spec(spec: TensorSpec) -> dict[str, Any]:
    """Null is a dimension of any size; a shape that is null has any number of dimensions."""
    return {"dtype": spec.dtype, "shape": None if spec.shape is None else list(spec.shape)}
