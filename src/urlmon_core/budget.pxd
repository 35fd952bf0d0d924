# The byte budget of a visit: how much is read from one connection before the others have their turn. I/O thread only.
#
# libcurl reads what there is, megabytes where the sender is on the same machine, and serves all such transfers in one call. So the
# transfer that has used its budget up is paused (after its bytes were taken, which costs no copy), and goes on in a later turn, the most
# urgent one first, a few a turn.

from urlmon_core.transfer cimport io_context, transfer

cdef void budget_spend(transfer *self, size_t size) noexcept nogil
cdef bint budget_limits(transfer *self) noexcept nogil
cdef void budget_leave(transfer *self) noexcept nogil
cdef void budget_grant(io_context *context) noexcept nogil
