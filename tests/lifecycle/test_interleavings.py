"""A thousand random interleavings of start, abort, cancel, close, thread end and pump with live transfers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lifecycle import check_script
from tests.servers import ScriptedServer

INTERLEAVE = """
import gc, random, urlmon_core, warnings
from urlmon import TYMED
from tests.guards import open_descriptors

warnings.simplefilter("ignore", ResourceWarning)  # that threads end with live bindings is the subject
seed, count, folder, *urls = argv
LIVE = ("bindings", "transfers", "blocks", "apartments")

def census():
    return {kind: urlmon_core.live_counts().get(kind, 0) for kind in LIVE}

class Checked(Recorder):
    # Nothing after the stop, and no two stops, whatever happens.
    def _called(self, method, *args):
        assert not any(call.method == "on_stop_binding" for call in self.calls), (method, self.sequence)
        assert threading.get_ident() == self.thread
        return super()._called(method, *args)

class Interleaving:
    # One thread with some operations, and what a seeded random number says is done to them.

    def __init__(self, number):
        self.chance = random.Random(f"{seed}-{number}")
        self.number = number
        self.recorders = []
        self.futures = []
        self.error = None
        self.ending = False

    def start(self):
        chance = self.chance
        meddles = chance.random() < 0.3
        recorder = Checked(
            read=chance.random() < 0.7,
            priority=chance.randint(-15, 15),
            **({"on_progress": lambda *_: self.act(inside=True)} if meddles else {}),
        )
        storage = chance.choice([TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL])
        try:
            bind(chance.choice(urls), recorder, storage, f"{folder}/{self.number}-{len(self.recorders)}")
        except urlmon.ApartmentClosedError:
            return
        self.recorders.append(recorder)

    def act(self, inside=False):
        chance = self.chance
        if self.ending:
            return  # what it suspended now nobody would resume
        live = [r for r in self.recorders if r.binding is not None and not r.binding.stopped]
        action = chance.choice(
            ["start", "start", "abort", "suspend", "resume", "priority", "cancel", "post", "pump", "pump", "close one",
             "close stream"]
        )
        if action == "start":
            if len(self.recorders) < 12:
                self.start()
        elif action == "post":
            urlmon.Apartment.current().post(lambda: None)
        elif action == "pump":
            urlmon.pump(0 if inside else chance.random() * 0.003, chance.choice([None, 1, 5]))
        elif live:
            recorder = chance.choice(live)
            binding = recorder.binding
            if action == "abort":
                binding.abort()
            elif action == "suspend":
                binding.suspend()
            elif action == "resume":
                binding.resume()
            elif action == "priority":
                binding.set_priority(chance.randint(-20, 20))
            elif action == "close one":
                binding.close()
            elif action == "close stream":
                if recorder.stream is not None and not recorder.read:
                    recorder.stream.close()
            else:
                future = binding.future()
                self.futures.append(future)
                if chance.random() < 0.5:
                    future.cancel()

    def run(self):
        try:
            for _ in range(self.chance.randrange(4, 25)):
                self.act()
            self.ending = True
            end = self.chance.randrange(4)
            if end == 0:  # to the end
                for recorder in self.recorders:
                    recorder.binding.resume()
                    if not recorder.read:
                        recorder.binding.abort()  # a body that nobody reads does not come to its end
                finish(*self.recorders)
            elif end == 1:
                urlmon.Apartment.current().close()
            elif end == 2:
                for recorder in self.recorders:
                    recorder.binding.abort()
                finish(*self.recorders)
            # else: the thread just ends
        except BaseException as error:
            self.error = error
            self.left = [(r.binding, r.binding.is_suspended, r.sequence) for r in self.recorders if not r.stopped]

fetch(urls[0])
gc.collect()
pump_until(lambda: census()["bindings"] == 0)
urlmon_core.stop_reactor()
before, descriptors, threads = census(), len(open_descriptors()), threading.active_count()

done = 0
while done < int(count):
    batch = [Interleaving(number) for number in range(done, min(done + 4, int(count)))]
    workers = [threading.Thread(target=one.run) for one in batch]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(40)
        assert not worker.is_alive(), [r for one in batch for r in one.recorders if not r.stopped]
    for one in batch:
        if one.error is not None:
            print("interleaving", one.number, one.left, flush=True)
            raise one.error
        assert all(future.done() for future in one.futures), one.number
    done += len(batch)
del batch, one, workers, worker
gc.collect()
# What threads left behind is given up by the I/O thread; then there is nothing.
pump_until(lambda: census() == before, f"from {before} to {census()}")
assert not [name for name in os.listdir(folder) if name.endswith(".part")]
assert urlmon_core.stop_reactor()
assert threading.active_count() == threads
assert len(open_descriptors()) <= descriptors, sorted(open_descriptors().values())
print(done)
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_random_interleavings(scripted: ScriptedServer, tmp_path: Path, seed: int) -> None:
    """250 for each seed; afterwards live core objects (debug build), descriptors and threads are as before."""
    urls = [
        scripted.url("/payload/20000"),
        scripted.url("/payload/2000000"),
        scripted.url("/drip", size=3000, chunk=100, interval=0.002),
        scripted.url("/short"),
        scripted.url("/status/404", size=100),
        scripted.url("/redirect/chain/3"),
    ]
    assert check_script(INTERLEAVE, seed, 250, tmp_path, *urls, limit=100) == "250\n"
