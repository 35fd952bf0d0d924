"""Scenario H of contract 3.5: an object that loads itself from the transfer that found its class."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import urlmon
from tests.integration.scenario_calls import (
    START,
    STOP,
    connecting,
    parts,
    progress,
    release_next,
    script_parts,
    told,
)
from tests.recording import INTERMEDIATE, LAST, PULL, ObjectRecorder, pump_until
from tests.servers import ScriptedServer, payload


class Loaded:
    """Loads itself from the moniker, with a callback of its own."""

    def __init__(self) -> None:
        self.client = ObjectRecorder(PULL)

    def load_moniker(self, fully: bool, moniker: Any, context: Any, mode: int) -> None:
        self.facts = (fully, mode)
        urlmon.register_bind_status_callback(context, self.client)
        moniker.bind_to_storage(context)


def test_h_objects() -> None:
    """Two callbacks, one transfer: the object's hears of the data, and of nothing that came before."""
    clsid = UUID("12345678-1234-5678-1234-567812345678")
    with ScriptedServer() as server:
        url = script_parts(server)
        outer = ObjectRecorder(PULL)
        context = urlmon.create_async_bind_ctx(outer)
        made: list[Loaded] = []

        def make() -> Loaded:
            made.append(Loaded())
            made[0].client.hooks["on_data_available"] = release_next(server)
            return made[0]

        urlmon.register_media_type_class("application/octet-stream", make, clsid, context=context)
        assert urlmon.create_url_moniker(url).bind_to_object(context) is None
        pump_until(lambda: outer.stopped and made[0].client.stopped)
        assert told(outer) == [
            *START,
            *connecting(server),
            progress("MIMETYPEAVAILABLE", text="application/octet-stream"),
            progress("BEGINDOWNLOADDATA", 500, text=url),
            progress("CLASSIDAVAILABLE", 500, text=f"{{{clsid}}}"),
            progress("BEGINSYNCOPERATION", 500, text=None),
            progress("ENDSYNCOPERATION", 500, text=None),
            ("on_object_available",),
            STOP,
        ]
        inner = made[0].client
        assert told(inner) == [
            *START,
            *parts(url, LAST | INTERMEDIATE),
            STOP,
        ]
        assert outer.of("on_object_available")[0][1] is made[0]
        assert made[0].facts == (False, 0x12)
        assert inner.body == payload(1000)
        assert len(server.requests) == 1
