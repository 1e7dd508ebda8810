"""What tests of the page do again and again."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect


def shown(page: Page) -> Locator:
    """The tab that is looked at; others stay as they are, unseen."""
    return page.locator(".tab:not([hidden])")


def answer(page: Page) -> Locator:
    return shown(page).get_by_role("region", name="Answer", exact=True)


def text(page: Page) -> Locator:
    return shown(page).get_by_label("Text")


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Models").get_by_role("link", name=name).click()
    expect(shown(page).get_by_role("heading", level=1)).to_have_text(name)


def open_other(page: Page, name: str) -> None:
    page.get_by_label("another model").fill(name)
    page.keyboard.press("Enter")
    expect(shown(page).get_by_role("heading", level=1)).to_have_text(name)


def choose_example(page: Page, name: str) -> None:
    shown(page).get_by_role("button", name=name).click()


def ask(page: Page) -> None:
    shown(page).get_by_role("button", name="Ask", exact=True).click()


def check_access(page: Page, width: int) -> None:
    """See that nothing on the page keeps anybody out, and that it is no wider than the window."""
    found = Axe().run(page)

    assert [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


class Held:
    """Requests of a page to a path that wait until a test lets them go."""

    def __init__(self, page: Page, pattern: str = "**/predict/**") -> None:
        self._page = page
        self.routes: list[Route] = []
        page.route(pattern, self._hold)

    def _hold(self, route: Route) -> None:
        self.routes.append(route)

    def wait_for(self, count: int) -> None:
        """Wait until so many have been sent."""
        for _ in range(6_000):
            if len(self.routes) >= count:
                return
            self._page.wait_for_timeout(10)
        raise AssertionError(f"{len(self.routes)} requests came, not {count}")

    def let_go(self, number: int) -> None:
        """Send one on to the gateway; what the page has cancelled goes nowhere."""
        self.routes[number].continue_()


def asked(page: Page) -> list[str]:
    """Keep what the page asks models from now on, by its URL."""
    urls: list[str] = []

    def keep(request: Any) -> None:
        if "/predict/" in request.url or "/infer" in request.url:
            urls.append(request.url)

    page.on("request", keep)
    return urls
