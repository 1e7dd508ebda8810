"""The files of the page, read once: what a browser gets of each, packed, with its digest."""

import gzip
import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_DOCUMENT = "index.html"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
}
_PACKED = {".jpg", ".png"}  # already
_MAX_PREFIXES = 16  # for which a document is kept: proxies that are trusted may name any


@dataclass(frozen=True)
class File:
    """One file as it is sent."""

    content: bytes
    media_type: str
    is_packed: bool = False

    @cached_property
    def gzipped(self) -> bytes | None:
        """The content compressed; None if that would only make it longer."""
        return None if self.is_packed else gzip.compress(self.content, mtime=0)

    @cached_property
    def etag(self) -> str:
        """What names this content, and no other: weak, as it is sent packed or not."""
        return f'W/"{hashlib.sha256(self.content).hexdigest()[:32]}"'


@lru_cache
def files() -> Mapping[str, File]:
    """Read what the document asks for, by its path beneath `page/`."""
    paths = (path for path in _FOLDER.rglob("*") if path.suffix in _MEDIA_TYPES)
    return {
        path.relative_to(_FOLDER).as_posix(): File(
            path.read_bytes(), _MEDIA_TYPES[path.suffix], path.suffix in _PACKED
        )
        for path in sorted(paths)
    }


@lru_cache(_MAX_PREFIXES)
def document(root_path: str) -> File:
    """Read the document for those who reach the gateway under a path, such as `/models`.

    All modules are named in it: a browser need not read one to learn of the next.
    """
    text = (_FOLDER / _DOCUMENT).read_text(encoding="utf-8")
    modules = (name for name in files() if name.endswith(".js"))
    links = "".join(f'<link rel="modulepreload" href="page/{name}">\n' for name in modules)
    # After the style, which nothing is painted without.
    shown = text.replace("<script", f"{links}<script", 1)
    if root_path:
        # The links are relative, and the address may lack the slash at its end.
        shown = shown.replace("<title>", f'<base href="{html.escape(root_path)}/">\n<title>', 1)
    return File(shown.encode(), "text/html; charset=utf-8")
