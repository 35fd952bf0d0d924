"""A thread that ends with live bindings: they are aborted, nobody is told, nothing is left (a warning names them)."""

from __future__ import annotations

import os
from pathlib import Path

from tests.lifecycle import check_script
from tests.servers import ScriptedServer

# Three transfers in the middle of their bodies, one of each storage, on whatever thread calls it.
BIND_THREE = """
from urlmon import TYMED
import urlmon_core, warnings

recorders = []

def bind_three(url, folder):
    for storage in (TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL):
        recorders.append(bind(url, Recorder(), storage, f"{folder}/{storage.name}"))
    pump_until(lambda: all(r.binding.bytes_received >= 50_000 for r in recorders[-3:]), "half of each body")
    assert os.path.exists(f"{folder}/FILE.part")

def nothing_is_left(folder):
    pump_until(lambda: not any(urlmon_core.live_counts().get(name) for name in ("bindings", "transfers", "blocks")),
               "the core lets go")
    pump_until(lambda: os.listdir(folder) == [], "the partial file goes")

def check_untold(recorders):
    for recorder in recorders:
        assert not recorder.stopped and "on_stop_binding" not in recorder.methods
        assert recorder.binding.state == "stopped" and recorder.binding.get_bind_result()[0] == urlmon.HRESULT.S_OK
"""


def half_a_body(scripted: ScriptedServer) -> str:
    return scripted.url("/hang-body", size=100_000, at=50_000)


def test_live_bindings_are_aborted_and_named(scripted: ScriptedServer, tmp_path: Path) -> None:
    check_script(
        BIND_THREE
        + """
url, folder = argv
warned = []
told = threading.Event()
def show(message, category, *rest, **more):
    warned.append((category, str(message)))
    told.set()
warnings.showwarning = show
warnings.simplefilter("always")
threads = threading.active_count()
worker = threading.Thread(target=bind_three, args=(url, folder))
worker.start()
worker.join()
assert told.wait(10)
[(category, message)] = warned
assert category is ResourceWarning, category
assert "3 live binding" in message and message.count("/hang-body") == 3, message
check_untold(recorders)
recorders.clear()
nothing_is_left(folder)
assert threading.active_count() == threads
""",
        half_a_body(scripted),
        tmp_path,
    )
    assert os.listdir(tmp_path) == []


def test_a_bound_thread_that_ends_by_an_exception(scripted: ScriptedServer, tmp_path: Path) -> None:
    check_script(
        BIND_THREE
        + """
url, folder = argv
threading.excepthook = lambda args: None
def work():
    bind_three(url, folder)
    raise SystemExit
worker = threading.Thread(target=work)
worker.start()
worker.join()
pump_until(lambda: all(r.binding.state == "stopped" for r in recorders))
check_untold(recorders)
recorders.clear()
nothing_is_left(folder)
""",
        half_a_body(scripted),
        tmp_path,
    )


def test_what_the_thread_bound_is_not_usable_elsewhere(scripted: ScriptedServer, tmp_path: Path) -> None:
    check_script(
        BIND_THREE
        + """
url, folder = argv
apartments = []
def work():
    bind_three(url, folder)
    apartments.append(urlmon.Apartment.current())
worker = threading.Thread(target=work)
worker.start()
worker.join()
pump_until(lambda: apartments[0].is_closed)
binding = recorders[0].binding
for use in (binding.abort, binding.suspend, binding.resume, binding.get_priority, apartments[0].pump):
    try:
        use()
    except urlmon.WrongThreadError:
        continue
    raise AssertionError(use)
try:
    apartments[0].post(print)
except urlmon.ApartmentClosedError:
    pass
else:
    raise AssertionError("a post to a closed apartment")
""",
        half_a_body(scripted),
        tmp_path,
    )


def test_many_threads_end_while_their_transfers_run(scripted: ScriptedServer, tmp_path: Path) -> None:
    """The I/O thread is in the middle of their data when the apartments close; nothing leaks, no thread is held up."""
    check_script(
        """
import gc, urlmon_core, warnings
from urlmon import TYMED
warnings.simplefilter("ignore", ResourceWarning)
url, folder = argv

def work(number):
    for count in range(8):
        storage = (TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL)[count % 3]
        bind(url, Recorder(), storage, f"{folder}/{number}-{count}")
    urlmon.pump(0.005 * (number % 4), limit=number)

for round in range(5):
    workers = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(10)
        assert not worker.is_alive()
gc.collect()
urlmon.Apartment.current()
pump_until(lambda: not any(urlmon_core.live_counts().get(name) for name in ("bindings", "transfers", "blocks")))
pump_until(lambda: urlmon_core.live_counts().get("apartments", 1) == 1, "only this thread's apartment")
assert not [name for name in os.listdir(folder) if name.endswith(".part")]
assert fetch(url).hresult == urlmon.HRESULT.S_OK
""",
        scripted.url("/payload/300000"),
        tmp_path,
    )


def test_a_thread_that_never_pumps_costs_bounded_memory(scripted: ScriptedServer) -> None:
    """Its streams stop at the high-water mark; others are served meanwhile."""
    check_script(
        """
import resource
url, small = argv
urlmon.Apartment.current().configure(max_per_host=64)
done = threading.Event()
bound = threading.Event()

def sleeper():
    urlmon.Apartment.current().configure(high_water=1 << 20, max_per_host=64)
    recorders = [bind(url, Recorder()) for _ in range(8)]
    bound.set()
    done.wait(30)
    kept = [recorder.binding.bytes_received for recorder in recorders]
    assert all(0 < count <= (1 << 20) + (1 << 18) for count in kept), kept
    assert all(recorder.methods[-1] == "on_start_binding" for recorder in recorders)
    urlmon.Apartment.current().close()

worker = threading.Thread(target=sleeper)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
worker.start()
assert bound.wait(10)
for _ in range(20):
    assert fetch(small).hresult == urlmon.HRESULT.S_OK
time.sleep(0.5)  # the sleeper's transfers take what they can get
more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
more //= 1024 if sys.platform == "darwin" else 1
done.set()
worker.join(10)
assert not worker.is_alive()
assert more < 40 << 10, f"{more} KiB for 8 streams of 1 MiB unread"
""",
        scripted.url("/payload/50000000"),
        scripted.url("/payload/1000"),
    )
