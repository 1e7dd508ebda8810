"""`python -m serving.embedded FLAGS`: TF Serving's command line for the embedded server.

Owns the process: exit codes, signals, logging. TensorFlow is imported only after the flags and
the port have proved good, so that a mistake is answered at once.
"""

import gc
import importlib.metadata
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from serving.embedded.flags import CommandLine, Flags, parse, usage
from serving.embedded.statuses import StatusError

# tensorflow_model_server returns -1 from main.
_FAILED_TO_START = 255

_log = logging.getLogger("serving.embedded")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return 0 after a signal, 255 when nothing could be served."""
    arguments = sys.argv[1:] if argv is None else argv
    if "--help" in arguments or "--version" in arguments:
        sys.stdout.write(usage() if "--help" in arguments else _versions())
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(message)s")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    stopping = _stop_on_signal()
    try:
        command_line = parse(arguments)
        command_line.flags.check()
        _report_odd_flags(command_line)
        _check_port(command_line.flags)
        _serve(command_line.flags, stopping)
    except StatusError as error:
        _log.error("Failed to start server. Error: %s", error)
        return _FAILED_TO_START
    except OSError as error:
        _log.error("%s", error)
        return _FAILED_TO_START
    except ModuleNotFoundError:
        raise  # Who called this knows how it was installed.
    except ImportError as error:
        _log.error("TensorFlow cannot be loaded: %s. Is there memory enough (ulimit -v)?", error)
        return _FAILED_TO_START
    except KeyboardInterrupt:
        pass
    _log.info("Stopped.")
    return 0


def _stop_on_signal() -> threading.Event:
    """Let SIGTERM and SIGINT interrupt whatever is done, and set the event that is returned.

    An interrupt alone can be lost: Python only reports what is raised in a finaliser.
    """
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping


def _versions() -> str:
    ours, tensorflow = (importlib.metadata.version(name) for name in ("tfgate", "tensorflow"))
    return f"tfgate embedded ModelServer: {ours}\nTensorFlow Library: {tensorflow}\n"


def _report_odd_flags(command_line: CommandLine) -> None:
    if command_line.unknown:
        _log.warning("unknown argument: %s", command_line.unknown[0])
    if command_line.without_effect:
        names = ", ".join(f"--{name}" for name in command_line.without_effect)
        _log.info("Accepted without effect in the embedded server: %s", names)


def _check_port(flags: Flags) -> None:
    """Fail before the models are loaded and not after."""
    if not flags.port:
        return
    family = socket.AF_INET6 if ":" in flags.grpc_bind_address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((flags.grpc_bind_address.strip("[]"), flags.port))
        except OSError as error:
            raise OSError(
                f"Cannot listen on {flags.grpc_bind_address}:{flags.port} ({error.strerror}). "
                "Stop what listens there, or choose another --port."
            ) from error


@contextmanager
def _without_notices() -> Iterator[None]:
    """Keep off the terminal what TensorFlow says of processors, drivers and missing GPUs.

    Part of it heeds no TF_CPP_MIN_LOG_LEVEL, and can only be caught on its way out. Whoever sets
    the variable to 0 or 1 wants to see all of it.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") in {"0", "1"}:
        yield
        return
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(nowhere)
        os.close(stderr)


def _serve(flags: Flags, stopping: threading.Event) -> None:
    with _without_notices():
        # Imported here as the module's docstring says.
        import tensorflow as tf  # noqa: PLC0415

        from serving.embedded.server import ModelServer  # noqa: PLC0415

        tf.config.list_physical_devices()  # the first look is the one that is talked about

    server = ModelServer(flags)
    try:
        server.start()
        # TensorFlow and the models stay: a full collection would walk them for a sixth of a second.
        gc.collect()
        gc.freeze()
        where = f"{flags.grpc_bind_address}:{flags.port}" if flags.port else flags.grpc_socket_path
        _log.info("Running gRPC ModelServer at %s ...", where)
        stopping.wait()
    finally:
        # The signal that ended the wait may be repeated; stopping takes it only once.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
