"""The measuring program of bench_reactors.py: apartments on one or more I/O threads fetch one URL; one JSON line."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time

import urlmon
import urlmon_core


class Count(urlmon.BindStatusCallback):
    """Reads all there is."""

    def __init__(self, info: urlmon.BindInfo) -> None:
        self.info = info
        self.bytes = 0
        self.error: urlmon.BindError | None = None

    def get_bind_info(self) -> urlmon.BindInfo:
        return self.info

    def on_start_binding(self, binding: urlmon.Binding) -> None:
        self.binding = binding

    def on_data_available(self, flags: object, size: int, format: object, medium: urlmon.StgMedium) -> None:
        assert medium.stream is not None
        while view := medium.stream.read_view():
            self.bytes += len(view)

    def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
        self.error = error


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("ca_file")
    parser.add_argument("reactors", type=int)
    parser.add_argument("threads", type=int)
    parser.add_argument("count", type=int, help="files of each thread")
    parser.add_argument("active", type=int, help="at once, of each thread")
    options = parser.parse_args()
    info = urlmon.BindInfo(ca_file=options.ca_file)
    urlmon.configure(reactors=options.reactors)
    begin = threading.Barrier(options.threads + 1)
    counts: list[Count] = []

    def work() -> None:
        apartment = urlmon.Apartment.current()
        apartment.configure(max_active=options.active, max_per_host=options.active)
        own = [Count(info) for _ in range(options.count)]
        begin.wait()
        for count in own:
            urlmon.create_url_moniker(options.url).bind_to_storage(urlmon.create_async_bind_ctx(count))
        apartment.run()
        counts.extend(own)

    threads = [threading.Thread(target=work) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    begin.wait()
    cpu, began = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.join()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    failed = [count.error for count in counts if count.error]
    if failed or len(counts) != options.threads * options.count:
        sys.exit(f"{len(failed)} failed, {len(counts)} ended: {failed[:1]}")
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu": cpu,
                "files": len(counts),
                "bytes": sum(count.bytes for count in counts),
                "reactors": len(urlmon_core.reactor_statistics()),
            }
        )
    )


if __name__ == "__main__":
    main()
