"""`urlmon.configure(reactors=N)`: an apartment belongs to one I/O thread, and all promises hold with two of them.

Each test is a process of its own, since the number counts for the whole process.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import urlmon
from tests.lifecycle import check_script
from tests.lifecycle.test_fork import FORKING
from tests.servers import CertificateAuthority, ScriptedServer, payload, payload_sha256
from tests.servers.caddy import CaddyServer

# `io_threads()`: their names (Linux); `reactors()`: figures of those that run; `belongs()`: the caller's number.
TWO = """
import urlmon_core
from tests.recording import run_threads

def io_threads():
    names = []
    for task in os.listdir("/proc/self/task") if sys.platform == "linux" else ():
        with open(f"/proc/self/task/{task}/comm") as file:
            names.append(file.read().strip())
    return sorted(name for name in names if name.startswith("urlmon-io"))

def reactors():
    return {figures["reactor"]: figures for figures in urlmon_core.reactor_statistics()}

def belongs():
    return urlmon.Apartment.current().statistics()["reactor"]

urlmon.configure(reactors=2)
"""


@pytest.mark.parametrize(
    ("reactors", "error"), [(0, ValueError), (257, ValueError), (-1, ValueError), (1.5, TypeError)]
)
def test_numbers_that_are_refused(reactors: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        urlmon.configure(reactors=reactors)
    urlmon.configure()


def test_the_one_with_the_fewest_in_turn_among_equals(scripted: ScriptedServer) -> None:
    check_script(
        TWO
        + """
[url] = argv
assert belongs() is None and reactors() == {}
doors = []

def thread():
    \"\"\"A thread that has bound; it ends when its door is opened. Returns its reactor.\"\"\"
    there, door = threading.Event(), threading.Event()
    found = []
    def work():
        fetch(url)
        found.append(belongs())
        there.set()
        door.wait(20)
    worker = threading.Thread(target=work)
    worker.start()
    assert there.wait(20)
    doors.append((worker, door))
    return found[0]

def leave(index):
    worker, door = doors[index]
    door.set()
    worker.join(20)
    assert not worker.is_alive()

assert thread() == 0
if sys.platform == "linux":
    assert io_threads() == ["urlmon-io"]       # the second one starts when somebody needs it
assert [thread() for _ in range(4)] == [1, 0, 1, 0]
assert {number: figures["apartments"] for number, figures in reactors().items()} == {0: 3, 1: 2}
leave(0), leave(2)
assert {number: figures["apartments"] for number, figures in reactors().items()} == {0: 1, 1: 2}
assert [thread() for _ in range(3)] == [0, 1, 0]
if sys.platform == "linux":
    assert io_threads() == ["urlmon-io", "urlmon-io-1"]

# Closing counts as the end, and whoever binds again is a new apartment.
fetch(url)
assert belongs() == 1
before = reactors()[1]["apartments"]
urlmon.Apartment.current().close()
assert reactors()[1]["apartments"] == before - 1

# More of them: for newcomers. Fewer: newcomers go to the first ones, nobody is moved.
urlmon.configure(reactors=3)
assert [thread() for _ in range(2)] == [2, 2]
urlmon.configure(reactors=1)
assert [thread() for _ in range(2)] == [0, 0]
assert sorted(reactors()) == [0, 1, 2]
for index in range(len(doors)):
    leave(index)
assert urlmon_core.stop_reactor() and reactors() == {} and io_threads() == []
assert fetch(url).hresult == 0 and belongs() == 0
""",
        scripted.url("/payload/100"),
    )


def test_affinity_and_exactly_one_stop_over_tls(
    caddy: CaddyServer, ca: CertificateAuthority, tmp_path: Path
) -> None:
    """Eight threads, one profile for all: callbacks on their threads, every byte, both at work, nothing left."""
    sizes = [0, 1000, 40_000, 150_000]
    paths = [caddy.write(f"reactors/{size}", payload(size)) for size in sizes]
    check_script(
        TWO
        + """
import hashlib, random
from functools import partial
from tests.guards import open_descriptors
base, ca_file, folder, *rest = argv
expected = dict(zip(rest[::2], rest[1::2]))
info = urlmon.BindInfo(ca_file=ca_file)
before = sorted(open_descriptors().values()), io_threads()
all_bound = threading.Barrier(8)
sockets = {}

