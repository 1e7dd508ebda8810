"""The page: what a real browser shows of it."""

import subprocess
from pathlib import Path

from serving.models import MODELS
from tests import stack
from tests.programs import needs
from tfgate.keys import create

needs_chromium = needs("chromium", package="chromium")


def shown(url: str, profile: Path) -> str:
    """Return what a page has become once its scripts have run."""
    command = [
        *("chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"),
        *("--virtual-time-budget=10000", "--dump-dom", url),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return finished.stdout


@needs_chromium
def test_a_browser_shows_a_form_for_every_model(gateway: str, tmp_path: Path) -> None:
    page = shown(gateway, tmp_path)

    first = next(iter(MODELS))
    for name in MODELS:
        selected = "true" if name == first else "false"
        assert f'role="tab" aria-selected="{selected}">{name}<' in page
    for field in MODELS[first].request.model_fields:
        assert f'name="{field}"' in page
    assert 'hidden=""' in page, "nobody needs a key"


@needs_chromium
def test_a_browser_asks_for_a_key_where_one_is_needed(model_server: str, tmp_path: Path) -> None:
    create(tmp_path / "keys", "shop")
    with stack.gateway(model_server, keys_file=str(tmp_path / "keys")) as url:
        page = shown(url, tmp_path)

    assert 'hidden=""' not in page
    assert "the request has no API key" in page


@needs_chromium
def test_a_browser_shows_the_documentation(gateway: str, tmp_path: Path) -> None:
    page = shown(f"{gateway}/docs", tmp_path)

    for name in MODELS:
        assert f"One prediction by {name}" in page
