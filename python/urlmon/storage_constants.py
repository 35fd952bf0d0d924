"""Media, stream modes and bind options: the constants that monikers take from structured storage."""

from __future__ import annotations

from enum import IntEnum

from ._flags import Flags32


class TYMED(IntEnum):
    """Kind of storage medium: what a bind asks for and what ``StgMedium.tymed`` names (contract 6.1). The
    numbers are bits, so that a FORMATETC can name several; a medium is always exactly one.
    """

    NULL = 0
    HGLOBAL = 1  # memory
    FILE = 2  # path of a file
    ISTREAM = 4  # stream
    ISTORAGE = 8  # structured storage; URL monikers do not support it
    GDI = 16
    MFPICT = 32
    ENHMF = 64


class DVASPECT(IntEnum):
    """Aspect of a FORMATETC; URL monikers always say CONTENT (contract 6.2)."""

    CONTENT = 1
    THUMBNAIL = 2
    ICON = 4
    DOCPRINT = 8


class STGM(Flags32):
    """Access mode of a storage, in the bind options of a bind context (contract 7.1; objbase.h). The SHARE
    values are one field (mask 0x70), not independent bits.
    """

    READ = 0x00000000
    WRITE = 0x00000001
    READWRITE = 0x00000002
    SHARE_EXCLUSIVE = 0x00000010
    SHARE_DENY_WRITE = 0x00000020
    SHARE_DENY_READ = 0x00000030
    SHARE_DENY_NONE = 0x00000040
    CREATE = 0x00001000
    TRANSACTED = 0x00010000
    CONVERT = 0x00020000
    PRIORITY = 0x00040000
    NOSCRATCH = 0x00100000
    NOSNAPSHOT = 0x00200000
    DIRECT_SWMR = 0x00400000
    DELETEONRELEASE = 0x04000000
    SIMPLE = 0x08000000


class STREAM_SEEK(IntEnum):
    """Origin of IStream::Seek; the same numbers as os.SEEK_SET, SEEK_CUR and SEEK_END (contract 6.5)."""

    SET = 0
    CUR = 1
    END = 2


class BIND_FLAGS(Flags32):
    """Field grfFlags of a bind context's options (contract 7.1)."""

    MAYBOTHERUSER = 1
    JUSTTESTEXISTENCE = 2


class MKSYS(IntEnum):
    """Answer of IsSystemMoniker: which built-in class a moniker is of (contract 2.2)."""

    NONE = 0
    GENERICCOMPOSITE = 1
    FILEMONIKER = 2
    ANTIMONIKER = 3
    ITEMMONIKER = 4
    POINTERMONIKER = 5
    URLMONIKER = 6
    CLASSMONIKER = 7


class ClipboardFormat(IntEnum):
    """The fixed clipboard formats; registered ones have numbers from 0xC000 (contract 6.2; winuser.h).

    A bind knows NULL alone, the format that the server likes best.
    """

    NULL = 0
    TEXT = 1
    BITMAP = 2
    METAFILEPICT = 3
    SYLK = 4
    DIF = 5
    TIFF = 6
    OEMTEXT = 7
    DIB = 8
    PALETTE = 9
    PENDATA = 10
    RIFF = 11
    WAVE = 12
    UNICODETEXT = 13
    ENHMETAFILE = 14
    HDROP = 15
    LOCALE = 16
    DIBV5 = 17