def work(number):
    chance = random.Random(number)
    recorders = []
    for count in range(60):
        path = chance.choice(list(expected))
        storage = chance.choice([urlmon.TYMED.ISTREAM, urlmon.TYMED.FILE, urlmon.TYMED.HGLOBAL])
        recorders.append(bind(base + path, Recorder(info, label=path), storage, f"{folder}/{number}-{count}"))
    all_bound.wait(20)
    finish(*recorders)
    sockets[number] = {reactor: figures["sockets"] for reactor, figures in reactors().items()}
    assert urlmon.pump(0.02) == 0
    return belongs(), recorders

results = run_threads([partial(work, number) for number in range(8)])
assert sorted(reactor for reactor, _ in results) == [0, 0, 0, 0, 1, 1, 1, 1]
for _, recorders in results:
    for recorder in recorders:
        recorder.check()
        assert recorder.hresult == 0, recorder.error
        medium = recorder.medium
        if medium.tymed == urlmon.TYMED.FILE:
            with open(medium.path, "rb") as file:
                body = file.read()
        else:
            body = recorder.body if medium.tymed == urlmon.TYMED.ISTREAM else medium.data
        assert hashlib.sha256(body).hexdigest() == expected[recorder.label]
assert all(counts[0] > 0 and counts[1] > 0 for counts in sockets.values()), sockets
assert all(figures["turns"] > 0 and figures["wakeups"] > 0 for figures in reactors().values()), reactors()
assert not [name for name in os.listdir(folder) if name.endswith(".part")]
del results, recorder, recorders, medium, body
counts = urlmon_core.live_counts()
assert not counts or counts["bindings"] == counts["blocks"] == counts["transfers"] == 0, counts
assert [figures["apartments"] for figures in reactors().values()] == [0, 0]
assert urlmon_core.stop_reactor()
counts = urlmon_core.live_counts()
assert not counts or counts["sockets"] == 0, counts
assert (sorted(open_descriptors().values()), io_threads()) == before
""",
        caddy.https_url,
        ca.ca_file,
        tmp_path,
        *(
            argument
            for size, path in zip(sizes, paths, strict=True)
            for argument in (path, payload_sha256(size))
        ),
    )


def test_priorities_and_limits_are_each_apartment_s(scripted: ScriptedServer) -> None:
    """One at a time in each of two apartments: both start theirs by priority, whatever the other one does."""
    check_script(
        TWO
        + """
from functools import partial
hanging, url = argv
levels = [0, -15, 7, 15, -3, 7, 1]
both_wait = threading.Barrier(2)

def work(number):
    urlmon.Apartment.current().configure(max_active=1, urgent_slots=0)
    first = bind(hanging, Recorder())
    pump_until(lambda: first.binding.state == "receiving")
    order = []
    waiting = [bind(url, Recorder(priority=level, on_stop_binding=lambda recorder, *_: order.append(recorder.priority)))
               for level in levels]
    figures = urlmon.Apartment.current().statistics()
    assert figures["bindings"] == 8
    pump_until(lambda: urlmon.Apartment.current().statistics()["queued"] == 7)
    both_wait.wait(20)
    assert urlmon.Apartment.current().statistics()["active"] == 1
    first.binding.abort()
    finish(first, *waiting)
    assert order == sorted(levels, reverse=True), order
    return belongs()

assert sorted(run_threads([partial(work, number) for number in range(2)])) == [0, 1]
""",
        scripted.url("/hang-body", size=100_000, at=1000),
        scripted.url("/payload/1000"),
    )


def test_one_target_from_two_reactors(scripted: ScriptedServer, tmp_path: Path) -> None:
    """The partial file of one is not the other's to write."""
    check_script(
        TWO
        + """
hanging, url, target = argv
holds, done = threading.Event(), threading.Event()

def first():
    live = bind(hanging, Recorder(), urlmon.TYMED.FILE, target)
    pump_until(lambda: live.binding.bytes_received)
    holds.set()
    assert done.wait(20)
    live.binding.abort()
    finish(live)
    return belongs()

def second():
    assert holds.wait(20)
    try:
        ended = fetch(url, storage=urlmon.TYMED.FILE, path=target)
        assert isinstance(ended.error, urlmon.StorageExistsError), ended.error
        assert os.path.exists(target + ".part")
    finally:
        done.set()
    return belongs()

assert sorted(run_threads([first, second])) == [0, 1]
assert os.listdir(os.path.dirname(target)) == []
""",
        scripted.url("/hang-body", size=100_000, at=1000),
        scripted.url("/payload/1000"),
        tmp_path / "target",
    )


