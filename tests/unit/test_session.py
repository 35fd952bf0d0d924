"""The registries of the session: name spaces, MIME filters, protocol infos (contract 10.2)."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest

import urlmon
from urlmon.session import InternetSession, scheme_of


class One(urlmon.InternetProtocol):
    pass


class Two(urlmon.InternetProtocol):
    pass


class Asked(urlmon.InternetProtocol, urlmon.InternetProtocolInfo):
    def parse_url(self, url: str, action: int, flags: int = 0) -> str | None:
        return f"asked for {url}"


CLSID = UUID(int=7)


def factories(session: InternetSession, url: str, **more: bool) -> list[object]:
    return [registration.factory for registration in session.find_handlers(url, **more)]


def test_there_is_one_session() -> None:
    assert urlmon.get_session() is urlmon.get_session()


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("HTTP://x/", "http"),
        ("winetest:test", "winetest"),
        ("a+b.c-1:", "a+b.c-1"),
        ("1a:b", ""),
        ("/a:b", ""),
        ("plain", ""),
        ("", ""),
    ],
)
def test_scheme_of(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme


def test_registrations_are_a_stack() -> None:
    session = InternetSession()
    for factory in (Two, One, One):
        assert session.register_name_space("Test", factory) == urlmon.HRESULT.S_OK
    assert factories(session, "test:x") == [One]
    session.unregister_name_space("test", One)
    assert factories(session, "TEST:x") == [One]
    session.unregister_name_space("test", One)
    assert factories(session, "test:x") == [Two]
    assert session.unregister_name_space("test", One) == urlmon.HRESULT.S_OK
    session.unregister_name_space("test", Two)
    assert factories(session, "test:x") == []


def test_a_registration_names_a_class() -> None:
    session = InternetSession()
    session.register_name_space("test", One, CLSID)
    assert session.find_handlers("test:x")[0].clsid == CLSID


def test_the_default_handler_comes_after_the_registered_one_unless_it_is_preferred() -> None:
    session = InternetSession()
    session.set_default_handler("test", Two, CLSID)
    assert factories(session, "test:x") == [Two]
    session.register_name_space("test", One)
    assert factories(session, "test:x") == [One, Two]
    assert factories(session, "test:x", default_first=True) == [Two, One]


def test_the_newest_mime_filter_is_found() -> None:
    session = InternetSession()
    session.register_mime_filter("Image/PJPEG", One)
    session.register_mime_filter("image/pjpeg", Two)
    found = session.find_mime_filter("image/pjpeg")
    assert found is not None
    assert found.factory is Two
    session.unregister_mime_filter("image/pjpeg", Two)
    session.unregister_mime_filter("image/pjpeg", One)
    assert session.find_mime_filter("image/pjpeg") is None


@pytest.mark.parametrize("register", ["register_name_space", "register_mime_filter"])
@pytest.mark.parametrize("arguments", [("", One), ("test", None)], ids=["no name", "no factory"])
def test_registering_nothing_is_refused(register: str, arguments: tuple[object, object]) -> None:
    session = InternetSession()
    for name in (register, f"un{register}"):
        with pytest.raises(urlmon.InvalidRequestError) as caught:
            getattr(session, name)(*arguments)
        assert caught.value.hresult == urlmon.HRESULT.E_INVALIDARG


def test_what_is_no_scheme_cannot_be_registered() -> None:
    with pytest.raises(urlmon.InvalidRequestError, match="no scheme"):
        InternetSession().register_name_space("a b", One)


def test_protocol_info_is_what_the_factory_makes() -> None:
    session = InternetSession()
    session.register_name_space("test", Asked)
    info = session.find_protocol_info("test:1")
    assert info is not None
    assert info.parse_url("test:1", 7) == "asked for test:1"
    session.register_name_space("test", One)
    assert session.find_protocol_info("test:1") is None
    assert session.find_protocol_info("other:1") is None


def test_a_factory_that_is_a_protocol_info_is_asked_itself() -> None:
    class Factory(urlmon.InternetProtocolInfo):
        def __call__(self) -> urlmon.InternetProtocol:
            raise AssertionError("nothing has to be made")

    session = InternetSession()
    factory = Factory()
    session.register_name_space("test", factory)
    assert session.find_protocol_info("test:1") is factory


def test_threads_may_register_at_the_same_time() -> None:
    session = InternetSession()

    def register(number: int) -> None:
        for _ in range(200):
            session.register_name_space("test", One)
            session.register_name_space(f"other{number}", One)
            session.unregister_name_space("test", One)

    threads = [threading.Thread(target=register, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert factories(session, "test:x") == []
    assert len(session.find_handlers("other3:x")) == 1


def test_the_functions_are_those_of_the_session() -> None:
    urlmon.register_name_space("x-functions", One)
    urlmon.register_mime_filter("x/functions", Two)
    session = urlmon.get_session()
    try:
        assert factories(session, "x-functions:1") == [One]
        assert session.find_mime_filter("x/functions") is not None
    finally:
        urlmon.unregister_name_space("x-functions", One)
        urlmon.unregister_mime_filter("x/functions", Two)
    assert factories(session, "x-functions:1") == []
    assert session.find_mime_filter("x/functions") is None
