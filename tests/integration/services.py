"""A client that offers IAuthenticate, and a request whose redirects are left to the client."""

from __future__ import annotations

from typing import Any

from tests.recording import Recorder
from urlmon import BINDINFO_OPTIONS, BindInfo

LOGIN = ("user", "secret")

MANUAL = BindInfo(options=BINDINFO_OPTIONS.DISABLEAUTOREDIRECTS)


class Authenticator(Recorder):
    """A Recorder that offers IAuthenticate; `logins` are its answers, the last one for ever."""

    def __init__(self, *logins: Any, info: Any = None, **more: Any) -> None:
        super().__init__(info, **more)
        self.logins = list(logins)

    def authenticate(self) -> Any:
        self._called("authenticate")
        return self.logins.pop(0) if len(self.logins) > 1 else self.logins[0]
