"""`urlmon get`: the download loop.

One thread, one apartment. The loop keeps a bounded number of bindings alive, pumps their callbacks, settles
what has ended and draws progress; the bytes themselves go from libcurl to the files without this thread.
Callbacks here only take notes, so that no output error and no signal ever surfaces inside a callback.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections import deque

import urlmon

from ..redaction import redact_url
from .arguments import GetOptions
from .names import TargetNames, content_disposition_name, url_name
from .progress import Progress, Running, Snapshot, make_progress
from .report import Report, Result, exit_code_of
from .signals import Interrupted, StopSignals
from .streams import WRITE_ERROR, OutputError
from .urllist import Listed, UrlList

__all__ = ["run_get"]

LOOK_AHEAD = 16
"""Bindings beyond -j that are handed to the core, so that it has the next one at hand when a file ends."""

STARTS_PER_ROUND = 256
"""URLs taken from the list before the loop looks at signals and progress again (malformed ones cost no slot).
"""

PUMP_SECONDS = 0.1
CALLBACKS_PER_ROUND = 512

ABORT_SECONDS = 2.0
"""How long the loop waits, at most, for aborted bindings to say that they ended. It takes milliseconds."""

BAD_USAGE = 2


class Download(urlmon.BindStatusCallback):
    """One URL on its way to one file."""

    def __init__(self, run: Run, url: str, name: str, path: str) -> None:
        self.run = run
        self.url = url
        self.name = name
        """Reserved file name; provisional with -J; "" with -o."""
        self.path = path
        self.started = time.monotonic()
        self.binding: urlmon.Binding | None = None
        self.ended = False
        self.error: BaseException | None = None
        self.http_status = 0
        self.received = 0
        self.seconds = 0.0
        self.disposition: str | None = None

    def get_bind_info(self) -> urlmon.BindInfo:
        return self.run.bind_info

    def get_priority(self) -> int:
        return self.run.options.priority

    def on_start_binding(self, binding: urlmon.Binding) -> None:
        self.binding = binding

    def on_stop_binding(self, hresult: int, error: urlmon.BindError | None) -> None:
        self.end(error)

    def end(self, error: BaseException | None) -> None:
        """Take down what the binding knows and leave it; the loop does the rest."""
        if self.ended:
            return
        self.ended = True
        self.error = error
        self.seconds = time.monotonic() - self.started
        binding, self.binding = self.binding, None
        if binding is not None:
            self.http_status = binding.status_code
            self.received = binding.bytes_received
            if self.run.options.remote_names:
                self.disposition = next(
                    (value for name, value in binding.headers if name.lower() == "content-disposition"), None
                )
        self.run.settling.append(self)


class Run:
    """The state of one `urlmon get`."""

    def __init__(self, options: GetOptions, urls: UrlList, names: TargetNames, stop: StopSignals) -> None:
        self.options = options
        self.urls = urls
        self.names = names
        self.stop = stop
        self.flying: dict[Download, None] = {}  # in the order of their start, as progress shows them
        self.settling: deque[Download] = deque()
        self.untold: deque[Result] = deque()
        self.muted = False
        """An output stream does not take anything any more: finish without a word."""
        self.started = time.monotonic()
        self.report = Report(as_json=options.json)
        self.progress: Progress = make_progress(self.report, self.started, quiet=options.quiet)
        info = urlmon.BindInfo(
            fail_on_http_error=True,
            headers=options.headers,
            netrc=options.netrc,
            ca_file=options.cacert,
            proxy=options.proxy,
        )
        if options.connect_timeout is not None:
            info = dataclasses.replace(info, connect_timeout=options.connect_timeout)
        self.bind_info = info
        self.apartment = urlmon.Apartment.current()
        stop.wake = lambda: self.apartment.post(lambda: None)  # so that a pump which waits returns
        # All downloads here have one priority: slots for urgent ones would only exceed -j.
        self.apartment.configure(max_active=options.jobs, max_per_host=options.max_per_host, urgent_slots=0)

    def go(self) -> int:
        """Download everything; returns the exit code. Raises BrokenPipeError and OutputError."""
        try:
            with contextlib.suppress(Interrupted):  # `stop` knows
                self._loop()
        except (BrokenPipeError, OutputError):
            self.muted = True
            raise
        finally:
            self._abandon()
            self.progress.close()
        if self.stop.signum:
            if not self.muted:
                self.report.say(f"stopped by {signal.Signals(self.stop.signum).name}: {self._totals()}")
            return self.stop.exit_code
        return self._conclude()

    def _conclude(self) -> int:
        single = self.options.single
        if not self.options.quiet and not (single and self.report.failed):
            self.report.say(self._totals())
        if not single:
            for line in self.report.summary():
                self.report.say(line)
        if self.urls.error is not None:
            self.report.say(f"cannot read the list to its end: {self.urls.error.strerror}")
            return 1
        return self.report.exit_code(single=single)

    def _totals(self) -> str:
        return self.report.totals(time.monotonic() - self.started)

    def _loop(self) -> None:
        while not self.stop.signum:
            self._fill()
            if not self.flying and not self.settling:
                if self.urls.exhausted:
                    return
                with self.stop.interruptible():
                    self.urls.wait(PUMP_SECONDS)
            elif not self.settling:
                self.apartment.pump(PUMP_SECONDS, limit=CALLBACKS_PER_ROUND)
            if not self.stop.signum:
                self._settle()
                with self.stop.interruptible():
                    self._tell()
                    self.progress.tick(time.monotonic(), self._poll)

    def _fill(self) -> None:
        """Bind the next URLs, up to the bound."""
        for _ in range(STARTS_PER_ROUND):
            if len(self.flying) >= self.options.jobs + LOOK_AHEAD:
                return
            listed = self.urls.take()
            if listed is None:
                return
            self._start(listed)

    def _start(self, listed: Listed) -> None:
        if self.options.output is not None:
            name, path = "", os.path.join(self.options.directory or "", self.options.output)
        else:
            if self.options.remote_names:
                name = self.names.reserve_provisional()
            else:
                name = self.names.reserve(url_name(listed.url))
            path = self.names.path(name)
        download = Download(self, listed.url, name, path)
        self.flying[download] = None
        if listed.problem is not None:
            download.end(ValueError(listed.problem))
            return
        try:
            moniker = urlmon.create_url_moniker(listed.url)
            context = urlmon.create_async_bind_ctx(download)
            moniker.bind_to_storage(context, storage=urlmon.TYMED.FILE, path=path)
        except (urlmon.BindError, ValueError) as error:
            # Not even started: an unknown scheme, a URL that is none. An error of this item, not of the run.
            download.end(error)

    def _settle(self) -> None:
        """Turn what has ended into files and results."""
        while self.settling:
            download = self.settling.popleft()
            self.flying.pop(download, None)
            self.untold.append(self._result(download))

    def _tell(self) -> None:
        """Say what `_settle` has found."""
        while self.untold:
            result = self.untold.popleft()
            self.report.add(result)
            self.progress.finished(time.monotonic(), result)
        self.report.flush()

    def _result(self, download: Download) -> Result:
        path: str | None = download.path
        error = download.error
        if error is None and self.options.remote_names:
            try:
                path = self._publish(download)
            except OSError as problem:
                error = problem
                with contextlib.suppress(OSError):
                    os.unlink(download.path)
        if download.name:
            self.names.release(download.name)
        return Result(
            url=download.url,
            path=path if error is None else None,
            bytes=download.received,
            seconds=download.seconds,
            http_status=download.http_status,
            error=None if error is None else str(error) or type(error).__name__,
            exit_code=0 if error is None else exit_code_of(error),
        )

    def _publish(self, download: Download) -> str:
        """-J: the response is here, so the file can have its name."""
        chosen = content_disposition_name(download.disposition) if download.disposition else None
        if chosen is None:
            name = self.names.publish(download.name, url_name(download.url), may_replace=True)
        else:
            name = self.names.publish(download.name, chosen, may_replace=False)
        return self.names.path(name)

    def _poll(self) -> Snapshot:
        running: list[Running] = []
        for download in self.flying:
            binding = download.binding
            if binding is not None and (received := binding.bytes_received):
                name = (
                    redact_url(download.url) if self.options.remote_names else os.path.basename(download.path)
                )
                running.append(Running(name, received, binding.bytes_total))
        return Snapshot(
            running=running,
            waiting=len(self.flying) - len(running),
            done=self.report.done,
            failed=self.report.failed,
            finished_bytes=self.report.bytes,
            list_fraction=self.urls.fraction,
            list_exhausted=self.urls.exhausted,
        )

    def _abandon(self) -> None:
        """Abort what is still alive and wait until each has been told; its unfinished file is gone then."""
        deadline = time.monotonic() + ABORT_SECONDS
        aborted: set[Download] = set()
        while time.monotonic() < deadline:
            for download in self.flying:
                if download.binding is not None and download not in aborted:
                    aborted.add(download)
                    with contextlib.suppress(urlmon.BindError):  # it has ended, we are about to hear of it
                        download.binding.abort()
            if all(download.ended for download in self.flying):
                break
            self.apartment.pump(PUMP_SECONDS / 4)
        # What was complete before the abort reached it is a result like any other; the rest is not worth a
        # message each.
        self.settling = deque(download for download in self.settling if download.error is None)
        self._settle()
        self.flying.clear()
        if self.stop.signum and not self.report.heard:
            self.muted = True
        if not self.muted:
            try:
                self._tell()
            except (BrokenPipeError, OutputError):
                self.muted = True


def run_get(options: GetOptions) -> int:
    """Run `urlmon get`; returns its exit code.

    Raises BrokenPipeError if nobody reads our output any more, OutputError if it cannot be written.
    """
    say = Report(as_json=False).say
    try:
        # Before signals become notes: opening a named pipe waits for its writer, and Ctrl-C must end that.
        urls = UrlList(options.urls, options.input)
    except OSError as error:
        say(f"cannot read the list {options.input}: {error.strerror or error}")
        return BAD_USAGE
    directory = options.directory or "."
    if options.directory is not None:
        try:
            os.makedirs(directory, exist_ok=True)
        except OSError as error:
            say(f"cannot make the folder {directory}: {error.strerror}")
            return WRITE_ERROR
    with contextlib.closing(urls), StopSignals() as stop:
        return Run(options, urls, TargetNames(directory), stop).go()
