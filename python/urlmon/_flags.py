"""The base of all flag enums: 32-bit words as C declares them."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

_MASK = 0xFFFFFFFF


class Flags32(IntFlag):
    """A DWORD of flags that never loses a bit.

    Bits without a name are accepted and kept, because a client written against newer headers passes them on.
    Values are unsigned: a negative number (the way some languages spell flags with the top bit set) and the
    result of ``~`` are taken modulo 2**32. Python 3.10 and 3.11+ differ here (negative members there, only
    the named bits here), so both are settled in this class and every flag word fits an unsigned C int.
    """

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if isinstance(value, int) and value < 0:
            return cls(value & _MASK)
        return super()._missing_(value)

    def __invert__(self) -> Self:
        return type(self)(~self._value_ & _MASK)
