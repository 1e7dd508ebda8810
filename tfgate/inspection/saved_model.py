"""Reads what a version says of itself from its folder, without TensorFlow."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from proto.metadata_pb2 import SignatureDef, SignatureDefMap
from proto.saved_model_pb2 import GraphDef, MetaGraphDef, NodeDef, SavedModel
from proto.tensor_pb2 import TensorProto
from serving.contract import Signature, Tensors
from serving.gateway.inference.live import live_version
from serving.tensors import decode_all, dtype_name
from tfgate.inspection import foreign
from tfgate.inspection.places import NotASavedModel, Place
from tfgate.inspection.reach import Reach
from tfgate.inspection.warmup import Warmup, read_warmup

SERVED = {"serve"}  # the tags of the graph that a model server loads
_BEGIN = "__saved_model_init_op"  # what is computed once when the graph is loaded
_MAX_BYTES = 2**31 - 1  # of a message of protobuf
_VARIABLES = {"VarHandleOp", "VariableV2", "Variable"}
_REFERENCE = 100  # by which the number of a reference's dtype is higher
_FLOATS = {"float16", "bfloat16", "float32", "float64"}


@dataclass(frozen=True)
class Details:
    """What a signature does not say itself.

    `operations` counts what is computed for its answers; `platforms` are those that each graph in
    it which JAX has compiled is for; `defaults` are the values of inputs that may be left out.
    `without_value` names variables that it reads, and that nothing stores or makes a value for.
    """

    method: str
    defaults: Tensors
    operations: Mapping[str, int]
    platforms: tuple[tuple[str, ...], ...]
    without_value: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """A version on disk.

    `tags` are those of every graph in the file; all else is of the one that is served, or of the
    first if none is. `operations` are all of its names, as a server must know them all to load it.
    `weights` counts the numbers in variables that answers need, `constants` those that are stored
    in the graph. `missing` names files that the graph needs and that are not there.
    """

    place: Place
    tags: tuple[tuple[str, ...], ...]
    tensorflow: str
    signatures: Mapping[str, Signature]
    details: Mapping[str, Details]
    operations: frozenset[str]
    computed: Mapping[str, int]
    num_bytes: int
    weights: int
    constants: int
    warmup: Warmup | None
    missing: tuple[str, ...]

    @property
    def is_served(self) -> bool:
        """Whether it has a graph that a model server loads."""
        return any(set(tags) == SERVED for tags in self.tags)

    @property
    def describes_itself(self) -> bool:
        """Whether it has a signature that gives a card."""
        describe = self.signatures.get("describe")
        return describe is not None and "card" in describe.outputs


def read(place: Place) -> Version:
    """Read a version.

    Raises:
        NotASavedModel: its file is something else, damaged or too large, or cannot be read.
    """
    try:
        return _version(place)
    except OSError as error:
        message = f"{error.filename or place.folder} cannot be read: {error.strerror}"
        raise NotASavedModel(message) from error


def _version(place: Place) -> Version:
    graphs = _read_graphs(place.folder)
    tags = tuple(tuple(graph.meta_info_def.tags) for graph in graphs)
    served = next((graph for graph in graphs if set(graph.meta_info_def.tags) == SERVED), graphs[0])
    definitions = SignatureDefMap(signature_def=served.signature_def)
    live = live_version(place.model, place.version or 0, definitions)
    reach = Reach(served.graph_def)
    nodes = {name: reach.nodes(served.signature_def[name]) for name in live.signatures}
    # A node that several signatures need is one node; each is found by its place in memory.
    asked = list({id(node): node for each in nodes.values() for node in each}.values())
    every = list(_nodes(served.graph_def))
    return Version(
        place=place,
        tags=tags,
        tensorflow=served.meta_info_def.tensorflow_version,
        signatures=live.signatures,
        details={name: _details(served, name, nodes[name], reach) for name in live.signatures},
        operations=frozenset(_count(every, reach)),
        computed=_count(asked, reach),
        num_bytes=sum(each.stat().st_size for each in place.folder.rglob("*") if each.is_file()),
        weights=sum(_size(node) for node in asked if node.op in _VARIABLES),
        constants=_num_constants(asked),
        warmup=read_warmup(place.folder),
        missing=tuple(_missing(place.folder, served, every)),
    )


def _read_graphs(folder: Path) -> list[MetaGraphDef]:
    binary, text = folder / "saved_model.pb", folder / "saved_model.pbtxt"
    if binary.is_file():
        message = _parse(binary)
    elif text.is_file():
        message = _parse_text(text)
    else:
        raise NotASavedModel(
            f"{folder} has its graph in pieces (saved_model.cpb), as graphs above 2 GB have; these "
            "are not read here. TensorFlow itself may: tf.saved_model.load says so"
        )
    if not message.meta_graphs:
        raise NotASavedModel(_why_empty(binary if binary.is_file() else text))
    return list(message.meta_graphs)


def _parse(path: Path) -> SavedModel:
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise NotASavedModel(
            f"{path} has {size / 1e9:.1f} GB, and no file of more than 2.1 GB can be read, by "
            "TensorFlow neither: keep weights in variables, and not as constants of the graph"
        )
    try:
        return SavedModel.FromString(path.read_bytes())
    except DecodeError as error:
        raise NotASavedModel(foreign.told(path) or _damaged(path)) from error


def _parse_text(path: Path) -> SavedModel:
    text = path.read_bytes().decode(errors="replace")
    try:
        return text_format.Parse(_in_numbers(text), SavedModel(), allow_unknown_field=True)
    except text_format.ParseError as error:
        raise NotASavedModel(f"{path} is no SavedModel as text: {error}") from error


def _in_numbers(text: str) -> str:
    """Write dtypes as numbers: our messages have names for those alone that can be sent."""
    numbers = {dtype_name(number).upper(): number for number in range(1, 64)}
    numbers |= {"FLOAT": 1, "DOUBLE": 2, "HALF": 19}

    def number(found: re.Match[str]) -> str:
        name, reference = found[1].removesuffix("_REF"), found[1].endswith("_REF")
        return str(numbers.get(name, 0) + _REFERENCE * reference)

    return re.sub(r"(?<=: )DT_(\w+)", number, text)


def _why_empty(path: Path) -> str:
    """Say of a file without a graph that is for serving why that may be."""
    if known := foreign.told(path):
        return known
    try:
        graph = GraphDef.FromString(path.read_bytes())
    except DecodeError:
        graph = GraphDef()
    if any(node.op for node in graph.node):
        return foreign.frozen_graph(path)
    return _damaged(path)


def _damaged(path: Path) -> str:
    return (
        f"{path} is cut off, damaged or no SavedModel: its {path.stat().st_size:,} bytes hold no "
        "graph that can be read. Copy it again, or export it anew"
    )


def _nodes(graph: GraphDef) -> Iterator[NodeDef]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _details(graph: MetaGraphDef, name: str, nodes: list[NodeDef], reach: Reach) -> Details:
    definition = graph.signature_def[name]
    restore = graph.saver_def.restore_op_name
    begin = graph.signature_def.get(_BEGIN, SignatureDef())
    return Details(
        method=definition.method_name,
        defaults=_defaults(definition),
        operations=_count(nodes, reach),
        platforms=tuple(_platforms(nodes)),
        without_value=tuple(reach.without_value(nodes, restore, begin)),
    )


def _count(nodes: list[NodeDef], reach: Reach) -> dict[str, int]:
    """Count the nodes of each operation, the most frequent first, less calls of functions."""
    counts = Counter(node.op for node in nodes if not reach.is_function(node.op))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _platforms(nodes: list[NodeDef]) -> Iterator[tuple[str, ...]]:
    for node in nodes:
        if node.op == "XlaCallModule":
            names = node.attr["platforms"].list.s
            yield tuple(name.decode(errors="replace") for name in names)


def _size(node: NodeDef) -> int:
    """Give how many numbers a variable holds; of one of any size, nobody knows."""
    sizes = [dim.size for dim in node.attr["shape"].shape.dim]
    size = 1
    for each in sizes:
        size *= max(each, 0)
    return size


def _num_constants(nodes: list[NodeDef]) -> int:
    """Count the numbers with a fraction that constants hold: networks may be exported so.

    The same constant in several functions, which are often traced twice, counts once.
    """
    tensors = (node.attr["value"].tensor for node in nodes if node.op == "Const")
    stored = {_stored(tensor): _num_stored(tensor) for tensor in tensors if _is_array(tensor)}
    return sum(stored.values())


def _is_array(tensor: TensorProto) -> bool:
    return bool(tensor.tensor_shape.dim) and dtype_name(tensor.dtype) in _FLOATS


def _stored(tensor: TensorProto) -> int:
    return hash(tensor.SerializeToString(deterministic=True))


def _num_stored(tensor: TensorProto) -> int:
    size = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}[dtype_name(tensor.dtype)]
    typed = len(tensor.float_val) + len(tensor.double_val) + len(tensor.half_val)
    return len(tensor.tensor_content) // size + typed


def _defaults(definition: SignatureDef) -> Tensors:
    """Give the values of inputs that may be left out, less those that cannot be read."""
    try:
        return decode_all(definition.defaults)
    except ValueError:
        return {}


def _missing(folder: Path, graph: MetaGraphDef, nodes: list[NodeDef]) -> Iterator[str]:
    assets = (f"assets/{asset.filename}" for asset in graph.asset_file_def)
    yield from (name for name in dict.fromkeys(assets) if not (folder / name).is_file())
    variables = folder / "variables"
    if not any(node.op in _VARIABLES for node in nodes):
        return
    if not (variables / "variables.index").is_file():
        yield "variables/variables.index"
    shards = sorted(variables.glob("variables.data-?????-of-?????"))
    total = int(shards[0].name[-5:]) if shards else 1
    for shard in range(total):
        name = f"variables.data-{shard:05}-of-{total:05}"
        if not (variables / name).is_file():
            yield f"variables/{name}"
