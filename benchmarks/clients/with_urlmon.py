"""This project, as its README shows it."""

from __future__ import annotations

import hashlib

from task import Done, Task, main

import urlmon


def run(task: Task) -> Done:
    done = Done()

    class Count(urlmon.BindStatusCallback):
        """Every file through on_start_binding, on_data_available and on_stop_binding."""

        def on_start_binding(self, binding: urlmon.Binding) -> None:
            self.binding = binding

        def on_data_available(
            self, flags: urlmon.BSCF, size: int, format: urlmon.FormatEtc, medium: urlmon.StgMedium
        ) -> None:
            while view := medium.stream.read_view():
                done.size += len(view)

        def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
            if error:
                raise error
            done.files += 1

    class Digest(Count):
        def __init__(self) -> None:
            self.sha256 = hashlib.sha256()

        def on_data_available(
            self, flags: urlmon.BSCF, size: int, format: urlmon.FormatEtc, medium: urlmon.StgMedium
        ) -> None:
            while view := medium.stream.read_view():
                self.sha256.update(view)
                done.size += len(view)

        def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
            super().on_stop_binding(hresult, error)
            done.add_digest(self.sha256)

    class Save(urlmon.BindStatusCallback):
        """The I/O thread writes the files; here is only said when one is complete."""

        def on_start_binding(self, binding: urlmon.Binding) -> None:
            self.binding = binding

        def on_stop_binding(self, hresult: urlmon.HRESULT, error: urlmon.BindError | None) -> None:
            if error:
                raise error
            done.files += 1
            done.size += self.binding.bytes_received

    info = urlmon.BindInfo(ca_file=task.cafile) if task.cafile else None
    if info is not None:
        Count.get_bind_info = lambda self: info  # type: ignore[method-assign]
    apartment = urlmon.Apartment.current()
    apartment.configure(max_active=task.at_once, max_per_host=task.per_host or task.at_once)
    kind = Save if task.into else Digest if task.digest else Count
    for url in task.urls:
        context = urlmon.create_async_bind_ctx(kind())
        moniker = urlmon.create_url_moniker(url)
        if task.into:
            moniker.bind_to_storage(context, urlmon.TYMED.FILE, task.target(url))
        else:
            moniker.bind_to_storage(context)
    apartment.run()
    return done


if __name__ == "__main__":
    main(run)
