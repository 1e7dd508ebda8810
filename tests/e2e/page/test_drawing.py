"""A model of what is drawn: a sheet to draw on, with the mouse, a finger or the keyboard."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from serving.contract import Tensors
from tests.e2e.page.conftest import DESKTOP, PHONE, Visit
from tests.e2e.page.examples import example
from tests.e2e.page.steps import answer, check_access, choose_example, shown
from tests.programs import needs

pytestmark = needs("chromium", package="chromium")


def read(inputs: Tensors) -> Tensors:
    """Take what is narrow for a 1, and all else for a 0."""
    is_narrow = inputs["pixels"].any(axis=1).sum(axis=1) < 8
    scores = np.full((len(is_narrow), 10), 0.02, np.float32)
    scores[np.arange(len(is_narrow)), np.where(is_narrow, 1, 0)] = 0.82
    classes = np.array([[b"%d" % digit for digit in range(10)]] * len(scores), dtype=object)
    return {"classes": classes, "scores": scores}


def explain(inputs: Tensors) -> Tensors:
    outputs = read(inputs)
    ink = inputs["pixels"][:, None].astype(np.float32) / 255
    best = np.argsort(-outputs["scores"], axis=1, kind="stable")[:, :2]
    return {
        **outputs,
        "explained_classes": np.take_along_axis(outputs["classes"], best, axis=1),
        "maps": np.concatenate([ink, -ink], axis=1),
        "bases": np.zeros(best.shape, np.float32),
        "logits": np.ones(best.shape, np.float32),
    }


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("typed")
    with example("digits", folder, ("classes", "scores"), read, explain) as url:
        yield url


def sheet(page: Page) -> Locator:
    return shown(page).get_by_role("application", name="Sheet to draw on")


def is_blank(page: Page) -> bool:
    blank: bool = (
        sheet(page)
        .locator("canvas")
        .evaluate(
            "sheet => sheet.getContext('2d').getImageData(0, 0, sheet.width, sheet.height)"
            ".data.every((value) => value === 255)"
        )
    )
    return blank


def draw(page: Page, *places: tuple[float, float]) -> None:
    """Draw with the mouse from place to place, in shares of the sheet."""
    sheet(page).scroll_into_view_if_needed()
    box = sheet(page).bounding_box()
    assert box is not None
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


RING = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.3)]


def test_what_is_drawn_is_asked_about_and_clear_wipes_the_sheet(visit: Visit, digits: str) -> None:
    page = visit("#/digits", at=digits)
    assert is_blank(page)

    draw(page, (0.5, 0.2), (0.5, 0.8))
    expect(answer(page).locator(".says")).to_have_text("1")
    expect(answer(page).get_by_alt_text("what speaks for 1, and what against it")).to_be_visible()

    shown(page).get_by_role("button", name="Clear").click()
    expect(answer(page)).to_contain_text("The answer will stand here.")
    assert is_blank(page)

    draw(page, *RING)
    expect(answer(page).locator(".says")).to_have_text("0")


def test_another_stroke_is_added_to_what_is_drawn(visit: Visit, digits: str) -> None:
    page = visit("#/digits", at=digits)
    draw(page, (0.3, 0.2), (0.3, 0.8))
    expect(answer(page).locator(".says")).to_have_text("1")

    draw(page, (0.3, 0.5), (0.7, 0.5))

    expect(answer(page).locator(".says")).to_have_text("0")


def test_the_keyboard_draws(visit: Visit, digits: str) -> None:
    page = visit("#/digits", at=digits)
    sheet(page).focus()

    for _ in range(10):
        page.keyboard.press("ArrowDown")
    assert is_blank(page)
    page.keyboard.press("Space")
    expect(shown(page).get_by_text("The pen is down.")).to_be_attached()
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")

    expect(answer(page).locator(".says")).to_have_text("1")


def test_a_file_takes_the_place_of_what_is_drawn(visit: Visit, digits: str) -> None:
    page = visit("#/digits", at=digits)
    draw(page, (0.5, 0.2), (0.5, 0.8))
    expect(answer(page).locator(".says")).to_have_text("1")

    choose_example(page, "its own example")

    expect(answer(page).locator(".says")).to_have_text("0")
    expect(shown(page).get_by_alt_text("the picture that is asked about")).to_be_visible()
    assert is_blank(page)


def test_a_model_of_photographs_has_no_sheet(visit: Visit) -> None:
    page = visit("#/image")

    expect(shown(page).get_by_role("button", name="Choose a picture")).to_be_visible()
    expect(sheet(page)).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_sheet_keeps_nobody_out(visit: Visit, digits: str, width: int, scheme: str) -> None:
    page = visit("#/digits", at=digits, width=width, scheme=scheme)
    draw(page, *RING)
    expect(answer(page).locator(".says")).to_have_text("0")

    check_access(page, width)
