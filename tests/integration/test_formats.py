"""What a client prefers reaches the server (contract 6.4)."""

from __future__ import annotations

import json
from typing import Any

import urlmon
from tests.recording import Recorder, finish
from tests.servers import ScriptedServer
from urlmon import BindInfo, create_async_bind_ctx, create_format_enumerator


def accepted(scripted: ScriptedServer, formats: Any, **info: Any) -> list[str]:
    """The Accept fields of a request with these formats."""
    recorder = Recorder(BindInfo(**info))
    moniker = urlmon.create_url_moniker(scripted.url("/echo"))
    moniker.bind_to_storage(create_async_bind_ctx(recorder, formats))
    finish(recorder)
    fields = json.loads(bytes(recorder.body))["headers"]
    return [value for name, value in fields if name.lower() == "accept"]


def test_formats_are_accepted_in_order_of_preference(scripted: ScriptedServer) -> None:
    formats = create_format_enumerator(["text/html", "text/plain", "*/*"])
    assert accepted(scripted, formats) == ["text/html, text/plain;q=0.9, */*;q=0.1"]
    assert accepted(scripted, None) == ["*/*"]


def test_a_field_of_the_client_s_own_wins(scripted: ScriptedServer) -> None:
    formats = create_format_enumerator(["text/html"])
    assert accepted(scripted, formats, headers={"accept": "image/png"}) == ["image/png"]


def test_formats_are_asked_for_on_the_thread_of_the_bind_once(scripted: ScriptedServer) -> None:
    asked = []

    class Formats:
        def __iter__(self) -> Any:
            asked.append(urlmon.Apartment.current().is_owner)
            return iter(create_format_enumerator(["text/html"]))

    assert accepted(scripted, Formats()) == ["text/html"]
    assert asked == [True]
