"""The reactor is started and stopped again and again; what was live is told, nothing adds up."""

from __future__ import annotations

from pathlib import Path

from tests.lifecycle import check_script
from tests.servers import ScriptedServer


def test_repeated_start_and_stop(scripted: ScriptedServer) -> None:
    check_script(
        """
import urlmon_core
from tests.guards import open_descriptors
url, hanging = argv
def census():
    return len(open_descriptors()), len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
assert fetch(url).digest
assert urlmon_core.stop_reactor()
before = census()
for round in range(100):
    live = bind(hanging, Recorder())
    assert fetch(url).hresult == urlmon.HRESULT.S_OK
    assert urlmon_core.stop_reactor()
    finish(live)
    assert live.hresult == urlmon.HRESULT.E_ABORT, live.hresult
assert census() == before, (before, census())
""",
        scripted.url("/payload/1000"),
        scripted.url("/hang"),
    )


def test_stopping_while_other_threads_bind(scripted: ScriptedServer, tmp_path: Path) -> None:
    """Each operation ends once: well, or aborted with the reactor; a bind may find that it has just been stopped."""
    check_script(
        """
import random, urlmon_core
url, folder = argv
over = threading.Event()
ended = []

def work(number):
    chance = random.Random(number)
    count = 0
    while not over.is_set():
        count += 1
        recorders = []
        for item in range(5):
            storage = chance.choice([urlmon.TYMED.ISTREAM, urlmon.TYMED.FILE, urlmon.TYMED.HGLOBAL])
            recorder = Recorder()
            try:
                bind(url, recorder, storage, f"{folder}/{number}-{count}-{item}")
            except urlmon.ApartmentClosedError:
                assert recorder.stopped == ("on_start_binding" in recorder.methods)
                continue
            recorders.append(recorder)
        finish(*recorders)
        ended.extend(recorder.hresult for recorder in recorders)

workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for worker in workers:
    worker.start()
stops = 0
deadline = time.monotonic() + 3
while time.monotonic() < deadline:
    assert urlmon_core.stop_reactor()
    stops += 1
    time.sleep(0.01)
over.set()
for worker in workers:
    worker.join(20)
    assert not worker.is_alive()
assert set(ended) <= {urlmon.HRESULT.S_OK, urlmon.HRESULT.E_ABORT}, set(ended)
assert stops > 20 and urlmon.HRESULT.S_OK in ended and urlmon.HRESULT.E_ABORT in ended
assert not [name for name in os.listdir(folder) if name.endswith(".part")]
""",
        scripted.url("/payload/200000"),
        tmp_path,
    )
