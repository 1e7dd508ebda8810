"""The page: what a real browser shows of it, and what comes of what a person does there."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from serving.models import MODELS
from tests import stack
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.generic_models import generic_version
from tests.programs import needs, path_of
from tests.serving.gateway.releases.asking import MODEL, release, served, write
from tfgate.keys import create

expect.set_options(timeout=60_000)  # how fast it is says more of the machine
needs_chromium = needs("chromium", package="chromium")
pytestmark = needs_chromium


def shown(url: str, profile: Path) -> str:
    """Return what a page has become once its scripts have run."""
    command = [
        *("chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"),
        *("--virtual-time-budget=10000", "--dump-dom", url),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return finished.stdout


@pytest.fixture(scope="module")
def generic_gateway() -> Iterator[str]:
    """A gateway with generic models, none of which is known at the start."""
    server = declared_models()
    for name in ("forest", "pictures", "halves", "without a batch"):
        server.models[name] = {1: generic_version(name)}
    with listening(server) as address, stack.gateway(address, generic_models="*") as url:
        stack.wait_until_ready(url)
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path_of("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, generic_gateway: str) -> Iterator[Page]:
    """The page in a browser; whatever its scripts complain of is a failure."""
    complaints: list[str] = []
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(generic_gateway)
    expect(page.get_by_role("tab", selected=True)).to_be_visible()
    yield page
    page.close()
    assert complaints == []


def open_other(page: Page, name: str) -> None:
    page.get_by_label("another model").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", selected=True)).to_have_text(name)


def ask(page: Page) -> None:
    page.get_by_role("button", name="Ask").click()


def test_a_browser_shows_a_form_for_every_model(gateway: str, tmp_path: Path) -> None:
    page = shown(gateway, tmp_path)

    first = next(iter(MODELS))
    for name in MODELS:
        selected = "true" if name == first else "false"
        assert f'role="tab" aria-selected="{selected}">{name}<' in page
    for field in MODELS[first].request.model_fields:
        assert f'name="{field}"' in page
    assert 'id="key"' in page
    assert 'hidden=""' in page, "nobody needs a key"


def test_a_browser_asks_for_a_key_where_one_is_needed(model_server: str, tmp_path: Path) -> None:
    create(tmp_path / "keys", "shop")
    with stack.gateway(model_server, keys_file=str(tmp_path / "keys")) as url:
        page = shown(url, tmp_path)

    assert 'hidden=""' not in page
    assert "the request has no API key" in page


def test_a_browser_shows_the_documentation(gateway: str, tmp_path: Path) -> None:
    page = shown(f"{gateway}/docs", tmp_path)

    for name in MODELS:
        assert f"One prediction by {name}" in page


def test_a_typed_model_answers_its_example(page: Page) -> None:
    ask(page)

    expect(page.locator("section")).to_contain_text('"prediction"')
    page.get_by_text("TensorFlow Serving's REST, in rows").click()
    expect(page.locator("#examples")).to_contain_text("/v1/models/housing:predict")


def test_a_generic_model_is_shown_and_answers(page: Page) -> None:
    open_other(page, "forest")

    expect(page.locator("form")).to_contain_text("[any, 4]")
    box = page.get_by_label("request")
    assert json.loads(box.input_value())["inputs"][0]["data"] == [0, 0, 0, 0]
    ask(page)
    answer = page.locator("section pre")
    expect(answer).to_contain_text('"score"')
    assert json.loads(answer.inner_text())["model_name"] == "forest"

    page.get_by_label("signature").select_option("one score")
    expect(page.locator("form")).not_to_contain_text("kind")
    ask(page)
    expect(page.locator("section pre")).not_to_contain_text("leaf")


def test_one_value_fills_a_large_tensor(page: Page) -> None:
    open_other(page, "pictures")

    box = page.get_by_label("request")
    assert json.loads(box.input_value())["inputs"][0]["data"] == [0]
    ask(page)

    expect(page.locator("section pre")).to_contain_text('"score"')


def test_why_requests_are_sent_one_by_one_is_shown(page: Page) -> None:
    open_other(page, "without a batch")

    expect(page.locator("form")).to_contain_text("one by one: these tensors have no batch")
    ask(page)
    expect(page.locator("section pre")).to_contain_text('"total"')


def test_what_json_cannot_carry_is_said_and_shown_in_other_dialects(page: Page) -> None:
    open_other(page, "halves")

    expect(page.locator("form")).to_contain_text("JSON cannot carry")
    expect(page.get_by_role("button", name="Ask")).not_to_be_visible()
    page.get_by_text("Open Inference Protocol", exact=True).click()
    expect(page.locator("#examples")).to_contain_text("Inference-Header-Content-Length")


def test_what_is_wrong_is_told_in_the_words_of_the_dialect(page: Page) -> None:
    open_other(page, "forest")
    box = page.get_by_label("request")
    body = json.loads(box.input_value())
    body["inputs"][0]["datatype"] = "FP64"

    box.fill(json.dumps(body))
    ask(page)
    expect(page.locator(".problem")).to_contain_text("features")

    box.fill("{")
    ask(page)
    expect(page.locator(".problem")).to_contain_text("JSON")


def test_a_name_that_is_nobodys_is_told(page: Page) -> None:
    page.get_by_label("another model").fill("nobody")
    page.keyboard.press("Enter")

    expect(page.locator(".problem")).to_contain_text("there is no model 'nobody'")


def test_a_release_is_shown_as_it_runs(browser: Browser, tmp_path: Path) -> None:
    server = served(1, 2)
    tried = f"[models.{MODEL}.shadow]\nversion = 3\npercent = 30"
    file = write(tmp_path, release(1, 2, percent=20, more=tried))
    with listening(server) as address, stack.gateway(address, releases=str(file)) as url:
        stack.wait_until_ready(url)
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        page.get_by_role("tab", name=MODEL).click()
        shown = page.locator("#release")

        expect(shown).to_contain_text("stable 1: 80 %, candidate 2: 20 %")
        expect(shown).to_contain_text("Release running.")
        expect(shown).to_contain_text("Version 3 is the shadow")
        bar = page.locator(".shares").bounding_box()
        part = page.locator(".shares .candidate").bounding_box()
        assert bar is not None
        assert part is not None
        assert part["width"] == pytest.approx(0.2 * bar["width"], abs=1)
        ask(page)
        expect(shown.get_by_role("row", name="requests")).to_contain_text("1")

        # It is looked at again by itself.
        write(tmp_path, release(1, 9, percent=50))
        expect(shown).to_contain_text("Release waiting: version 9, the candidate, is not ready.")
        expect(shown).to_contain_text("candidate 9: 0 %")

        write(tmp_path, "# none\n")
        expect(shown).to_be_empty()
        page.close()
        assert complaints == []


def test_without_a_release_none_is_shown(page: Page) -> None:
    ask(page)

    expect(page.locator("section")).to_contain_text('"prediction"')
    expect(page.locator("#release")).to_be_empty()
