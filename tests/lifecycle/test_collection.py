"""Garbage: cycles through callbacks, bindings without a reference, callbacks that hold their binding."""

from __future__ import annotations

from tests.lifecycle import check_script
from tests.servers import ScriptedServer

# No automatic collection: what goes, goes by reference counts, unless the script collects.
COUNTED = """
import gc, urlmon_core, weakref
gc.disable()

class Client(urlmon.BindStatusCallback):
    def __init__(self):
        self.size = 0
    def on_data_available(self, flags, size, format, medium):
        while view := medium.stream.read_view():
            self.size += len(view)
    def on_stop_binding(self, hresult, error):
        stopped.append((hresult, self.size))

stopped = []

def start(client):
    urlmon.create_url_moniker(argv[0]).bind_to_storage(urlmon.create_async_bind_ctx(client))
"""


def test_a_binding_lives_without_any_reference(scripted: ScriptedServer) -> None:
    check_script(
        COUNTED
        + """
gc.enable()
for _ in range(20):
    start(Client())
    gc.collect()
urlmon.run()
assert stopped == [(0, 100_000)] * 20, stopped
""",
        scripted.url("/payload/100000"),
    )


def test_a_callback_that_holds_its_binding_goes_after_the_stop(scripted: ScriptedServer) -> None:
    """binding -> callback -> binding is a cycle only while the operation lives."""
    check_script(
        COUNTED
        + """
class Holder(Client):
    def on_start_binding(self, binding):
        self.binding = binding

client = Holder()
start(client)
gone = weakref.ref(client)
binding = weakref.ref(client.binding)
del client
urlmon.run()
assert stopped == [(0, 100_000)]
assert gone() is None and binding() is None, "kept alive by a cycle"
""",
        scripted.url("/payload/100000"),
    )


def test_a_stream_and_views_that_are_kept_keep_nothing_else(scripted: ScriptedServer) -> None:
    check_script(
        COUNTED
        + """
class Keeper(Client):
    def on_start_binding(self, binding):
        self.binding = binding
    def on_data_available(self, flags, size, format, medium):
        self.stream = medium.stream
        kept.append(medium.stream.read_view())

kept = []
client = Keeper()
start(client)
gone = weakref.ref(client)
urlmon.run()
stream = client.stream
del client
assert gone() is None
assert sum(map(len, filter(None, kept))) + len(stream.read() or b"") == 100_000
del kept[:], stream
pump = time.monotonic() + 10
while urlmon_core.live_counts().get("blocks") and time.monotonic() < pump:
    time.sleep(0.01)
assert not urlmon_core.live_counts().get("blocks")
""",
        scripted.url("/payload/100000"),
    )


def test_cycles_of_live_operations_are_found_when_their_apartment_closes(scripted: ScriptedServer) -> None:
    check_script(
        COUNTED
        + """
class Knot(Client):
    def on_start_binding(self, binding):
        self.binding = binding
        self.knot = [self, binding]

clients = [Knot() for _ in range(5)]
for client in clients:
    start(client)
gone = [weakref.ref(client) for client in clients]
del client, clients
gc.collect()
assert all(ref() is not None for ref in gone), "live operations are kept by their apartment"
urlmon.Apartment.current().close()
gc.collect()
assert not any(ref() for ref in gone)
assert len(stopped) < 3, stopped
deadline = time.monotonic() + 10
while urlmon_core.live_counts().get("bindings") and time.monotonic() < deadline:
    time.sleep(0.01)
assert not urlmon_core.live_counts().get("bindings")
start(Client())
assert len(urlmon.Apartment.current().live_bindings) == 1  # a new apartment, on the same thread
urlmon.Apartment.current().close()
""",
        scripted.url("/hang-body", size=100_000, at=1000),
    )


def test_a_collection_inside_callbacks_and_on_other_threads(scripted: ScriptedServer) -> None:
    """A binding of one thread may be freed on another one, in the middle of a transfer of a third."""
    check_script(
        COUNTED
        + """
class Collecting(Client):
    def on_start_binding(self, binding):
        self.cycle = [self, binding]
    def on_progress(self, *arguments):
        gc.collect(0)

def work():
    for _ in range(20):
        start(Collecting())
    urlmon.run()

workers = [threading.Thread(target=work) for _ in range(4)]
for worker in workers:
    worker.start()
while any(worker.is_alive() for worker in workers):
    gc.collect()
for worker in workers:
    worker.join(10)
assert stopped == [(0, 100_000)] * 80, stopped
gc.collect()
assert not urlmon_core.live_counts().get("bindings")
""",
        scripted.url("/payload/100000"),
    )


def test_what_waits_for_its_call_when_the_apartment_closes(scripted: ScriptedServer) -> None:
    """The run queue holds no references: it is emptied before the bindings go. The debug core looks."""
    check_script(
        COUNTED
        + """
for _ in range(20):
    start(Client())
while any(binding.state != "ended" for binding in urlmon.Apartment.current().live_bindings):
    time.sleep(0.001)
urlmon.pump(0, limit=3)
urlmon.Apartment.current().close()
assert len(stopped) < 3, stopped
""",
        scripted.url("/payload/1000"),
    )
