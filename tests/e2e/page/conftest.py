"""A gateway over the fake model server, and a browser in which its page is visited."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from serving.contract import Tensors
from tests import stack
from tests.fake_models import ANSWERS, declared_models, declared_version
from tests.fake_over_grpc import listening
from tests.generic_models import generic_version
from tests.programs import path_of

expect.set_options(timeout=60_000)  # how fast it is says more of the machine

GENERIC = ("forest", "pictures", "halves", "without a batch")
DESKTOP, PHONE = 1280, 390  # pixels

Visit = Callable[..., Page]


def dearer(inputs: Tensors) -> Tensors:
    """Price houses as the fake does, each at a thousand dollars more."""
    return {
        name: array + 1000 if name.startswith("price") else array
        for name, array in ANSWERS["housing"](inputs).items()
    }


@pytest.fixture(scope="package")
def url() -> Iterator[str]:
    """A gateway with the typed models, and generic ones, none of which is known at the start."""
    server = declared_models()
    server.models["housing"] = {
        1: declared_version("housing", 1, dearer),
        2: declared_version("housing", 2),
    }
    for name in GENERIC:
        server.models[name] = {1: generic_version(name)}
    with listening(server) as address, stack.gateway(address, generic_models="*") as url:
        stack.wait_until_ready(url)
        yield url


@pytest.fixture(scope="package")
def browser(url: str) -> Iterator[Browser]:
    # After the gateway, at which quick runs skip: a browser that half begins leaves a loop behind.
    assert url
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path_of("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    """Open the page at a path; whatever its scripts or its policy complain of is a failure."""
    complaints: list[str] = []
    with ExitStack() as opened:

        def open_page(
            path: str = "", *, width: int = DESKTOP, scheme: str = "light", at: str = url
        ) -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": 844 if width == PHONE else 900},
                color_scheme="dark" if scheme == "dark" else "light",
                has_touch=width == PHONE,
                permissions=["clipboard-read", "clipboard-write"],
            )
            opened.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda said: (
                    complaints.append(said.text) if "Content Security Policy" in said.text else None
                ),
            )
            page.goto(f"{at}/{path}")
            return page

        yield open_page
    assert complaints == []
