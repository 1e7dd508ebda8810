"""The page for everybody: no violation that axe-core knows, and the keyboard is enough."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import DESKTOP, PHONE, Visit
from tests.e2e.page.steps import (
    Held,
    answer,
    ask,
    check_access,
    choose_example,
    open_other,
    open_tab,
    shown,
    text,
)
from tests.programs import needs

pytestmark = needs("chromium", package="chromium")


def a_text(page: Page) -> None:
    open_tab(page, "sentiment")
    choose_example(page, "praise")
    expect(answer(page)).to_contain_text("positive")
    shown(page).get_by_text("Use it in a program", exact=True).click()
    expect(shown(page).get_by_role("button", name="curl")).to_be_visible()


def a_picture(page: Page) -> None:
    open_tab(page, "image")
    choose_example(page, "ship")
    expect(answer(page).locator(".over")).to_be_visible()


def a_house(page: Page) -> None:
    open_tab(page, "housing")
    choose_example(page, "out in the Pacific")
    expect(answer(page).locator(".step")).to_have_count(9)


def a_failure(page: Page) -> None:
    open_tab(page, "housing")
    choose_example(page, "Fresno")
    shown(page).get_by_label("total bedrooms", exact=True).fill("5000")
    expect(answer(page).get_by_role("alert")).to_be_visible()


def a_generic_model(page: Page) -> None:
    open_other(page, "forest")
    ask(page)
    expect(answer(page).get_by_role("heading", name="score")).to_be_visible()


def versions(page: Page) -> None:
    a_house(page)
    shown(page).get_by_role("link", name="Compare").click()
    expect(shown(page).locator(".compared .says")).to_have_count(2)


def nobody(page: Page) -> None:
    page.get_by_label("another model").fill("nobody")
    page.keyboard.press("Enter")
    expect(shown(page).get_by_role("alert")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize(
    "see", [a_text, a_picture, a_house, a_failure, a_generic_model, versions, nobody]
)
def test_nothing_keeps_anybody_out(
    visit: Visit, see: Callable[[Page], None], width: int, scheme: str
) -> None:
    page = visit(width=width, scheme=scheme)
    see(page)

    check_access(page, width)


def tab_to(page: Page, is_there: Callable[[], bool], *, most: int = 60) -> None:
    for _ in range(most):
        if is_there():
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not lead there")


def focused(page: Page) -> str:
    words: str = page.evaluate(
        "(document.activeElement.ariaLabel ?? document.activeElement.textContent).trim()"
    )
    return words


def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit("#/housing")
    expect(shown(page).get_by_role("button", name="Fresno")).to_be_visible()

    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    tab_to(page, lambda: focused(page) == "Fresno")
    page.keyboard.press("Enter")
    expect(answer(page).locator(".says")).to_have_text("$99,900")

    tab_to(page, lambda: focused(page).startswith("Map of California"))
    page.keyboard.press("ArrowUp")
    expect(shown(page).get_by_label("latitude")).to_have_value("36.82")
    tab_to(page, lambda: focused(page) == "median income, within what was learned")
    page.keyboard.press("Home")
    expect(shown(page).get_by_label("median income", exact=True)).to_have_value("0.5")
    expect(answer(page).locator(".says")).to_have_text("$23,900")
    tab_to(page, lambda: focused(page) == "Use it in a program")
    page.keyboard.press("Enter")
    tab_to(page, lambda: focused(page) == "Copy")
    page.keyboard.press("Enter")
    expect(shown(page).get_by_text("Copied.", exact=True)).to_be_visible()


def test_what_changes_is_announced(visit: Visit) -> None:
    page = visit("#/sentiment")

    text(page).fill("warm")

    expect(answer(page).get_by_role("status")).to_contain_text("Answered: positive, ")


def test_whoever_wants_no_motion_sees_none(visit: Visit) -> None:
    page = visit("#/sentiment")
    page.emulate_media(reduced_motion="reduce")
    Held(page)

    text(page).fill("warm")

    waiting = answer(page).locator(".busy")
    expect(waiting).to_be_visible()
    name = "node => getComputedStyle(node, '::before').animationName"
    assert waiting.evaluate(name) == "none"
