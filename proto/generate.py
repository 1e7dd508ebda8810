"""Generates the Python stubs of every .proto beside this file; knows nothing of their content."""

import sys
from pathlib import Path

from grpc_tools import protoc

PROTO_FOLDER = Path(__file__).parent


def generate(out_folder: Path) -> None:
    """Write `proto/*_pb2.py` and their type stubs below `out_folder`.

    Only messages are generated: a service declared here would have to carry TensorFlow Serving's
    name, and would collide with the official package in one process.

    Raises:
        RuntimeError: protoc refused a file; its own message is on standard error.
    """
    arguments = [
        "protoc",
        # The root as include path makes the stubs say `from proto import …`, where they are.
        f"-I{PROTO_FOLDER.parent}",
        # The well-known types come with grpcio-tools.
        f"-I{Path(protoc.__file__).parent / '_proto'}",
        f"--python_out={out_folder}",
        f"--pyi_out={out_folder}",
        *(str(path) for path in sorted(PROTO_FOLDER.glob("*.proto"))),
    ]
    if protoc.main(arguments) != 0:
        message = "protoc could not compile the .proto files"
        raise RuntimeError(message)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTO_FOLDER.parent)
