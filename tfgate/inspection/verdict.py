"""Whether tfgate can serve a version, and how: what stands in the way, and what to do about it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from serving.contract import Signature, TensorSpec
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE
from tfgate.inspection.operations import libraries, listed_version, needs
from tfgate.inspection.saved_model import Details, Version
from tfgate.inspection.warmup import MAX_RECORDS

_NUM_NAMED = 5
_CLASSIC = {"tensorflow/serving/classify": "classify", "tensorflow/serving/regress": "regress"}

Gravity = Literal["stops", "limits", "note"]


@dataclass(frozen=True)
class Finding:
    """Something about a version: it cannot be served, not with everything, or is good to know."""

    gravity: Gravity
    what: str
    remedy: str = ""


def can_be_served(findings: Iterable[Finding]) -> bool:
    """Tell whether nothing stops a version from being served."""
    return all(finding.gravity != "stops" for finding in findings)


def judge(version: Version) -> list[Finding]:
    """Say everything that is found, the gravest first."""
    findings = [
        *_of_file(version),
        *_of_operations(version),
        *_of_signatures(version),
        *_of_warmup(version),
    ]
    order: list[Gravity] = ["stops", "limits", "note"]
    return sorted(findings, key=lambda finding: order.index(finding.gravity))


def can_be_asked(version: Version, name: str) -> bool:
    """Tell whether a signature gives answers on any machine: it can be sent, and computed."""
    details = version.details[name]
    found = needs(details.operations)
    broken = found.python or found.neither or details.without_value
    nowhere = details.platforms and not platforms(details) & {"CPU", "CUDA"}
    return not (unsendable(version.signatures[name]) or broken or nowhere)


def unsendable(signature: Signature) -> list[str]:
    """Name the tensors that cannot travel, but for inputs that may be left out."""
    tensors = {
        **{name: spec for name, spec in signature.inputs.items() if name not in signature.optional},
        **signature.outputs,
    }
    return [f"{name} ({spec.dtype})" for name, spec in tensors.items() if not spec.can_be_sent]


def how_asked(signature: Signature) -> str:
    """Say how requests of a signature reach the model."""
    if wrong := unsendable(signature):
        return f"not at all: {_named(wrong)} cannot be sent"
    if signature.is_batched:
        return "together, once its first question shows that rows do not depend on each other"
    alone = [name for name, spec in _tensors(signature) if not spec.has_batch]
    return f"one by one: {_named(alone)} {_plural(alone, 'has', 'have')} no free first dimension"


def _of_file(version: Version) -> Iterator[Finding]:
    if not version.is_served:
        tags = "; ".join(", ".join(each) or "none" for each in version.tags)
        yield Finding(
            "stops",
            f"no graph has the tag serve alone, which a model server loads; the tags are {tags}",
            "export it for serving, with tf.saved_model.save or Keras' model.export, or start "
            "TensorFlow Serving with --saved_model_tags",
        )
    if version.missing:
        yield Finding(
            "stops",
            f"files are missing: {_named(version.missing)}",
            "copy the whole folder again",
        )
    if version.place.version is None:
        name = version.place.folder.name
        yield Finding(
            "limits",
            f"the folder {name} is no version: a model server looks for folders named by numbers",
            f"put it into a repository: mkdir -p models/NAME, and cp -r {name} models/NAME/1",
        )
    if not version.describes_itself:
        yield Finding("note", "it has no card: its pages show its signatures, and no figures")


def _of_operations(version: Version) -> Iterator[Finding]:
    """Look for what a server must know to load the version, whatever is asked of it."""
    if unknown := needs(version.operations).unknown:
        bring = "; ".join(libraries(unknown)) or "the library that it was made with"
        yield Finding(
            "stops",
            f"TensorFlow {listed_version()} has no operation {_named(unknown)}",
            f"a server needs what brings {_plural(unknown, 'it', 'them')}: {bring}",
        )
    if cpu := needs(version.computed).cpu:
        count = sum(version.computed[name] for name in cpu)
        nodes = "a node" if count == 1 else f"{count:,} nodes"
        yield Finding("note", f"also beside a GPU, the CPU computes {nodes}: {_named(cpu)}")


def _of_variables(name: str, details: Details) -> Iterator[Finding]:
    if lacking := details.without_value:
        yield Finding(
            "limits",
            f"{name} fails: nothing gives {_named(lacking)} a value when a model server loads it",
            "export models of Keras 3 with model.export('NAME/1'): tf.saved_model.save writes them "
            "so that only Python can load them",
        )


def _of_devices(name: str, details: Details) -> Iterator[Finding]:
    """Look for what the answers of a signature need, and a server may lack."""
    found = needs(details.operations)
    if found.python:
        yield Finding(
            "limits",
            f"{name} fails: {_named(found.python)} calls Python code, which is not in the file",
            "write that step with TensorFlow's operations, or leave it to the caller, and export "
            "anew",
        )
    if found.neither:
        yield Finding(
            "limits",
            f"{name} fails: neither a CPU nor a GPU can run {_named(found.neither)}",
            "export a graph that is neither for TPUs nor for a training",
        )
    if found.gpu:
        yield Finding(
            "limits",
            f"{name} fails without a GPU: a CPU cannot run {_named(found.gpu)}",
            "serve it where there is a GPU, or export it with CUDA_VISIBLE_DEVICES=-1",
        )
    if details.platforms:
        yield from _of_platforms(name, details)


def _of_platforms(name: str, details: Details) -> Iterator[Finding]:
    """Look at graphs that JAX has compiled: each is for the platforms that it names."""
    common = platforms(details)
    named = ", ".join(sorted(common)) or "none in common"
    where = {
        frozenset(): f"{name} fails: JAX has compiled it for {named}",
        frozenset({"CUDA"}): f"{name} fails without a GPU: JAX has compiled it for {named}",
        frozenset({"CPU"}): f"{name} fails on a GPU: JAX has compiled it for {named}",
    }.get(common & {"CPU", "CUDA"})
    if where:
        options = "native_serialization_platforms=('cpu', 'cuda')"
        yield Finding("limits", where, f"export it for both: jax2tf.convert(…, {options})")


def platforms(details: Details) -> frozenset[str]:
    """Give what all graphs of a signature that JAX has compiled are for."""
    return frozenset.intersection(
        *(frozenset(name.upper() for name in each) for each in details.platforms)
    )


def _of_signatures(version: Version) -> Iterator[Finding]:
    if not version.signatures:
        yield Finding(
            "stops",
            "it has no signature, so nothing can be asked",
            "export it with one: tf.saved_model.save(module, path, signatures=…), or Keras' "
            "model.export",
        )
        return
    if not any(can_be_asked(version, name) for name in version.signatures):
        yield Finding(
            "stops",
            "none of its signatures can be asked",
            "see below what is wrong with each of them",
        )
    if PREDICT_SIGNATURE not in version.signatures:
        yield Finding(
            "limits",
            f"there is no signature {PREDICT_SIGNATURE}, so whoever asks must name one",
            f"export one by the name {PREDICT_SIGNATURE}, or ask with signature_name",
        )
    for name, signature in version.signatures.items():
        yield from _of_variables(name, version.details[name])
        yield from _of_devices(name, version.details[name])
        yield from _of_signature(name, signature)
        if method := _CLASSIC.get(version.details[name].method):
            yield Finding("note", f"{name} can be asked to {method} too, with examples")


def _of_signature(name: str, signature: Signature) -> Iterator[Finding]:
    if wrong := unsendable(signature):
        yield Finding(
            "limits",
            f"{name} cannot be asked: {_named(wrong)} {_plural(wrong, 'has', 'have')} a type that "
            "no protocol carries",
            "export a signature that takes and gives numbers, texts or booleans, such as the two "
            "parts of a complex number",
        )
        return
    if alone := [each for each, spec in _tensors(signature) if not spec.has_batch]:
        yield Finding(
            "limits",
            f"requests of {name} cannot share a call: {_named(alone)} "
            f"{_plural(alone, 'has', 'have')} no free first dimension",
            "where each row has an answer of its own, export it with None as the first size of "
            "every tensor",
        )
    if unknown := [each for each, spec in _tensors(signature) if spec.shape is None]:
        yield Finding(
            "limits",
            f"any shape is taken for {_named(unknown)} of {name}, as its number of dimensions is "
            "not known; what does not fit, the model refuses",
            "export it with an input signature that names the shapes",
        )
    if varying := [each for each, spec in signature.inputs.items() if _varies(spec)]:
        yield Finding(
            "note",
            f"{_named(varying)} of {name} {_plural(varying, 'has', 'have')} sizes that vary: "
            "requests of equal sizes share a call",
        )


def _varies(spec: TensorSpec) -> bool:
    return None in (spec.shape or ())[1:]


def _of_warmup(version: Version) -> Iterator[Finding]:
    warmup = version.warmup
    if warmup is None:
        yield Finding(
            "note", "it has no requests to warm up with: the first that are asked take longer"
        )
    elif not warmup.is_whole or warmup.num_records > MAX_RECORDS:
        many = f"{warmup.num_records:,} requests, of {MAX_RECORDS:,} at most"
        yield Finding(
            "stops",
            f"its warm-up file {'is cut off' if not warmup.is_whole else 'has ' + many}, with "
            "which TensorFlow Serving does not load it",
            "write it anew, or remove assets.extra/tf_serving_warmup_requests",
        )


def _tensors(signature: Signature) -> list[tuple[str, TensorSpec]]:
    return [*signature.inputs.items(), *signature.outputs.items()]


def _plural(things: Iterable[object], one: str, many: str) -> str:
    return one if len(list(things)) == 1 else many


def _named(names: Iterable[str]) -> str:
    """Name the first few of them."""
    *most, last = list(names)
    if len(most) >= _NUM_NAMED:
        return f"{', '.join(most[:_NUM_NAMED])} and {len(most) + 1 - _NUM_NAMED:,} more"
    return f"{', '.join(most)} and {last}" if most else last
