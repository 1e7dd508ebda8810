"""Bodies that are to cost memory, and a program that measures what they cost: run as a module."""

import contextlib
import json
import os
import resource
import sys

from serving.errors import InvalidRequest
from tests.serving.gateway.dialects.open_inference_http.bodies import read


def repeated(begin: bytes, piece: bytes, end: bytes) -> bytes:
    return begin + piece * (2_000_000 // len(piece)) + end


def in_data(datatype: str, piece: bytes, last: bytes) -> bytes:
    head = (
        b'{"inputs": [{"name": "ages", "shape": [1], "datatype": "%s", "data": ['
        % datatype.encode()
    )
    return repeated(head, piece, last + b"]}]}")


HOSTILE = {
    "lists": in_data("FP32", b"[],", b"1"),
    "numbers": in_data("FP32", b"1,", b"1"),
    "nulls": in_data("FP64", b"null,", b"1"),
    "bools": in_data("BOOL", b"true,", b"true"),
    "lists of bools": in_data("BOOL", b"[],", b"true"),
    "texts": in_data("BYTES", b'"ab",', b'"a"'),
    "empty texts": in_data("BYTES", b'"",', b'"a"'),
    "objects": in_data("BYTES", b'{"":{}},', b'"a"'),
    "unknown field": repeated(b'{"x": [', b"[],", b"1]}"),
    "fields": repeated(b"{", b'"a":0,', b'"b":1}'),
    "fields of an input": repeated(b'{"inputs": [{', b'"a":0,', b'"b":1}]}'),
    "inputs": repeated(b'{"inputs": [', b"{},", b"{}]}"),
    "parameters": repeated(b'{"inputs": [], "parameters": {', b'"timeout":0,', b'"timeout":1}}'),
    "sizes": repeated(b'{"inputs": [{"name": "a", "datatype": "BOOL", "shape": [', b"1,", b"1]}]}"),
    "brackets": b"[" * 2_000_000,
    "broken at its end": in_data("FP32", b"[],", b"1")[:-1],
}


def cost(body: bytes) -> int:
    """Return by how many bytes a process grows that reads a body; the parser's are not Python's."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with contextlib.suppress(InvalidRequest):
            read(body)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        os.write(writer, b"%d" % (1024 * grown))
        os._exit(0)
    os.waitpid(child, 0)
    return int(os.read(reader, 100))


if __name__ == "__main__":
    json.dump({kind: cost(body) / len(body) for kind, body in HOSTILE.items()}, sys.stdout)
