"""Fork: what the parent had is inert in the child, which has a reactor of its own; the parent goes on undisturbed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lifecycle import check_script
from tests.servers import CertificateAuthority, ScriptedServer, payload_sha256

# `child(function)` forks; the child runs the function and exits well only if it returns; `check(pid)` waits for that.
FORKING = """
import signal, traceback, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork of a process with threads
faulthandler.cancel_dump_traceback_later()  # its thread exists in the parent only, and a child would wait for it
faulthandler.register(signal.SIGALRM, chain=True)
signal.alarm(40)

def child(function, limit=20):
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.alarm(limit)
        function()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)

def check(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "the child failed"

def refused(use):
    try:
        use()
    except urlmon.ApartmentClosedError:
        return
    raise AssertionError(f"{use} works in the child")
"""


def test_in_the_middle_of_fifty_transfers(scripted: ScriptedServer, tmp_path: Path) -> None:
    """The parent finishes all; the child downloads its own at once; no file suffers."""
    check_script(
        FORKING
        + """
url, digest, folder = argv
urlmon.Apartment.current().configure(max_active=50, max_per_host=50)
recorders = []
for number in range(50):
    storage = (urlmon.TYMED.ISTREAM, urlmon.TYMED.FILE)[number % 2]
    recorders.append(bind(url, Recorder(), storage, f"{folder}/{number}"))
pump_until(lambda: sum(r.binding.bytes_received > 0 for r in recorders) >= 40, "the transfers run")
assert not all(r.stopped for r in recorders)

def work():
    began = time.monotonic()
    for number in range(5):
        assert fetch(url).digest == digest
        assert fetch(url, storage=urlmon.TYMED.FILE, path=f"{folder}/{os.getpid()}-{number}").hresult == 0
    print(f"child: {time.monotonic() - began:.3f} s")
    sys.stdout.flush()

pids = [child(work) for _ in range(3)]
finish(*recorders)
for recorder in recorders:
    assert recorder.hresult == 0
    if recorder.medium.tymed == urlmon.TYMED.ISTREAM:
        assert recorder.digest == digest
for pid in pids:
    check(pid)
import hashlib
for number in range(1, 50, 2):
    with open(f"{folder}/{number}", "rb") as file:
        assert hashlib.sha256(file.read()).hexdigest() == digest
assert not [name for name in os.listdir(folder) if name.endswith(".part")]
""",
        scripted.url("/payload/2000000"),
        payload_sha256(2_000_000),
        tmp_path,
    )


def test_what_the_parent_had_is_inert_in_the_child(scripted: ScriptedServer) -> None:
    check_script(
        FORKING
        + """
url, small = argv
live = bind(url, Recorder(read=False))
pump_until(lambda: live.stream is not None)
apartment = urlmon.Apartment.current()
ended = fetch(small)

def work():
    binding = live.binding
    for use in (binding.abort, binding.suspend, binding.resume, binding.get_priority, lambda: binding.set_priority(1),
                live.stream.read, live.stream.read_view, apartment.pump, apartment.run, apartment.fileno, apartment.arm,
                apartment.statistics, lambda: apartment.post(print), lambda: apartment.configure(max_active=3)):
        refused(use)
    assert apartment.is_closed
    apartment.close()
    assert repr(binding) and binding.url == url and repr(apartment)
    assert ended.binding.get_bind_result() == (0, None)
    assert urlmon.Apartment.current() is not apartment
    assert urlmon.Apartment.current().live_bindings == []
    assert urlmon.pump(0) == 0
    assert fetch(small).hresult == 0
    assert not live.stopped

pid = child(work)
check(pid)
assert live.binding.abort() == 0
finish(live)
assert live.hresult == urlmon.HRESULT.E_ABORT
""",
        scripted.url("/hang-body", size=100_000, at=1000),
        scripted.url("/payload/1000"),
    )


def test_the_child_holds_nothing_of_the_parents_open(scripted: ScriptedServer, tmp_path: Path) -> None:
    """Else connections and the locks of partial files would live as long as the child."""
    check_script(
        FORKING
        + """
from tests.guards import open_descriptors
url, folder = argv
before = set(open_descriptors().values())
live = [bind(url, Recorder(), urlmon.TYMED.FILE, f"{folder}/{number}") for number in range(4)]
pump_until(lambda: all(r.binding.bytes_received for r in live))

def work():
    kept = sorted(open_descriptors().values())
    assert not any("socket" in kind or ".part" in kind or "eventpoll" in kind for kind in kept), kept

check(child(work))
assert all(r.binding.state == "receiving" for r in live)
for recorder in live:
    recorder.binding.abort()
finish(*live)
""",
        scripted.url("/hang-body", size=100_000, at=1000),
        tmp_path,
    )


def test_children_of_other_threads_and_of_callbacks_and_of_children(scripted: ScriptedServer) -> None:
    check_script(
        FORKING
        + """
[url] = argv

def grandchild():
    assert fetch(url).hresult == 0
    live = bind(url, Recorder())
    check(child(lambda: fetch(url)))
    finish(live)

check(child(grandchild))

def in_thread():
    live = bind(url, Recorder())
    pids.append(child(grandchild))
    finish(live)

pids = []
worker = threading.Thread(target=in_thread)
worker.start()
worker.join(20)
assert not worker.is_alive()

def fork_here(recorder, *arguments):
    if len(pids) < 4:
        pids.append(child(grandchild))

live = bind(url, Recorder(on_progress=fork_here))
finish(live)
assert live.hresult == 0 and len(pids) == 4
for pid in pids:
    check(pid)
""",
        scripted.url("/payload/100000"),
    )


def test_a_child_that_exits_through_the_interpreter(scripted: ScriptedServer) -> None:
    """Its atexit handlers run, and its garbage is collected, without touching what is the parent's."""
    out = check_script(
        FORKING
        + """
url, small = argv
live = [bind(url, Recorder()) for _ in range(5)]
pump_until(lambda: all(r.binding.state == "receiving" for r in live))
pid = os.fork()
if pid == 0:
    own = bind(url, Recorder())
    assert fetch(small).hresult == 0
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert all(r.binding.state == "receiving" for r in live), [r.binding for r in live]
assert fetch(small).hresult == 0
print("parent well")
""",
        scripted.url("/hang-body", size=100_000, at=1000),
        scripted.url("/payload/1000"),
    )
    assert out == "parent well\n"


def test_forks_at_any_moment_of_tls_transfers(scripted: ScriptedServer, ca: CertificateAuthority) -> None:
    """The child takes no lock with it that the parent's I/O thread held (allocator, TLS library, resolver)."""
    check_script(
        FORKING
        + """
url, ca_file = argv
info = urlmon.BindInfo(ca_file=ca_file, headers={"Connection": "close"})
over = threading.Event()

def busy():
    while not over.is_set():
        recorders = [bind(url, Recorder(info)) for _ in range(8)]
        finish(*recorders)
        assert not any(r.error for r in recorders), [r.error for r in recorders]

worker = threading.Thread(target=busy)
worker.start()
try:
    for _ in range(40):
        check(child(lambda: fetch(url, info).check()))
finally:
    over.set()
    worker.join(20)
assert not worker.is_alive()
""",
        scripted.tls_url("/payload/50000"),
        ca.ca_file,
        limit=50,
    )


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(scripted: ScriptedServer, method: str) -> None:
    check_script(
        """
import multiprocessing, warnings
from concurrent.futures import ProcessPoolExecutor
from tests.lifecycle.workers import digest
warnings.simplefilter("ignore", DeprecationWarning)
url, expected, method = argv
live = [bind(url, Recorder()) for _ in range(4)]
context = multiprocessing.get_context(method)
with ProcessPoolExecutor(2, mp_context=context) as pool:
    found = list(pool.map(digest, [url] * 8))
    finish(*live)
assert {sha for pid, sha in found} == {expected}
assert os.getpid() not in {pid for pid, sha in found}
assert all(r.digest == expected for r in live)
""",
        scripted.url("/payload/200000"),
        payload_sha256(200_000),
        method,
    )


def test_a_server_that_forks_its_workers_beforehand(scripted: ScriptedServer) -> None:
    """As gunicorn does with a preloaded application: the library was in use already, a worker that dies is replaced."""
    check_script(
        FORKING
        + """
url, digest = argv
assert fetch(url).digest == digest  # the parent's reactor runs

def serve():
    for _ in range(20):
        assert fetch(url).digest == digest

def die():
    bind(url, Recorder())
    urlmon.pump(1, limit=1)
    os.kill(os.getpid(), signal.SIGKILL)

workers = [child(serve) for _ in range(3)]
dying = child(die)
assert os.waitstatus_to_exitcode(os.waitpid(dying, 0)[1]) == -signal.SIGKILL
workers.append(child(serve))
assert fetch(url).digest == digest
for pid in workers:
    check(pid)
""",
        scripted.url("/payload/100000"),
        payload_sha256(100_000),
    )
