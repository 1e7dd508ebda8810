"""GET /: one page on which a person can try the models; it asks the same API as everybody."""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import HTMLResponse

_PAGE = Path(__file__).with_name("page.html")


def page_router() -> APIRouter:
    """Build the route; the page is read once."""
    router = APIRouter(include_in_schema=False)
    content = _PAGE.read_text(encoding="utf-8")

    @router.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse(content)

    return router