def test_stops_with_live_operations_in_both(scripted: ScriptedServer) -> None:
    check_script(
        TWO
        + """
from tests.guards import open_descriptors
url, hanging = argv
ready, stopped = threading.Barrier(3), threading.Barrier(3)
ROUNDS = 20

def work():
    numbers = set()
    for _ in range(ROUNDS):
        live = [bind(hanging, Recorder()) for _ in range(3)]
        assert fetch(url).hresult == 0
        numbers.add(belongs())
        ready.wait(20)
        stopped.wait(20)
        finish(*live)
        assert [r.hresult for r in live] == [urlmon.HRESULT.E_ABORT] * 3
    return numbers

def stop():
    seen = []
    for _ in range(ROUNDS):
        ready.wait(20)
        running = reactors()
        assert sorted(running) == [0, 1] and all(figures["apartments"] == 1 for figures in running.values()), running
        assert urlmon_core.stop_reactor()
        assert reactors() == {} and io_threads() == []
        seen.append(len(open_descriptors()))
        stopped.wait(20)
    assert seen[1:] == [seen[1]] * (ROUNDS - 1), seen

run_threads([work, work, stop])
""",
        scripted.url("/payload/1000"),
        scripted.url("/hang"),
    )


def test_exit_with_live_operations_in_both(scripted: ScriptedServer, tmp_path: Path) -> None:
    out = check_script(
        TWO
        + """
url, folder = argv
begun = threading.Barrier(3)
def work():
    stem = f"{folder}/{threading.get_ident()}"
    live = [bind(url, Recorder(), urlmon.TYMED.FILE, f"{stem}-{number}") for number in range(4)]
    pump_until(lambda: all(r.binding.bytes_received for r in live))
    begun.wait(20)
    threading.Event().wait()
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
begun.wait(20)
print(len(reactors()), flush=True)
""",
        scripted.url("/hang-body", size=100_000, at=1000),
        tmp_path,
    )
    assert out == "2\n"
    assert list(tmp_path.iterdir()) == []


def test_fork_while_both_work(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    """Both stand still while a thread forks; the child inherits the number of them, and no connection."""
    check_script(
        FORKING
        + TWO
        + """
from tests.guards import open_descriptors
url, hanging, ca_file = argv
info = urlmon.BindInfo(ca_file=ca_file, headers={"Connection": "close"})
over = threading.Event()
busy_on = set()

def busy():
    live = bind(hanging, Recorder(info))
    pump_until(lambda: live.binding.bytes_received)
    while not over.is_set():
        recorders = [bind(url, Recorder(info)) for _ in range(6)]
        finish(*recorders)
        assert not any(r.error for r in recorders), [r.error for r in recorders]
        busy_on.add(belongs())
    assert not live.stopped
    live.binding.abort()
    finish(live)

def in_the_child():
    kept = sorted(open_descriptors().values())
    assert not any("socket" in kind or "eventpoll" in kind for kind in kept), kept
    assert reactors() == {}
    def again():
        fetch(url, info).check()
        return belongs()
    assert sorted(run_threads([again])) == [0]
    assert fetch(url, info).hresult == 0
    assert belongs() == 1, reactors()

workers = [threading.Thread(target=busy) for _ in range(2)]
for worker in workers:
    worker.start()
try:
    pump_until(lambda: len(busy_on) == 2)
    for _ in range(15):
        check(child(in_the_child))
finally:
    over.set()
    for worker in workers:
        worker.join(20)
assert not any(worker.is_alive() for worker in workers)
""",
        scripted.tls_url("/payload/50000"),
        scripted.tls_url("/hang-body", size=100_000, at=1000),
        ca.ca_file,
        limit=50,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_one_apartment_has_one_thread(scripted: ScriptedServer) -> None:
    check_script(
        TWO
        + """
[url] = argv
urlmon.configure(reactors=8)
for _ in range(20):
    assert fetch(url).hresult == 0
assert io_threads() == ["urlmon-io"] and sorted(reactors()) == [0]
""",
        scripted.url("/payload/1000"),
    )
