"""about: URLs: a page that says what stands behind the colon; about:blank is an empty one."""

from __future__ import annotations

import html

from urlmon.constants import PARSEACTION
from urlmon.protocols.memory import MemoryProtocol


class AboutProtocol(MemoryProtocol):
    """Handler of about:. The page is HTML in UTF-16 with a byte order mark, as it always was."""

    def find(self, url: str) -> tuple[str, bytes]:
        """text/html, whatever the URL says."""
        text = url.partition(":")[2]
        page = f"<HTML>{'' if text.lower() == 'blank' else html.escape(text)}</HTML>\0"
        return "text/html", b"\xff\xfe" + page.encode("utf-16-le", "surrogatepass")

    def parse_url(self, url: str, action: int, flags: int = 0) -> str | None:
        """SECURITY_URL is the URL itself; the rest is left to the built-in rules."""
        return url if action == PARSEACTION.SECURITY_URL else None
