"""`python -m serving.tf_serving`: makes models.config from a repository, for a server elsewhere.

Runs in the gateway's image, beside TensorFlow Serving, whose own image has no Python.
"""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from serving.tf_serving.follower import Follower
from serving.tf_serving.model_config import WrongExceptions

LOOK_SECONDS = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, and follow the repository if that is asked; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    stopping = threading.Event()
    if options.follow:
        # The first process of a container has no default for a signal: it would be ignored.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
    try:
        follower = Follower(options.repository, options.write, options.exceptions, options.releases)
    except (OSError, WrongExceptions) as error:
        logging.error("%s", error)
        return 1
    names = ", ".join(follower.models) or "no model yet"
    logging.info("%s: %s", options.write, names)
    while options.follow and not stopping.wait(LOOK_SECONDS):
        follower.look()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.tf_serving",
        description="Make TensorFlow Serving's models.config from a model repository.",
    )
    parser.add_argument("repository", type=Path, help="folder of models, each a folder of versions")
    parser.add_argument("--write", type=Path, required=True, metavar="FILE", help="models.config")
    parser.add_argument(
        "--follow", action="store_true", help="look each second, and write the file when it changes"
    )
    parser.add_argument(
        "--exceptions", type=Path, metavar="FILE", help="what differs: labels and version policies"
    )
    parser.add_argument(
        "--releases",
        type=Path,
        metavar="PATH",
        help="file of releases, or a folder of them: the versions that they name are kept",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
