"""The guards notice what they are there for, and nothing else."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import guards
from tests.lifecycle import check_script
from tests.servers.curl_client import fetch
from tests.servers.scripted import ScriptedServer

COUNTS = {"bindings": 0, "blocks": 0, "transfers": 0, "sockets": 0}


@pytest.fixture(autouse=True)
def _no_garbage() -> None:
    """What earlier tests left to the collector must not be closed, and counted, while one of these runs."""
    gc.collect()


def taker(counts: dict[str, int], apartment: int = 0) -> Callable[[], guards.Census]:
    """A census with these numbers in place of the core's."""
    return lambda: guards.Census.take(lambda: counts, lambda: apartment)


def test_clean_is_clean(scripted: ScriptedServer) -> None:
    take = taker(COUNTS)
    before = take()
    fetch(scripted.url("/ok"))
    assert guards.settle(before, take) == []


def test_open_file_pipe_and_socket_are_noticed(tmp_path: Path) -> None:
    """In a process of its own: descriptors are counted by kind in the whole process, and a server of another test
    that lets go its end of a connection between the two counts would hide the socket that is left open here."""
    check_script(
        """
import socket
from tests import guards
take = lambda: guards.Census.take(lambda: {"bindings": 0, "blocks": 0, "transfers": 0, "sockets": 0}, lambda: 0)
before = take()
file = open(argv[0], "wb")
reading, writing = os.pipe()
plain = socket.socket()
problems = guards.settle(before, take, within=0)
file.close()
os.close(reading)
os.close(writing)
plain.close()
assert problems == [
    f"1 more open descriptor(s): {argv[0]}", "2 more open descriptor(s): pipe", "1 more open descriptor(s): socket"
], problems
assert guards.settle(before, take, within=0) == []
""",
        tmp_path / "left.bin",
    )


@pytest.mark.skipif(not hasattr(os, "eventfd"), reason="needs os.eventfd")
def test_eventfd_is_noticed() -> None:
    if sys.platform != "linux":
        return
    take = taker(COUNTS)
    before = take()
    number = os.eventfd(0)
    problems = guards.settle(before, take, within=0)
    os.close(number)
    assert problems == ["1 more open descriptor(s): anon_inode:[eventfd]"]


def test_sockets_of_the_core_and_of_servers_are_allowed(scripted: ScriptedServer) -> None:
    before = taker(COUNTS)()
    with socket.create_connection(("127.0.0.1", scripted.port)) as kept:
        kept.sendall(b"GET /ok HTTP/1.1\r\n\r\n")
        assert kept.recv(100)
        assert guards.settle(before, taker(COUNTS | {"sockets": 1}), within=0) == []
        assert guards.settle(before, taker(COUNTS), within=0) == ["1 more open descriptor(s): socket"]


@pytest.mark.parametrize("daemon", [True, False])
def test_thread_is_noticed_and_waited_for(daemon: bool) -> None:
    take = taker(COUNTS)
    before = take()
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait, daemon=daemon)
    thread.start()
    problems = guards.settle(before, take, within=0)
    go_on.set()
    assert len(problems) == 1
    assert "thread still runs" in problems[0]
    assert guards.settle(before, take) == []


@pytest.mark.parametrize("name", guards.MUST_END)
def test_live_objects_are_noticed(name: str) -> None:
    before = taker(COUNTS)()
    assert guards.settle(before, taker(COUNTS | {name: 2}), within=0) == [f"2 more live {name} in the core"]
    assert guards.settle(before, taker(COUNTS, apartment=1), within=0) == [
        "1 more live bindings in this thread's apartment"
    ]


def test_what_ends_in_time_is_no_leak() -> None:
    before = taker(COUNTS)()
    censuses = iter([taker(COUNTS | {"blocks": count})() for count in (2, 2, 1, 1, 0)])
    assert guards.settle(before, censuses.__next__) == []


def test_garbage_is_no_leak() -> None:
    take = taker(COUNTS)
    before = take()

    class Cycle:
        def __init__(self) -> None:
            self.me = self
            self.reading, self.writing = os.pipe()

        def __del__(self) -> None:
            os.close(self.reading)
            os.close(self.writing)

    Cycle()
    assert guards.settle(before, take, within=0) == []


def test_public_network_is_blocked() -> None:
    with socket.socket() as plain:
        for address in (("192.0.2.1", 80), ("example.org", 80)):
            with pytest.raises(guards.PublicNetworkError):
                plain.connect(address)
            with pytest.raises(guards.PublicNetworkError):
                plain.connect_ex(address)
    for address in (("127.0.0.1", 1), ("localhost", 1), ("127.8.8.8", 1)):
        assert guards.is_local(address)
    assert guards.is_local(("::1", 1, 0, 0))
    assert guards.is_local("/run/some.sock")


def test_environment_is_clean() -> None:
    assert not set(guards.ENVIRONMENT) & set(os.environ)
