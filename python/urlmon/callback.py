"""The client's side of a bind: the bind status callback, and the optional services that it may offer.

Every method is called on the thread that started the bind, and on no other; two of them never run at the same
time there. A method may return an HRESULT or `None`, which means S_OK. An exception that leaves one aborts
its binding: `on_stop_binding` gets E_UNEXPECTED, and the exception leaves `pump` (or the synchronous bind)
with its traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from urlmon.bindinfo import DEFAULT_BIND_INFO

if TYPE_CHECKING:
    from urlmon.bindinfo import BindInfo
    from urlmon.binding import Binding
    from urlmon.constants import BINDSTATUS, BSCF
    from urlmon.exceptions import BindError
    from urlmon.hresult import HRESULT
    from urlmon.storage import FormatEtc, StgMedium


class BindStatusCallback:
    """IBindStatusCallback (contract section 3): says how to bind, and is told everything that happens.

    Inherit and override what is of interest; a method that is not overridden is not even called. Inheriting
    is not required: any object with some of these methods will do.

    Optional services are further methods, or objects that a method `query_service(service, iid)` returns: see
    `HttpNegotiate`, `Authenticate`, `HttpSecurity`, `BindCallbackRedirect`, `InternetBindInfo` in
    `urlmon.services` (contract section 8). A transfer that a service is asked about waits for the
    answer; the others go on.
    """

    def get_bind_info(self) -> BindInfo:
        """How to bind; first of all methods, once. Unless overridden: asynchronous, pushed, GET."""
        return DEFAULT_BIND_INFO

    def get_priority(self) -> int | None:
        """The priority to begin with, any integer (-15..15 counts; see `urlmon.Priority`).

        `None` and E_NOTIMPL mean 0. Asked once, after `get_bind_info` and before `on_start_binding`.
        """
        return None

    def on_start_binding(self, binding: Binding) -> int | None:
        """Nothing was sent yet. Keep `binding` to control the operation; a failure refuses it."""
        return None

    def on_low_resource(self) -> int | None:
        """Never called (contract 3.1 leaves that open): what the library holds for a client is bounded by marks that
        make its transfers wait, so there is nothing that it would have the client give up."""
        return None

    def on_progress(
        self, progress: int, progress_max: int, status: BINDSTATUS, text: str | None
    ) -> int | None:
        """Something went on: `progress` of `progress_max` bytes (0 = unknown) are there.

        What `text` is depends on `status` (contract 5.6).
        """
        return None

    def on_data_available(self, flags: BSCF, size: int, format: FormatEtc, medium: StgMedium) -> int | None:
        """`size` bytes in all can be read from `medium` so far; of a stream at most 512 KiB more than the last time.

        A failure as the answer, or S_FALSE, ends the operation.
        """
        return None

    def on_object_available(self, riid: object, obj: Any) -> int | None:
        """The object that `bind_to_object` made."""
        return None

    def on_stop_binding(self, hresult: HRESULT, error: BindError | None) -> None:
        """The operation is over; nothing follows. Exactly once for every operation that was started.

        `error` is `None` on success.
        """
