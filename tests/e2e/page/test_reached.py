"""Where the page is reached: behind a path, with keys, on a gateway that is gone meanwhile."""

from pathlib import Path

from playwright.sync_api import expect

from serving.models import MODELS
from tests import stack
from tests.e2e.page.conftest import Visit
from tests.e2e.page.steps import answer, choose_example, open_tab, shown, text
from tests.e2e.test_proxies import LOCATION, nginx_before
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.programs import needs
from tfgate.keys import create

pytestmark = needs("chromium", package="chromium")


def test_a_key_is_typed_in_and_kept_nowhere(visit: Visit, tmp_path: Path) -> None:
    key = create(tmp_path / "keys", "shop")
    with (
        listening(declared_models()) as address,
        stack.gateway(address, keys_file=str(tmp_path / "keys")) as url,
    ):
        page = visit("#/sentiment", at=url)
        field = page.get_by_label("API key")
        expect(page.get_by_role("alert").first).to_contain_text("the request has no API key")
        field.fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").first).to_contain_text("the API key is unknown")

        field.fill(key)
        page.keyboard.press("Enter")
        text(page).fill("warm")
        expect(answer(page)).to_contain_text("positive")
        expect(field).not_to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)

        stored = "[{...localStorage}, {...sessionStorage}, document.cookie]"
        assert page.evaluate(stored) == [{}, {}, ""]
        assert key not in page.url
        shown(page).get_by_text("Use it in a program", exact=True).click()
        expect(shown(page).locator("pre:visible")).to_contain_text('-H "X-API-Key: $TFGATE_KEY"')
        assert key not in page.content()
        page.reload()
        expect(page.get_by_label("API key")).to_be_visible()


def test_behind_a_path_all_is_found(visit: Visit) -> None:
    with (
        listening(declared_models()) as address,
        stack.gateway(address, root_path="/models/here") as url,
    ):
        # As a proxy passes it on that leaves the prefix where it is, with and without a slash.
        for path in ("models/here/", "models/here"):
            page = visit(f"{path}#/sentiment", at=url)
            text(page).fill("warm")
            expect(answer(page)).to_contain_text("positive")
            page.evaluate("window.stayed = true")
            open_tab(page, "image")
            choose_example(page, "ship")
            expect(answer(page).locator(".says")).to_contain_text("class")
            open_tab(page, "housing")
            expect(shown(page).locator(".level").first).to_be_attached()
            shown(page).get_by_text("Use it in a program", exact=True).click()
            choose_example(page, "Fresno")
            expect(shown(page).locator("pre:visible").first).to_contain_text(
                f"curl '{url}/models/here/predict/housing"
            )
            assert page.evaluate("window.stayed")


@needs("nginx", package="nginx-light")
def test_behind_nginx_all_is_found(visit: Visit, tmp_path: Path) -> None:
    # Without the slash at its end, the address of the page is no folder, which links begin at.
    bare = LOCATION.replace("/tfgate/ {", "/tfgate {").replace("8000/;", "8000;")
    for location, root_path in ((LOCATION, ""), (bare, "/tfgate")):
        settings = {"trusted_proxies": "127.0.0.1", "root_path": root_path}
        with (
            listening(declared_models()) as address,
            stack.gateway(address, **settings) as gateway,
            nginx_before(tmp_path, gateway, location) as url,
        ):
            path = "tfgate" if root_path else "tfgate/"
            page = visit(f"{path}#/sentiment", at=url.removesuffix("/tfgate"))
            text(page).fill("warm")
            expect(answer(page)).to_contain_text("positive")


def test_the_documentation_is_shown(visit: Visit) -> None:
    page = visit()
    page.get_by_role("link", name="API").click()

    for name in MODELS:
        expect(page.get_by_text(f"One prediction by {name}", exact=True)).to_be_visible()
