"""Reading a SavedModel from disk into a session, step by step as TF Serving's loader does.

Parse, pick the graph by its tags, restore the variables, fill the lookup tables. Knows nothing of
versions or requests.
"""

import os
from collections.abc import Collection
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from serving.embedded.session import GraphSession, TensorHandle, status_of
from serving.embedded.statuses import StatusError, invalid_argument, not_found, unavailable
from serving.embedded.tensor_protos import Array

# Where exporters name the operation that fills tables: TF 2, then two generations of TF 1.
_INIT_SIGNATURE = "__saved_model_init_op"
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
_ASSETS_COLLECTION = "saved_model_assets"

# What TensorFlow 2 saves of every model, one without variables too, and needs for nothing here.
_OBJECT_GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"


def load(
    directory: Path, tags: Collection[str], config: tf.compat.v1.ConfigProto
) -> tuple[meta_graph_pb2.MetaGraphDef, GraphSession]:
    """Load the graph that has exactly these tags and make it ready to run.

    Raises:
        StatusError: NOT_FOUND without a SavedModel, a graph with the tags or the files that the
            graph restores from, otherwise what TensorFlow says of the file, the graph or its
            variables: OUT_OF_RANGE for one that is cut short, DATA_LOSS for garbage.
    """
    meta_graph = _graph_with_tags(_read(directory), tags)
    _check_variables_are_there(meta_graph, directory)
    session = GraphSession(_import(meta_graph), config)
    try:
        _initialise(session, meta_graph, directory)
    except StatusError:
        session.close()
        raise
    return meta_graph, session


def is_there(path: Path) -> bool:
    """Tell whether a file is there as TensorFlow does: what may not be looked at is not."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises for what may not be looked at


def _read(directory: Path) -> saved_model_pb2.SavedModel:
    binary, text = directory / "saved_model.pb", directory / "saved_model.pbtxt"
    model = saved_model_pb2.SavedModel()
    try:
        if is_there(binary):
            model.ParseFromString(binary.read_bytes())
            return model
        if is_there(text):
            return text_format.Parse(text.read_text(encoding="utf-8"), model)
    except IsADirectoryError:
        return model  # TensorFlow takes a folder for an empty file.
    except (OSError, DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        _let_tensorflow_refuse(directory)
        raise unavailable(f"{error}; its files changed while they were read") from error
    raise not_found(
        "Specified file path does not appear to contain a SavedModel bundle (should have a file "
        f"called `saved_model.pb`)\nSpecified file path: {directory}"
    )


def _let_tensorflow_refuse(directory: Path) -> None:
    """Let TensorFlow's own reader, which TF Serving calls, say why a file cannot be read.

    Whether it calls one cut short or garbage depends on where its parser stands when it gives up.
    """
    try:
        tf.mlir.experimental.convert_saved_model(str(directory), "")
    except tf.errors.OpError as error:
        raise status_of(error) from error


def _graph_with_tags(
    model: saved_model_pb2.SavedModel, tags: Collection[str]
) -> meta_graph_pb2.MetaGraphDef:
    for meta_graph in model.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == set(tags):
            return meta_graph
    raise not_found(
        f"Could not find meta graph def matching supplied tags: {{ {' '.join(tags)} }}. To inspect "
        "available tag-sets in the SavedModel, please use the SavedModel CLI: `saved_model_cli`"
    )


def _check_variables_are_there(meta_graph: meta_graph_pb2.MetaGraphDef, directory: Path) -> None:
    """Refuse what TensorFlow's loader takes for a model without variables.

    It goes by the index alone, which is the last file that a copy brings; served without its
    variables, a version would answer every request with an error until the server's end.
    """
    index = _variables(directory).with_suffix(".index")
    try:
        index.stat()
    except OSError as error:
        if restored := _restored_tensors(meta_graph):
            denied = isinstance(error, PermissionError)
            raise StatusError(
                grpc.StatusCode.PERMISSION_DENIED if denied else grpc.StatusCode.NOT_FOUND,
                f"{index}; {error.strerror} (the graph restores {len(restored)} tensors from "
                "there)",
            ) from error


def _variables(directory: Path) -> Path:
    """Return what the names of all files of variables begin with."""
    return directory / "variables" / "variables"


def _restored_tensors(meta_graph: meta_graph_pb2.MetaGraphDef) -> set[bytes]:
    """Name what the graph reads from its variables' files, in the graph itself or in a function."""
    if not meta_graph.saver_def.restore_op_name:
        return set()
    graph = meta_graph.graph_def
    restored: set[bytes] = set()
    for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
        # RestoreV2's second input names the tensors; its first is the files' prefix.
        naming = {node.input[1].partition(":")[0] for node in nodes if node.op == "RestoreV2"}
        for constant in (node for node in nodes if node.name in naming):
            restored.update(constant.attr["value"].tensor.string_val)
    return restored - {_OBJECT_GRAPH}


def _import(meta_graph: meta_graph_pb2.MetaGraphDef) -> tf.Graph:
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.graph_util.import_graph_def(
                meta_graph.graph_def,
                name="",
                producer_op_list=meta_graph.meta_info_def.stripped_op_list,
            )
    except tf.errors.OpError as error:
        raise status_of(error) from error
    except ValueError as error:
        raise invalid_argument(str(error)) from error
    return graph


def _initialise(
    session: GraphSession, meta_graph: meta_graph_pb2.MetaGraphDef, directory: Path
) -> None:
    assets = _asset_feeds(session, meta_graph, directory)
    saver, variables = meta_graph.saver_def, _variables(directory)
    if saver.restore_op_name and is_there(variables.with_suffix(".index")):
        filename = session.tensor(saver.filename_tensor_name).handle
        session.run_operation(
            saver.restore_op_name, {filename: np.array(str(variables), object), **assets}
        )
    initialiser = _init_operation(meta_graph)
    if initialiser:
        session.run_operation(initialiser, assets)


def _asset_feeds(
    session: GraphSession, meta_graph: meta_graph_pb2.MetaGraphDef, directory: Path
) -> dict[TensorHandle, Array]:
    assets = list(meta_graph.asset_file_def)
    if not assets and _ASSETS_COLLECTION in meta_graph.collection_def:
        for packed in meta_graph.collection_def[_ASSETS_COLLECTION].any_list.value:
            asset = meta_graph_pb2.AssetFileDef()
            packed.Unpack(asset)
            assets.append(asset)
    return {
        session.tensor(asset.tensor_info.name).handle: np.array(
            str(directory / "assets" / asset.filename), object
        )
        for asset in assets
    }


def _init_operation(meta_graph: meta_graph_pb2.MetaGraphDef) -> str:
    if _INIT_SIGNATURE in meta_graph.signature_def:
        outputs = meta_graph.signature_def[_INIT_SIGNATURE].outputs
        return str(outputs[_INIT_SIGNATURE].name)
    for key in _INIT_COLLECTIONS:
        if key in meta_graph.collection_def and meta_graph.collection_def[key].node_list.value:
            return str(meta_graph.collection_def[key].node_list.value[0])
    return ""
