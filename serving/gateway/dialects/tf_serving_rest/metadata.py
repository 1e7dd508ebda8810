"""The signatures of a version, in the JSON that TF Serving makes of its messages."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from proto.metadata_pb2 import SignatureDef, TensorInfo
from proto.tensor_pb2 import TensorProto, TensorShapeProto
from serving.gateway.dialects.tf_serving_rest.protobuf_json import write_message
from serving.gateway.inference.live import LiveVersion

# By their numbers from 0 on. Source: DataType in tensorflow/core/framework/types.proto.
_NAMES = """
INVALID FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 BFLOAT16
QINT16 QUINT16 UINT16 COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64 FLOAT8_E5M2 FLOAT8_E4M3FN
"""
_DATA_TYPES = {number: f"DT_{name}" for number, name in enumerate(_NAMES.split())}
_DATA_TYPES |= {29: "DT_INT4", 30: "DT_UINT4"}
_REF = 100  # is added to the dtype of what is a reference to a variable


def write(live: LiveVersion) -> bytes:
    """Write a version's signatures."""
    spec = {"name": live.model, "signature_name": "", "version": str(live.version)}
    signatures = live.definitions.signature_def
    content = {"signature_def": {name: _signature(signatures[name]) for name in sorted(signatures)}}
    return (
        b'{\n"model_spec":'
        + write_message(spec)
        + b',\n"metadata": {"signature_def": '
        + write_message(content)
        + b"}\n}\n"
    )


def _signature(signature: SignatureDef) -> dict[str, Any]:
    return {
        "inputs": _infos(signature.inputs),
        "outputs": _infos(signature.outputs),
        "method_name": signature.method_name,
        "defaults": {
            name: _tensor(signature.defaults[name]) for name in sorted(signature.defaults)
        },
    }


def _infos(infos: Mapping[str, TensorInfo]) -> dict[str, Any]:
    return {
        name: {
            "dtype": _data_type(infos[name].dtype),
            "tensor_shape": _shape(infos[name].tensor_shape),
            "name": infos[name].name,
        }
        for name in sorted(infos)
    }


def _data_type(number: int) -> str | int:
    if number - _REF in _DATA_TYPES:
        return f"{_DATA_TYPES[number - _REF]}_REF"
    return _DATA_TYPES.get(number, number)


def _shape(shape: TensorShapeProto) -> dict[str, Any]:
    return {
        "dim": [{"size": str(dim.size), "name": dim.name} for dim in shape.dim],
        "unknown_rank": shape.unknown_rank,
    }


def _tensor(tensor: TensorProto) -> dict[str, Any]:
    """Write all of a default, with the fields that no default of ours can have as well."""
    return {
        "dtype": _data_type(tensor.dtype),
        "tensor_shape": _shape(tensor.tensor_shape),
        "version_number": 0,
        "tensor_content": _base64(tensor.tensor_content),
        "half_val": list(tensor.half_val),
        "float_val": [_number(value) for value in tensor.float_val],
        "double_val": [_number(value) for value in tensor.double_val],
        "int_val": list(tensor.int_val),
        "string_val": [_base64(value) for value in tensor.string_val],
        "scomplex_val": [],
        "int64_val": [str(value) for value in tensor.int64_val],
        "bool_val": list(tensor.bool_val),
        "dcomplex_val": [],
        "resource_handle_val": [],
        "variant_val": [],
        "uint32_val": list(tensor.uint32_val),
        "uint64_val": [str(value) for value in tensor.uint64_val],
        "float8_val": "",
    }


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() else value
