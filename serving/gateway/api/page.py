"""GET /: one page on which a person can try the models; it asks the same API as everybody."""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

_PAGE = Path(__file__).with_name("page.html")


def page_router() -> APIRouter:
    """Build the route; the page is read once."""
    router = APIRouter(include_in_schema=False)
    content = _PAGE.read_text(encoding="utf-8")
    headers = {"Content-Security-Policy": _policy(content)}

    @router.get("/")
    async def page(request: Request) -> HTMLResponse:
        shown = content
        if root_path := request.scope["root_path"]:
            # The links are relative, and the address may lack the slash at its end.
            shown = content.replace("<head>", f'<head>\n<base href="{root_path}/">', 1)
        return HTMLResponse(shown, headers=headers)

    return router


def _policy(content: str) -> str:
    """Allow the page its own script and style, and to ask its own origin; nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_source(content, 'script')}",
            f"style-src {_source(content, 'style')}",
            "connect-src 'self'",
            "img-src 'self' data:",
            "base-uri 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _source(content: str, tag: str) -> str:
    """Name what stands within a tag by its digest, as Content Security Policy Level 3 has it."""
    [inside] = re.findall(f"<{tag}>(.*?)</{tag}>", content, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
