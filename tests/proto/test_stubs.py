import subprocess
import sys
from pathlib import Path

import proto
from proto.generate import PROTO_FOLDER


def test_stubs_are_what_the_proto_files_say(tmp_path: Path) -> None:
    # In a process of its own: protoc and TensorFlow in one process crash.
    subprocess.run([sys.executable, "-m", "proto.generate", str(tmp_path)], check=True)

    generated = {path.name: path.read_text() for path in (tmp_path / "proto").iterdir()}
    committed = {
        path.name: path.read_text()
        for path in PROTO_FOLDER.iterdir()
        if path.name.endswith(("_pb2.py", "_pb2.pyi"))
    }
    assert generated == committed, "stale: run `make proto`"


def test_proto_is_our_folder_and_not_the_package_proto_plus() -> None:
    assert proto.__file__ is not None
    assert Path(proto.__file__).parent == PROTO_FOLDER
