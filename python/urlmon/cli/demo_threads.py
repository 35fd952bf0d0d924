"""The threads of `urlmon demo`: each binds its files, acts on some, and pumps until all have ended."""

from __future__ import annotations

import contextlib
import http.client
import os
import threading
import time
from dataclasses import dataclass, field

import urlmon

from .demo_plan import THREADS, Plan, plan_thread

__all__ = ["Course", "Downloader", "Transfer"]

SUSPENDED_SECONDS = 0.2
ACTIVE = 8
"""Transfers of a thread at a time: few enough that its priorities do not run side by side."""

TIME_LIMIT = 30.0
"""Seconds after which the demo gives up; it takes a few."""

PUMP_SECONDS = 0.02


class Transfer(urlmon.BindStatusCallback):
    """One file: its callbacks write down what they saw, and where."""

    def __init__(self, plan: Plan, began: float) -> None:
        self.plan = plan
        self.began = began
        self.binding: urlmon.Binding | None = None
        self.starts = 0
        self.stops = 0
        self.callbacks = 0
        self.strangers = 0
        """Callbacks on a thread other than the one that made this object."""
        self.after_stop = 0
        self.while_suspended = 0
        self.thread = threading.get_ident()
        self.hresult = 0
        self.error: BaseException | None = None
        self.finished_at = 0.0
        self.suspended_until = 0.0
        self.acted = False
        self.resumed = False

    def _note(self) -> None:
        self.callbacks += 1
        self.strangers += threading.get_ident() != self.thread
        self.after_stop += self.stops > 0
        self.while_suspended += self.suspended_until > 0

    def get_bind_info(self) -> urlmon.BindInfo:
        self._note()
        return urlmon.BindInfo(fail_on_http_error=True, proxy="")

    def get_priority(self) -> int:
        self._note()
        return self.plan.priority

    def on_start_binding(self, binding: urlmon.Binding) -> None:
        self._note()
        self.starts += 1
        self.binding = binding
        if self.plan.role in ("raise", "abort queued"):
            # Kept in the queue until all are bound: otherwise it might have ended by then.
            binding.suspend()

    def on_progress(
        self, progress: int, progress_max: int, status: urlmon.BINDSTATUS, text: str | None
    ) -> None:
        self._note()

    def on_data_available(
        self, flags: urlmon.BSCF, size: int, format: urlmon.FormatEtc, medium: urlmon.StgMedium
    ) -> None:
        self._note()

    def on_stop_binding(self, hresult: int, error: urlmon.BindError | None) -> None:
        self._note()
        self.stops += 1
        self.hresult, self.error = hresult, error
        self.finished_at = time.monotonic() - self.began
        self.binding = None


@dataclass
class Course:
    """What all threads share. Each list is only appended to, each by its own thread."""

    port: int
    directory: str
    seed: int
    stopping: threading.Event = field(default_factory=threading.Event)
    ready: threading.Barrier = field(default_factory=lambda: threading.Barrier(THREADS))
    transfers: list[list[Transfer]] = field(default_factory=lambda: [[] for _ in range(THREADS)])
    crashes: list[BaseException] = field(default_factory=list)


class Downloader(threading.Thread):
    """One of the three threads: binds its files, acts on some of them, pumps until all have ended."""

    def __init__(self, course: Course, number: int) -> None:
        super().__init__(name=f"demo-{number + 1}")
        self.course = course
        self.transfers = course.transfers[number]
        self.plans = plan_thread(number, course.seed)

    def run(self) -> None:
        try:
            self._download()
        except BaseException as error:
            self.course.crashes.append(error)
            self.course.stopping.set()

    def _download(self) -> None:
        apartment = urlmon.Apartment.current()
        apartment.configure(max_active=ACTIVE, max_per_host=ACTIVE)
        with contextlib.suppress(threading.BrokenBarrierError):
            self.course.ready.wait(10)
        began = time.monotonic()
        for plan in self.plans:
            transfer = Transfer(plan, began)
            self.transfers.append(transfer)
            url = f"http://127.0.0.1:{self.course.port}{plan.path}"
            target = os.path.join(self.course.directory, plan.name)
            urlmon.create_url_moniker(url).bind_to_storage(
                urlmon.create_async_bind_ctx(transfer), storage=urlmon.TYMED.FILE, path=target
            )
        while any(not transfer.stops for transfer in self.transfers):
            if self.course.stopping.is_set() or time.monotonic() - began > TIME_LIMIT:
                self._abort_all(apartment)
                return
            apartment.pump(PUMP_SECONDS)
            for transfer in self.transfers:
                if transfer.binding is not None and transfer.plan.role != "plain":
                    self._act(transfer, transfer.binding)

    def _act(self, transfer: Transfer, binding: urlmon.Binding) -> None:
        """Do to `transfer` what its plan says, once it is where that makes sense."""
        role = transfer.plan.role
        if transfer.suspended_until:
            if time.monotonic() >= transfer.suspended_until:
                transfer.suspended_until = 0.0
                transfer.resumed = True
                binding.resume()
        elif transfer.acted:
            return
        elif role == "raise":
            transfer.acted = True
            binding.priority = urlmon.Priority.TIME_CRITICAL
            binding.resume()
        elif role == "abort queued":
            transfer.acted = True
            binding.abort()
        elif binding.bytes_received > 0:
            # The origin holds the second half: it is in the middle, and stays there.
            transfer.acted = True
            if role == "abort running":
                binding.abort()
            else:
                binding.suspend()
                transfer.suspended_until = time.monotonic() + SUSPENDED_SECONDS
                # From now on only our suspension keeps the second half from coming.
                _ask(self.course.port, f"/release/{transfer.plan.index}")

    def _abort_all(self, apartment: urlmon.Apartment) -> None:
        for transfer in self.transfers:
            if transfer.binding is not None:
                with contextlib.suppress(urlmon.BindError):
                    transfer.binding.abort()
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline and any(
            transfer.binding is not None for transfer in self.transfers
        ):
            apartment.pump(PUMP_SECONDS)


def _ask(port: int, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()
