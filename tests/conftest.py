"""Servers for the session and guards around every test.

Fixtures: `ca`, `caddy`, `scripted`, `proxy` (one each for the session; the last two are reset before each
test), `refusing_port`, `silent_port`. A test that leaks on purpose says `@pytest.mark.leaks_ok(reason="…")`.
The time limit of a test is pytest-timeout's, set in pyproject.toml.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Generator, Iterator

import pytest

from tests import guards
from tests.servers.background import BackgroundServer, running_servers
from tests.servers.caddy import CaddyServer
from tests.servers.ports import RefusingPort, SilentPort
from tests.servers.proxy import ProxyServer
from tests.servers.scripted import ScriptedServer
from tests.servers.tls import CertificateAuthority

CALL_RAISED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "leaks_ok(reason): this test may leave descriptors, threads or live objects"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("leaks_ok"):
            if not mark.kwargs.get("reason"):
                raise pytest.UsageError(f"{item.nodeid}: leaks_ok needs reason=")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    if call.when == "call":
        item.stash[CALL_RAISED] = call.excinfo is not None
    return (yield)


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """No settings of the machine that change what is tested, here and in child processes.

    What a shell starts in the background ignores SIGINT, and so do its children: nothing would end by it.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        for name in guards.ENVIRONMENT:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module", autouse=True)
def no_garbage_of_others() -> None:
    """What other tests left is collected here: on another thread it would leave its end to this thread's pump."""
    gc.collect()
    guards.pump_once()


@pytest.fixture(scope="session", autouse=True)
def no_public_network() -> Iterator[None]:
    """Python sockets of this process connect to loopback only."""
    with pytest.MonkeyPatch.context() as patch:
        for name, method in guards.blocked_connects().items():
            patch.setattr(socket.socket, name, method)
        yield


@pytest.fixture(scope="session", autouse=True)
def warm_core(clean_environment: None) -> None:
    """The I/O thread and the main apartment run before the first census."""
    with RefusingPort() as port:
        guards.warm_up(port.url())


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """The certificate authority; `ca.ca_file` is what clients trust."""
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def caddy(tmp_path_factory: pytest.TempPathFactory, ca: CertificateAuthority) -> Iterator[CaddyServer]:
    """Caddy; see `servers.caddy_config.routes`. Tests `write` files with names of their own."""
    with CaddyServer(tmp_path_factory.mktemp("caddy"), ca) as server:
        yield server


@pytest.fixture(scope="session")
def scripted(ca: CertificateAuthority) -> Iterator[ScriptedServer]:
    """The scripted server; each test finds it without records, connections, gates and scripts of others."""
    with ScriptedServer(ca) as server:
        yield server


@pytest.fixture(scope="session")
def proxy() -> Iterator[ProxyServer]:
    """A proxy without credentials."""
    with ProxyServer() as server:
        yield server


@pytest.fixture
def refusing_port() -> Iterator[RefusingPort]:
    """A port that refuses connections."""
    with RefusingPort() as port:
        yield port


@pytest.fixture
def silent_port() -> Iterator[SilentPort]:
    """A port on which a connection attempt hangs."""
    with SilentPort() as port:
        yield port


@pytest.fixture(autouse=True)
def leak_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves more open or alive than it found. Its other fixtures are torn down before."""
    servers = running_servers()
    guards.forget_connections()  # the servers are about to drop them
    for server in servers:
        server.reset()
    before = guards.Census.take()
    if before.unclean:
        gc.collect()  # what a failed test before this one left; counting it would hide a leak of this one
        before = guards.Census.take()
    process = os.getpid()
    yield
    if os.getpid() != process:
        return  # a forked child that came back through pytest
    errors = _finish(servers)
    node = request.node
    if node.stash.get(CALL_RAISED, True):
        guards.abandon_bindings()  # else those after it fail for its reason
        return  # its traceback keeps its objects alive
    if node.get_closest_marker("leaks_ok"):
        return
    node.funcargs.clear()  # values of fixtures that are torn down already
    problems = errors + guards.settle(before)
    if problems:
        pytest.fail("the test leaves behind:\n" + "\n".join(problems), pytrace=False)


def _finish(servers: list[BackgroundServer]) -> list[str]:
    """Let go whatever still waits in `servers`; returns what their scripts raised."""
    errors = []
    for server in servers:
        if isinstance(server, ScriptedServer):
            server.gates.open_all()
            errors += [f"scripted server: {error!r}" for error in server.errors]
    return errors
