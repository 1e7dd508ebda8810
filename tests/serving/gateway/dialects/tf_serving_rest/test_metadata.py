"""Signatures as they are told; tests/contract/tf_serving/test_rest.py has those recorded."""

import json

from proto.metadata_pb2 import SignatureDefMap
from serving.gateway.dialects.tf_serving_rest.metadata import write
from serving.gateway.inference.live import live_version


def test_types_that_we_do_not_send_have_names_too() -> None:
    definitions = SignatureDefMap()
    numbers = {"c": 8, "ref": 101, "int4": 29, "new": 99}
    for name, number in numbers.items():
        definitions.signature_def["s"].inputs[name].dtype = number  # type: ignore[assignment]  # an open enum
    document = json.loads(write(live_version("m", 1, definitions)))
    inputs = document["metadata"]["signature_def"]["signature_def"]["s"]["inputs"]
    assert {name: info["dtype"] for name, info in inputs.items()} == {
        "c": "DT_COMPLEX64",
        "ref": "DT_FLOAT_REF",
        "int4": "DT_INT4",
        "new": 99,
    }


def test_defaults_are_told_as_a_whole() -> None:
    definitions = SignatureDefMap()
    default = definitions.signature_def["s"].defaults["x"]
    default.float_val.append(1.5)
    default.int64_val.append(-1)
    default.string_val.append(b"\xff")
    document = json.loads(write(live_version("m", 1, definitions)))
    told = document["metadata"]["signature_def"]["signature_def"]["s"]["defaults"]["x"]
    assert (told["float_val"], told["int64_val"], told["string_val"]) == ([1.5], ["-1"], ["/w=="])


def test_names_are_safe_for_pages_and_otherwise_as_they_are() -> None:
    definitions = SignatureDefMap()
    definitions.signature_def["<é>"].method_name = "m"
    content = write(live_version("m", 1, definitions))
    assert '"\\u003cé\\u003e"'.encode() in content
    assert "<é>" in json.loads(content)["metadata"]["signature_def"]["signature_def"]
