"""Work in a graph that lasts until a test says otherwise, however fast the server is.

A graph watches a file beside its version's folder, which the server must be able to see.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

# More rounds than anybody waits for: what asks for them ends when it is released.
UNTIL_RELEASED = 2**31 - 1

_HELD, _RELEASED = "held", "released"


def switch_of(version: Path) -> Path:
    """Return the file that holds up the work of a version."""
    return version.with_name(f"switch-of-{version.name}")


def release(version: Path) -> None:
    """Let the work that is under way come to its end, and what comes later end at once."""
    _write(version, _RELEASED)


def hold(version: Path) -> None:
    """Hold up what comes from now on."""
    _begun_of(version).unlink(missing_ok=True)
    _write(version, _HELD)


def has_begun(version: Path) -> bool:
    """Tell whether any work has begun since it was held up."""
    return _begun_of(version).exists()


@contextmanager
def holding(version: Path) -> Iterator[None]:
    """Hold up what comes from now on, and release it in the end, whatever happens."""
    hold(version)
    try:
        yield
    finally:
        release(version)


def work(version: Path, rounds: Any) -> Any:
    """Add to a graph a number of rounds of work, of which no more are done once it is released.

    Returns a float: 1.
    """
    path = tf.constant(str(switch_of(version)))
    with tf.control_dependencies([tf.io.write_file(str(_begun_of(version)), "")]):
        matrix = tf.eye(100) * 1.0

    def goes_on(round_: Any, _: Any) -> Any:
        # The path must seem to depend on the round, lest the file be read only once, or never:
        # for optimisers a file is a constant.
        nothing = tf.strings.substr(tf.strings.as_string(round_), 0, 0)
        held = tf.equal(tf.io.read_file(tf.strings.join([path, nothing])), _HELD)
        return tf.logical_and(round_ < rounds, held)

    def one_more(round_: Any, worked: Any) -> Any:
        return round_ + 1, worked @ matrix

    _, worked = tf.while_loop(goes_on, one_more, (0, matrix))
    return worked[0, 0]


def _begun_of(version: Path) -> Path:
    return version.with_name(f"begun-of-{version.name}")


def _write(version: Path, state: str) -> None:
    """Never leave a half-written file to be read."""
    switch = switch_of(version)
    switch.parent.mkdir(parents=True, exist_ok=True)
    written = switch.with_suffix(".new")
    written.write_text(state, encoding="utf-8")
    written.rename(switch)
