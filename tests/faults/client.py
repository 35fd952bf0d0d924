"""A client that behaves at random, and checks at every call what must always hold.

The invariants: callbacks come on the thread of the bind, one at a time, after exactly one start and before exactly
one stop; a success is told only for the right bytes, a failure is always typed; what was read is always the beginning
of the right body; a target file is complete or not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import urlmon
from tests.faults.scripts import EITHER, FAILURE, GZIP_FAULTS, SHORT_BODIES, SUCCESS, Script
from urlmon import BSCF, HRESULT, TYMED, BindInfo

if TYPE_CHECKING:
    from tests.faults.session import Session

# What a client does, with weights; "nothing" lets the operation run.
ACTIONS = {
    "nothing": 50,
    "abort-at-progress": 5,
    "abort-at-data": 5,
    "abort-later": 8,
    "suspend": 10,
    "reprioritise": 8,
    "fail-data": 2,
    "raise-progress": 2,
    "raise-data": 2,
    "raise-stop": 1,
    "raise-start": 1,
    "refuse": 2,
}
READERS = ("all", "all", "view", "into", "slow", "later")

# Where the bytes themselves may be wrong until the end says so.
UNKNOWN_BYTES = GZIP_FAULTS - {"short-gzip"} | {"redirect-garbage", "more-than-length"}
UNKNOWN_DIGEST = SHORT_BODIES | {"flipped-gzip", "gzip-and-more", "redirect-garbage", "more-than-length"}


class Boom(Exception):
    """Raised by client code on purpose."""


class Client(urlmon.BindStatusCallback):
    """One operation."""

    def __init__(
        self, session: Session, script: Script, action: str | None = None, storage: TYMED | None = None
    ) -> None:
        dice = session.dice
        self.session = session
        self.script = script
        self.storage = storage or dice.choices((TYMED.ISTREAM, TYMED.FILE, TYMED.HGLOBAL), (60, 25, 15))[0]
        self.action = action or dice.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        self.reader = dice.choice(READERS)
        self.after = dice.randrange(6)  # calls before the action
        self.thread = threading.get_ident()
        self.stops_seen = session.tally.reactor_stops
        self.path = session.path_of(script) if self.storage == TYMED.FILE else None
        self.starts = self.stops = self.calls = self.data_calls = 0
        self.inside = False
        self.binding: Any = None
        self.stream: Any = None
        self.at = 0  # bytes read
        self.digest = hashlib.sha256()
        self.ended = False  # the stream said that nothing more will come
        self.disturbed = ""  # what the client did that decides the result
        self.resumed = False
        self.began = time.monotonic()

    # -- checks ---------------------------------------------------------------------------------------------

    def broken(self, what: str) -> None:
        self.session.tally.broken(
            f"{what}: seed {self.script.seed} ({self.script.transport} {self.script.fault or 'fine'}), "
            f"{self.storage.name}, {self.action}, reads {self.reader}, {self.at} bytes of {self.script.size}"
        )

    @contextlib.contextmanager
    def call(self, name: str) -> Any:
        """Around every callback."""
        if self.session.over:
            self.broken(f"{name} after the end of its thread")
        if threading.get_ident() != self.thread:
            self.broken(f"{name} on another thread")
        if self.inside:
            self.broken(f"{name} inside another call")
        if self.starts != 1 or self.stops:
            self.broken(f"{name} after {self.starts} starts and {self.stops} stops")
        self.inside = True
        self.calls += 1
        try:
            yield
        finally:
            self.inside = False

    def took(self, data: Any) -> None:
        """Bytes that were read: compared one by one with the right ones."""
        self.digest.update(data)
        size = len(data)
        if self.script.fault not in UNKNOWN_BYTES:
            expected = memoryview(self.script.body)[self.at : self.at + size]
            # An endless body goes on after what it announced.
            if memoryview(data)[: len(expected)] != expected or (
                len(expected) < size and self.script.fault != "endless-body"
            ):
                self.broken(f"wrong bytes from {self.at} to {self.at + size}")
        self.at += size

    # -- the callback ---------------------------------------------------------------------------------------

    def get_bind_info(self) -> BindInfo:
        return self.session.infos[self.script.seed % len(self.session.infos)]

    def get_priority(self) -> int:
        return self.session.dice.randrange(-20, 20)

    def on_start_binding(self, binding: Any) -> Any:
        if self.starts or self.stops:
            self.broken("a second start")
        self.starts += 1
        self.binding = binding
        if self.action == "raise-start":
            self.disturbed = "raised"
            raise Boom
        if self.action == "refuse":
            self.disturbed = "refused"
            return HRESULT.E_FAIL
        dice, session = self.session.dice, self.session
        if self.action == "suspend":
            if dice.random() < 0.2:
                self.suspend()
            else:
                session.later(dice.random() * 0.05, self.suspend)
        elif self.action == "abort-later":
            session.later(dice.choice((0.0, 0.001, 0.01, 0.1)), self.abort)
        elif self.action == "reprioritise":
            for _ in range(3):
                session.later(dice.random() * 0.1, self.reprioritise)
        return None

    def on_progress(self, progress: int, progress_max: int, status: Any, text: Any) -> Any:
        with self.call("on_progress"):
            if self.calls > self.after:
                if self.action == "abort-at-progress":
                    self.abort()
                elif self.action == "raise-progress" and not self.disturbed:
                    self.disturbed = "raised"
                    raise Boom

    def on_data_available(self, flags: BSCF, size: int, format: Any, medium: Any) -> Any:
        with self.call("on_data_available"):
            self.data_calls += 1
            if bool(flags & BSCF.FIRSTDATANOTIFICATION) != (self.data_calls == 1):
                self.broken(f"call {self.data_calls} with {flags!r}")
            if self.action == "abort-at-data":
                self.abort()
                if self.disturbed:
                    return None  # else it came too late, and all is to be read
            if self.action == "raise-data":
                self.disturbed = "raised"
                raise Boom
            if self.action == "fail-data":
                self.disturbed = "failed"
                return HRESULT.E_FAIL
            if self.storage == TYMED.HGLOBAL:
                self.took(medium.data)
            elif self.storage == TYMED.ISTREAM:
                self.stream = medium.stream
                if self.reader == "later":
                    if self.data_calls == 1:
                        self.session.later(0.001, self.read_on)
                else:
                    self.read()
            return None

    def on_stop_binding(self, hresult: Any, error: Any) -> None:
        with self.call("on_stop_binding"):
            pass
        self.stops += 1
        self.session.stopped(self)
        self.judge(hresult, error)
        if self.storage == TYMED.ISTREAM and self.stream is not None and not self.ended:
            self.session.later(0.0, self.read_rest)
        if self.action == "raise-stop":
            raise Boom

    # -- what it does ---------------------------------------------------------------------------------------

    def abort(self) -> None:
        if self.stops:
            return
        answer = self.binding.abort()
        if answer == HRESULT.S_OK:
            self.disturbed = "aborted"
        elif answer not in (HRESULT.E_FAIL, HRESULT.INET_E_RESULT_DISPATCHED):
            self.broken(f"abort gave {answer!r}")

    def suspend(self) -> None:
        if not self.stops and self.binding.suspend() == HRESULT.S_OK:
            self.session.later(self.session.dice.choice((0.0, 0.01, 0.1, 0.3)), self.resume)

    def resume(self) -> None:
        if not self.stops:
            self.resumed = True
            self.binding.resume()

    def reprioritise(self) -> None:
        if not self.stops:
            self.binding.set_priority(self.session.dice.randrange(-16, 17))

    def read(self) -> bool:
        """Reads once in this client's manner; whether there may be more now."""
        stream, dice = self.stream, self.session.dice
        if self.reader == "view":
            while (view := stream.read_view()) is not None and len(view):
                self.took(view)
            self.ended = view is not None
            return False
        if self.reader == "into":
            buffer = bytearray(dice.choice((1000, 1 << 16)))
            while count := stream.readinto(buffer):
                self.took(memoryview(buffer)[:count])
            self.ended = count is not None
            return False
        if self.reader == "all":
            while data := stream.read(1 << 16):
                self.took(data)
            self.ended = data is not None
            return False
        data = stream.read(dice.choice((1, 1000, 20_000, 500_000)))
        if data:
            self.took(data)
        self.ended = data == b""
        return bool(data)

    def read_on(self) -> None:
        """Outside of callbacks, a little at a time, until the operation has stopped."""
        if self.stops:
            return
        while self.read() and self.session.dice.random() < 0.7:
            pass
        if not self.ended:
            self.session.later(self.session.dice.choice((0.001, 0.01)), self.read_on)

    def read_rest(self) -> None:
        """After the stop: what was not read yet, then the end or the error."""
        try:
            while self.read():
                pass
        except urlmon.BindError:
            if self.session.results.get(self, HRESULT.E_FAIL) == HRESULT.S_OK:
                self.broken("the stream of a success raised")
            return
        if not self.ended:
            self.session.later(0.0, self.read_rest)
        else:
            self.check_body()

    # -- the verdict ----------------------------------------------------------------------------------------

    def judge(self, hresult: Any, error: Any) -> None:
        """Is this what may come of the script and of what the client did?"""
        session, script = self.session, self.script
        success = hresult == HRESULT.S_OK
        session.results[self] = hresult
        session.count.outcomes["success" if success else type(error).__name__] += 1
        if success != (error is None) or (error is not None and not isinstance(error, urlmon.BindError)):
            self.broken(f"stopped with {hresult!r} and {error!r}")
        elif error is not None and error.hresult != hresult:
            self.broken(f"stopped with {hresult!r}, but the error says {error.hresult!r}")
        wanted = {"aborted": HRESULT.E_ABORT, "raised": HRESULT.E_UNEXPECTED, "failed": HRESULT.E_FAIL}.get(
            self.disturbed
        )
        if self.disturbed == "refused":
            wanted = HRESULT.INET_E_DOWNLOAD_FAILURE
        if wanted is not None:
            if hresult != wanted and not (
                self.disturbed in ("raised", "failed") and hresult == HRESULT.E_ABORT
            ):
                self.broken(f"{self.disturbed}, but stopped with {hresult!r}")
        elif not (self.resumed or self.stops_seen != session.tally.reactor_stops):
            expected = script.expectation
            if self.storage == TYMED.FILE and script.fault in GZIP_FAULTS:
                expected = SUCCESS  # it is not decoded, so it is not encoded
            if expected == EITHER:
                pass
            elif success != (expected == SUCCESS):
                self.broken(f"{expected} was expected, not {hresult!r} {error}")
        elif (
            self.stops_seen == session.tally.reactor_stops
            and success
            and script.expectation == FAILURE
            and (self.storage != TYMED.FILE or script.fault not in GZIP_FAULTS)
        ):
            self.broken("a success of what must fail, after a suspension")
        if self.path is not None:
            self.check_file(success)
        elif (success and self.ended) or (success and self.storage == TYMED.HGLOBAL):
            self.check_body()
        elif success and script.size and self.stream is None:
            self.broken("a success without its bytes")

    def check_body(self) -> None:
        """All of a successful body was read."""
        if self.session.results[self] != HRESULT.S_OK or self.script.fault in UNKNOWN_DIGEST:
            return
        self.session.count.verified += 1
        if self.digest.hexdigest() != self.script.digest:
            self.broken("a success with the wrong digest")

    def check_file(self, success: bool) -> None:
        path = self.path
        assert path is not None
        if os.path.exists(path + ".part"):
            self.broken("a partial file is left after the stop")
        there = os.path.exists(path)
        if success and not there:
            self.broken("a success without its file")
        if there and not success and self.disturbed not in ("raised", "failed"):
            self.broken("a file without a success")  # a client may fail an operation whose file is there
        if there:
            if self.script.fault not in UNKNOWN_DIGEST - GZIP_FAULTS:
                self.session.count.verified += 1
                with open(path, "rb") as file:
                    if hashlib.sha256(file.read()).hexdigest() != self.script.digest:
                        self.broken("a file with the wrong digest")
            os.unlink(path)
