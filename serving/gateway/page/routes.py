"""GET / and /page/…: the page on which people try the models; it asks the same API as everybody."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from serving.errors import NotFound
from serving.gateway.page.files import File, document, files

# The page has its own scripts and styles, pictures that are chosen or drawn, and asks its own
# origin; nothing else. What stands in texts or names of files cannot run.
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "base-uri 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


def page_router() -> APIRouter:
    """Build the routes; the files are read now."""
    router = APIRouter(include_in_schema=False)
    files()

    @router.get("/")
    async def page(request: Request) -> Response:
        response = _sent(request, document(request.scope["root_path"]))
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    @router.get("/page/{path:path}")
    async def file(request: Request, path: Annotated[str, Path()]) -> Response:
        if path not in files():
            raise NotFound("the page has no such file")
        return _sent(request, files()[path])

    return router


def _sent(request: Request, file: File) -> Response:
    """Send a file, or that the browser has it: it asks each time, as a new release may differ."""
    headers = {"ETag": file.etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if file.gzipped is not None:
        headers["Vary"] = "Accept-Encoding"
    if file.etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    content = file.content
    if file.gzipped is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        content = file.gzipped
        headers["Content-Encoding"] = "gzip"
    return Response(content, headers=headers, media_type=file.media_type)
