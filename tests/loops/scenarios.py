"""What must hold in every loop. A scenario starts operations in the loop and calls `stop` when all have ended.

Run as `python -m tests.loops.scenarios LOOP PLAIN REFUSING HANGING`, in which the last three are URLs of the
servers; prints "ok" and the name of each scenario that went well.
"""

from __future__ import annotations

import faulthandler
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import urlmon
from tests.loops.drivers import ENDS_WITH_AN_EXCEPTION, drive
from tests.recording import Negotiator, Recorder, bind
from tests.servers.payload import payload_sha256
from urlmon import HRESULT

LIMIT = 50.0
SIZES = [0, 1, 1000, 20_000, 65_536, 300_000]
ORDER = ("on_start_binding", "SENDINGREQUEST", "MIMETYPEAVAILABLE", "BEGINDOWNLOADDATA", "on_data_available")

Stop = Callable[[], None]


class Countdown:
    """Calls `stop` when so many operations have ended: each recorder gets `ended` as its on_stop_binding hook."""

    def __init__(self, count: int, stop: Stop) -> None:
        self.left = count
        self.stop = stop

    def ended(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            self.stop()


def check_order(recorder: Recorder) -> None:
    """`Recorder.check` (thread, exactly one start and stop, nothing after it), and the order of contract 3.2."""
    recorder.check()
    positions = [recorder.sequence.index(name) for name in ORDER if name in recorder.sequence]
    assert positions == sorted(positions), recorder.sequence


def every_callback_in_its_thread_and_order(loop: str, url: str, refusing: str, hanging: str) -> None:
    recorders: list[Recorder] = []

    def begin(stop: Stop, caught: list[BaseException]) -> None:
        countdown = Countdown(120, stop)
        for number in range(120):
            size = SIZES[number % len(SIZES)]
            recorder = Negotiator(label=size, on_stop_binding=countdown.ended)
            recorders.append(bind(f"{url}/payload/{size}", recorder))

    assert drive(loop, begin) == []
    for recorder in recorders:
        check_order(recorder)
        assert recorder.thread == threading.get_ident()
        assert (recorder.hresult, recorder.digest) == (HRESULT.S_OK, payload_sha256(recorder.label))


def failures_and_interventions(loop: str, url: str, refusing: str, hanging: str) -> None:
    recorders: list[Recorder] = []
    chance = random.Random(loop)

    def resume_after(turns: int, recorder: Recorder) -> None:
        if turns:
            urlmon.Apartment.current().post(lambda: resume_after(turns - 1, recorder))
        elif not recorder.stopped:
            recorder.binding.resume()

    def meddle(recorder: Recorder, *_: object) -> None:
        other = chance.choice(recorders)
        if other.stopped:
            return
        action = chance.randrange(8)
        if action == 0:
            other.binding.abort()
        elif action == 1:
            other.binding.suspend()
            resume_after(chance.randrange(10), other)
        elif action == 2:
            other.binding.set_priority(chance.randint(-15, 15))

    def begin(stop: Stop, caught: list[BaseException]) -> None:
        countdown = Countdown(90, stop)
        paths = ("/payload/50000", "/payload/400000", "/short", "/status/404?size=100", "/redirect/chain/3")
        for number in range(90):
            target = refusing if number % 9 == 0 else url + paths[number % len(paths)]
            hooks: dict[str, Any] = {"on_progress": meddle, "on_stop_binding": countdown.ended}
            recorders.append(bind(target, Recorder(priority=chance.randint(-3, 3), **hooks)))

    assert drive(loop, begin) == []
    for recorder in recorders:
        check_order(recorder)
    assert {recorder.hresult for recorder in recorders} >= {HRESULT.S_OK, HRESULT.INET_E_CANNOT_CONNECT}


def posts_from_other_threads(loop: str, url: str, refusing: str, hanging: str) -> None:
    """Each runs once, on the thread, in the order of its poster; also while nothing else is going on."""
    ran: list[tuple[int, int]] = []
    threads: set[int] = set()

    def begin(stop: Stop, caught: list[BaseException]) -> None:
        apartment = urlmon.Apartment.current()

        def post_all(poster: int) -> None:
            for number in range(100):
                apartment.post(lambda number=number: run(poster, number))
                if number % 20 == 0:
                    time.sleep(0.003)  # so that the loop goes to sleep in between

        def run(poster: int, number: int) -> None:
            ran.append((poster, number))
            threads.add(threading.get_ident())
            if len(ran) == 400:
                stop()

        for poster in range(4):
            threading.Thread(target=post_all, args=(poster,)).start()

    assert drive(loop, begin) == []
    assert threads == {threading.get_ident()}
    for poster in range(4):
        assert [number for who, number in ran if who == poster] == list(range(100))


def exceptions_of_callbacks(loop: str, url: str, refusing: str, hanging: str) -> None:
    """One ends its operation and is reported as the loop reports; the others go on."""
    if loop in ENDS_WITH_AN_EXCEPTION:
        return
    recorders: list[Recorder] = []

    def fail(recorder: Recorder, *_: object) -> None:
        raise LookupError(recorder.label)

    def begin(stop: Stop, caught: list[BaseException]) -> None:
        countdown = Countdown(12, stop)
        for number in range(12):
            hooks: dict[str, Any] = {"on_data_available": fail} if number % 3 == 0 else {}
            recorder = Recorder(label=number, on_stop_binding=countdown.ended, **hooks)
            recorders.append(bind(f"{url}/payload/20000", recorder))

    caught = drive(loop, begin)
    assert sorted(error.args[0] for error in caught if type(error) is LookupError) == [0, 3, 6, 9], caught
    assert len(caught) == 4
    for number, recorder in enumerate(recorders):
        check_order(recorder)
        assert recorder.hresult == (HRESULT.E_UNEXPECTED if number % 3 == 0 else HRESULT.S_OK)


def synchronous_binds_in_between(loop: str, url: str, refusing: str, hanging: str) -> None:
    """A bind that waits, inside the loop: it pumps, and the loop hears of what comes afterwards all the same."""
    recorders: list[Recorder] = []
    read: list[int] = []

    def begin(stop: Stop, caught: list[BaseException]) -> None:
        countdown = Countdown(10, stop)
        for number in range(10):
            recorder = Recorder(on_stop_binding=countdown.ended)
            recorders.append(bind(f"{url}/drip?size=50&interval=0.005", recorder))
            if number % 3 == 0:
                stream = urlmon.create_url_moniker(f"{url}/payload/5000").bind_to_storage()
                read.append(len(stream.read()))

    assert drive(loop, begin) == []
    assert read == [5000] * 4
    for recorder in recorders:
        check_order(recorder)
        assert recorder.hresult == HRESULT.S_OK


def what_is_left_when_the_loop_ends(loop: str, url: str, refusing: str, hanging: str) -> None:
    """Leaving a loop loses nothing: what is live is delivered by the next one, or by the pump."""
    recorders: list[Recorder] = []

    def begin(stop: Stop, caught: list[BaseException]) -> None:
        for _ in range(5):
            recorders.append(bind(f"{url}/payload/300000", Recorder()))
        recorders.append(bind(hanging, Recorder()))
        urlmon.Apartment.current().post(stop)

    assert drive(loop, begin) == []
    assert urlmon.Apartment.current().attachment is None
    assert not recorders[-1].stopped

    def go_on(stop: Stop, caught: list[BaseException]) -> None:
        recorders[-1].hooks["on_stop_binding"] = lambda *_: stop()
        recorders[-1].binding.abort()

    assert drive(loop, go_on) == []
    urlmon.run()
    for recorder in recorders:
        check_order(recorder)
    assert [recorder.hresult for recorder in recorders] == [HRESULT.S_OK] * 5 + [HRESULT.E_ABORT]


SCENARIOS = (
    every_callback_in_its_thread_and_order,
    failures_and_interventions,
    posts_from_other_threads,
    exceptions_of_callbacks,
    synchronous_binds_in_between,
    what_is_left_when_the_loop_ends,
)


def main(loop: str, *urls: str) -> None:
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    for scenario in SCENARIOS:
        scenario(loop, *urls)
        assert urlmon.Apartment.current().statistics()["bindings"] == 0, scenario.__name__
        assert urlmon.pump(0) == 0, scenario.__name__
        print("ok", scenario.__name__, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
