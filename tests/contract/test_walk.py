"""The walk of one prediction through the gateway: as short as promised, and as the page has it."""

import sys
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from tests.contract.walk import PAGE, ROOT, STEP, with_lines
from tests.example_bodies import HOUSE
from tests.in_process import Gateway, gateway

MOST_FILES, MOST_CHANGES = 17, 47
# What goes on beside requests, or comes after a while: a slow machine lets it pass meanwhile.
TIMERS = ("_listen", "_look", "flush", "_keep", "_look_at", "_reason")
WORKS = ("Recorder.write", "Verdicts.follow", "DriftCounter.follow", "LastMinute.follow")


def walk(tfgate: Gateway) -> list[str]:
    """Return the files that a prediction passes: one for each call of ours, in their order."""
    files: list[str] = []

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT / "serving") and not is_aside(frame):
            files.append(path.relative_to(ROOT).as_posix())

    visitor = tfgate.ask("/predict/housing", HOUSE)
    sys.setprofile(note)
    try:
        answer = visitor.response()
    finally:
        sys.setprofile(None)
    assert answer.is_success, answer.text
    return files


def is_aside(frame: FrameType | None) -> bool:
    """Tell whether a call is the fake's, or a timer's, which a slow machine lets pass."""
    while frame is not None:
        code = frame.f_code
        is_fake = Path(code.co_filename).name.startswith("fake_")
        if is_fake or code.co_name in TIMERS or code.co_qualname in WORKS:
            return True
        frame = frame.f_back
    return False


def test_a_prediction_passes_few_files_and_the_page_names_them_all() -> None:
    with gateway() as tfgate:
        tfgate.wait_until_ready()
        walk(tfgate)  # what is looked up once is looked up now
        files = walk(tfgate)

    changes = sum(one != other for one, other in pairwise(files))
    assert len(set(files)) <= MOST_FILES, sorted(set(files))
    assert changes <= MOST_CHANGES, files
    assert set(files) == {path for _, path, _ in STEP.findall(PAGE.read_text())}


def test_the_page_names_the_lines_as_they_are() -> None:
    page = PAGE.read_text()

    assert with_lines(page) == page, "stale: run `make walk`"
