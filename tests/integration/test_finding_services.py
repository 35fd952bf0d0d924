"""How a client's optional services are found (contract 7.6)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

import urlmon
from tests.integration.services import LOGIN, Authenticator
from tests.recording import Negotiator, Recorder, bind, finish
from tests.servers import ScriptedServer
from urlmon import BINDF, HRESULT, BindInfo
from urlmon.identifiers import (
    IID_IAuthenticate,
    IID_IBindCallbackRedirect,
    IID_IHttpNegotiate,
    IID_IHttpSecurity,
    IID_IInternetBindInfo,
    IID_IInternetProtocol,
)


class Provider(Recorder):
    """Offers nothing itself, but knows who does."""

    def __init__(self, services: dict[UUID, Any], **more: Any) -> None:
        super().__init__(**more)
        self.services = services
        self.asked: list[UUID] = []

    def query_service(self, service: UUID, iid: UUID) -> Any:
        assert service == iid
        self.asked.append(iid)
        return self.services.get(iid)


def test_services_are_found_through_query_service(scripted: ScriptedServer) -> None:
    service = Authenticator(LOGIN)
    negotiator = Negotiator(beginning_transaction=lambda *args: {"X-From": "service"})
    provider = Provider({IID_IAuthenticate: service, IID_IHttpNegotiate: negotiator})
    finish(bind(scripted.url("/basic"), provider))
    assert provider.body == b"welcome"
    assert service.methods == ["authenticate"]
    assert negotiator.methods == ["beginning_transaction", "on_response"]
    assert scripted.requests[0].header("X-From") == "service"
    assert {call.thread for call in service.calls + negotiator.calls} == {provider.thread}
    # Each is asked for once.
    assert sorted(provider.asked) == sorted(
        [
            IID_IAuthenticate,
            IID_IBindCallbackRedirect,
            IID_IHttpNegotiate,
            IID_IHttpSecurity,
            IID_IInternetBindInfo,
            IID_IInternetProtocol,
        ]
    )


def test_the_callback_itself_comes_first(scripted: ScriptedServer) -> None:
    class Both(Authenticator):
        def query_service(self, service: UUID, iid: UUID) -> Any:
            assert iid != IID_IAuthenticate
            return None

    recorder = bind(scripted.url("/basic"), Both(LOGIN))
    finish(recorder)
    assert recorder.body == b"welcome"


@pytest.mark.parametrize("through", ["itself", "query_service"])
def test_services_of_a_callback_that_others_stand_before(
    scripted: ScriptedServer, tmp_path: Any, through: str
) -> None:
    """The convenience functions have a callback of their own in front of the client's."""
    service = Authenticator(LOGIN, info=BindInfo(flags=BINDF(0)))
    client = service if through == "itself" else Provider({IID_IAuthenticate: service})
    path = urlmon.url_download_to_file(scripted.url("/basic"), tmp_path / "target", client)
    assert (tmp_path / "target").read_bytes() == b"welcome"
    assert str(path) == str(tmp_path / "target")
    assert service.methods.count("authenticate") == 1


def test_a_provider_of_nothing(scripted: ScriptedServer) -> None:
    recorder = bind(scripted.url("/basic"), Provider({}))
    finish(recorder)
    assert (recorder.hresult, recorder.body) == (HRESULT.S_OK, b"who are you?\n")
