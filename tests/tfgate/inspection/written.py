"""SavedModels of a few nodes, written with our messages: what is inspected need not run."""

from collections.abc import Sequence
from pathlib import Path

from google.protobuf import text_format

from proto.saved_model_pb2 import AttrValue, MetaGraphDef, NodeDef, SavedModel
from serving.contract import Signature, TensorSpec
from serving.tensors import dtype_name

NUMBERS = {dtype_name(number): number for number in range(1, 64)}
ROWS = Signature({"x": TensorSpec("float32")}, {"y": TensorSpec("float32")})


def graph(
    signatures: dict[str, Signature] | None = None,
    *operations: str,
    tags: Sequence[str] = ("serve",),
) -> MetaGraphDef:
    """Make a graph each of whose outputs needs a node of every operation."""
    written = MetaGraphDef()
    written.meta_info_def.tags.extend(tags)
    written.meta_info_def.tensorflow_version = "2.21.0"
    for number, operation in enumerate(operations):
        written.graph_def.node.append(NodeDef(name=f"node{number}", op=operation))
    needed = [node.name for node in written.graph_def.node]
    written.graph_def.node.append(NodeDef(name="answer", op="Identity", input=needed))
    for name, signature in (
        {"serving_default": ROWS} if signatures is None else signatures
    ).items():
        definition = written.signature_def[name]
        definition.method_name = "tensorflow/serving/predict"
        for infos, specs in (
            (definition.inputs, signature.inputs),
            (definition.outputs, signature.outputs),
        ):
            for each, spec in specs.items():
                infos[each].name = "answer:0"
                infos[each].dtype = NUMBERS[spec.dtype]  # type: ignore[assignment]  # an open enum
                infos[each].tensor_shape.unknown_rank = spec.shape is None
                for size in spec.shape or ():
                    infos[each].tensor_shape.dim.add().size = -1 if size is None else size
    return written


def write(folder: Path, *graphs: MetaGraphDef, as_text: bool = False) -> Path:
    """Write them as a version in this folder, and give it."""
    folder.mkdir(parents=True, exist_ok=True)
    message = SavedModel(saved_model_schema_version=1, meta_graphs=graphs or [graph()])
    if as_text:
        (folder / "saved_model.pbtxt").write_text(text_format.MessageToString(message))
    else:
        (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    return folder


def compiled_for(*platforms: str) -> MetaGraphDef:
    """Make a graph that JAX has compiled."""
    written = graph(None, "XlaCallModule")
    names = AttrValue.ListValue(s=[name.encode() for name in platforms])
    written.graph_def.node[0].attr["platforms"].list.CopyFrom(names)
    return written
