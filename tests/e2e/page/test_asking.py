"""Each answer belongs to its question; what goes wrong is said, and nothing entered is lost."""

import re

from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.page.conftest import PHONE, Visit
from tests.e2e.page.steps import Held, answer, asked, choose_example, open_tab, shown, text
from tests.programs import needs

pytestmark = needs("chromium", package="chromium")


def test_nothing_is_asked_until_something_is_chosen(visit: Visit) -> None:
    page = visit()
    urls = asked(page)

    for name in ("housing", "image", "sentiment"):
        open_tab(page, name)
        expect(answer(page)).to_contain_text("The answer will stand here.")
        expect(shown(page).get_by_role("button", name="Copy a link")).to_be_disabled()
    page.wait_for_timeout(1_000)

    assert urls == []


def test_a_text_is_asked_as_it_is_typed(visit: Visit) -> None:
    page = visit("#/sentiment")
    urls = asked(page)

    text(page).press_sequentially("a warm and funny film")
    expect(answer(page)).to_contain_text("positive")

    # Not after each letter.
    assert len(urls) < len("a warm and funny film") / 2


def test_a_late_answer_is_never_shown_beside_a_newer_text(visit: Visit) -> None:
    page = visit("#/sentiment")
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.post_data or ""))
    held = Held(page)

    text(page).fill("warm")
    held.wait_for(1)
    text(page).fill("boring")
    held.wait_for(2)
    held.let_go(1)
    expect(answer(page).locator(".says")).to_have_text("negative")
    held.let_go(0)
    page.wait_for_timeout(500)

    expect(answer(page).locator(".says")).to_have_text("negative")
    assert ['"warm"' in each for each in failed] == [True]


def test_an_answer_is_told_as_that_of_the_text_before_while_the_new_one_is_asked(
    visit: Visit,
) -> None:
    page = visit("#/sentiment")
    text(page).fill("warm")
    expect(answer(page).locator(".says")).to_have_text("positive")

    held = Held(page)
    text(page).fill("boring")

    # At once, not only when it is asked.
    expect(answer(page)).to_contain_text("below is still the answer to what was there before")
    expect(answer(page).locator("[aria-busy=true]")).to_be_visible()
    held.wait_for(1)
    held.let_go(0)
    expect(answer(page).locator("[aria-busy=false]")).to_be_visible()
    expect(answer(page).locator(".says")).to_have_text("negative")


def test_without_a_text_there_is_no_answer(visit: Visit) -> None:
    page = visit("#/sentiment")
    text(page).fill("warm")
    expect(answer(page)).to_contain_text("positive")

    text(page).fill(" ")

    expect(answer(page)).not_to_contain_text("positive")
    expect(answer(page)).to_contain_text("The answer will stand here.")


def test_a_late_answer_stays_on_its_own_tab(visit: Visit) -> None:
    page = visit("#/sentiment")
    held = Held(page)
    text(page).fill("warm")
    held.wait_for(1)

    open_tab(page, "housing")
    held.let_go(0)
    page.wait_for_timeout(500)

    expect(answer(page)).to_contain_text("The answer will stand here.")
    open_tab(page, "sentiment")
    expect(answer(page)).to_contain_text("positive")


def test_what_was_entered_is_there_when_one_comes_back(visit: Visit) -> None:
    page = visit("#/sentiment")
    text(page).fill("warm")
    open_tab(page, "housing")
    choose_example(page, "Fresno")
    open_tab(page, "image")
    choose_example(page, "airplane")

    open_tab(page, "sentiment")
    expect(text(page)).to_have_value("warm")
    open_tab(page, "housing")
    expect(shown(page).get_by_label("latitude")).to_have_value("36.77")
    expect(answer(page)).to_contain_text("$")
    open_tab(page, "image")
    expect(shown(page).get_by_text("airplane.png, 2 kB")).to_be_visible()
    page.go_back()
    expect(shown(page).get_by_label("latitude")).to_have_value("36.77")


def test_a_gateway_that_is_gone_is_told_and_nothing_entered_is_lost(visit: Visit) -> None:
    page = visit("#/sentiment")
    expect(text(page)).to_be_visible()
    page.route("**/predict/**", lambda route: route.abort("connectionrefused"))
    text(page).fill("warm")

    problem = answer(page).get_by_role("alert")
    expect(problem).to_contain_text("The gateway does not answer")
    expect(text(page)).to_have_value("warm")

    page.unroute("**/predict/**")
    problem.get_by_role("button", name="Ask again").click()
    expect(answer(page)).to_contain_text("positive")
    expect(problem).not_to_be_visible()


def test_a_failure_stands_in_the_place_of_the_answer_before(visit: Visit) -> None:
    page = visit("#/sentiment")
    text(page).fill("warm")
    expect(answer(page)).to_contain_text("positive")

    page.route("**/predict/**", too_many)
    text(page).fill("boring")

    expect(answer(page)).to_contain_text("Too many requests")
    expect(answer(page)).to_contain_text("Ask again in 3 seconds.")
    expect(answer(page)).not_to_contain_text("positive")


def too_many(route: Route) -> None:
    route.fulfill(
        status=429,
        headers={"Retry-After": "3", "Content-Type": "application/problem+json"},
        body='{"title": "Too many requests", "detail": "all places are taken"}',
    )


def test_what_is_no_json_is_told(visit: Visit) -> None:
    page = visit("#/sentiment")
    expect(text(page)).to_be_visible()
    page.route("**/predict/**", lambda route: route.fulfill(status=502, body="<h1>Bad</h1>"))

    text(page).fill("warm")

    expect(answer(page)).to_contain_text("No answer that can be read")
    expect(answer(page)).to_contain_text("502")


def test_what_is_wrong_is_told_beside_its_field(visit: Visit) -> None:
    page = visit("#/housing")
    choose_example(page, "Fresno")
    expect(answer(page)).to_contain_text("$")

    shown(page).get_by_label("total bedrooms", exact=True).fill("5000")

    expect(
        shown(page).locator(".slider", has_text="total bedrooms").locator(".wrong")
    ).to_contain_text("must not exceed")
    expect(answer(page)).to_contain_text("Invalid input")
    shown(page).get_by_label("total bedrooms", exact=True).fill("")
    expect(answer(page)).to_contain_text("$")


def test_a_gateway_that_was_gone_at_the_start_is_asked_again(visit: Visit) -> None:
    page = visit("#/sentiment")
    paths = re.compile(r"/models(/sentiment)?$")
    page.route(paths, lambda route: route.abort("connectionrefused"))
    page.reload()
    expect(page.get_by_role("alert").first).to_contain_text("The gateway does not answer")

    page.unroute(paths)
    for _ in range(2):
        page.get_by_role("button", name="Ask again").first.click()

    expect(text(page)).to_be_visible()


def test_the_answer_is_in_view_where_one_asks(visit: Visit) -> None:
    for width in (PHONE, 1280):
        page = visit("#/housing", width=width)
        choose_example(page, "Fresno")
        expect(said_in_view(page, width)).to_contain_text("$")
        income = shown(page).get_by_label("median income, within what was learned")
        income.scroll_into_view_if_needed()
        expect(said_in_view(page, width)).to_be_in_viewport()
        before = said_in_view(page, width).inner_text()
        income.press("ArrowRight")
        income.press("PageUp")
        expect(said_in_view(page, width)).not_to_have_text(before)
        expect(said_in_view(page, width)).to_be_in_viewport()


def said_in_view(page: Page, width: int) -> Locator:
    """Where the answer is read: in the bar at the bottom of a phone, else beside the form."""
    return shown(page).locator(".headline strong" if width == PHONE else ".says")
