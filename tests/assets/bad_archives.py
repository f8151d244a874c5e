"""Builds good, strange and hostile ZIP archives record by record."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.assets.bad_pictures import zeros

ENCRYPTED, UTF8 = 0x1, 0x800
LINK, DEVICE, FIFO = 0o120777, 0o060644, 0o010644


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of an archive; what is None follows from `data`, everything else is a claim."""

    name: bytes = b"a.png"
    data: bytes = b"picture"
    method: int = 8
    flags: int = 0
    mode: int = 0o100644
    packed: bytes | None = None
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None
    offset: int | None = None
    local_name: bytes | None = None
    local_extra: bytes = b""
    extra: bytes = b""

    def settled(self) -> "File":
        raw = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = self.data if self.method == 0 else raw.compress(self.data) + raw.flush()
        packed = packed if self.packed is None else self.packed
        return replace(
            self,
            packed=packed,
            size=len(self.data) if self.size is None else self.size,
            packed_size=len(packed) if self.packed_size is None else self.packed_size,
            crc=zlib.crc32(self.data) if self.crc is None else self.crc,
            local_name=self.name if self.local_name is None else self.local_name,
        )


def local(file: File) -> bytes:
    sizes = (file.crc, min(file.packed_size, 0xFFFFFFFF), min(file.size, 0xFFFFFFFF))
    fixed = (20, file.flags, file.method, 0, 0, *sizes, len(file.local_name), len(file.local_extra))
    return struct.pack("<4s5H3L2H", b"PK\3\4", *fixed) + file.local_name + file.local_extra + file.packed


def central(file: File, offset: int) -> bytes:
    sizes = (file.crc, min(file.packed_size, 0xFFFFFFFF), min(file.size, 0xFFFFFFFF))
    fixed = (0x314, 20, file.flags, file.method, 0, 0, *sizes, len(file.name), len(file.extra), 0, 0, 0)
    return struct.pack("<4s6H3L5H2L", b"PK\1\2", *fixed, file.mode << 16, offset) + file.name + file.extra


def end(count: int, size: int, offset: int, *, comment: bytes = b"", disk: int = 0) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, count, count, size, offset, len(comment)) + comment


def end64(count: int, size: int, offset: int) -> bytes:
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, offset + size, 1)
    return record + locator + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def archive(*files: File, count: int | None = None, comment: bytes = b"", wide: bool = False) -> bytes:
    body = b""
    directory = b""
    for file in files:
        settled = file.settled()
        directory += central(settled, len(body) if file.offset is None else file.offset)
        body += local(settled)
    stated = len(files) if count is None else count
    if wide:
        return body + directory + end64(stated, len(directory), len(body))
    return body + directory + end(stated, len(directory), len(body), comment=comment)


def named(*names: str | bytes) -> bytes:
    return archive(*(File(name=name if isinstance(name, bytes) else name.encode()) for name in names))


def many(count: int, *, stated: int | None = None) -> bytes:
    """Return an archive of empty files that share one local header, so that a million of them is quickly built."""
    file = File(name=b"a", data=b"", method=0).settled()
    directory = central(file, 0) * count
    offset = len(local(file))
    if stated is not None:
        return local(file) + directory + end(stated, len(directory), offset)
    return local(file) + directory + end64(count, len(directory), offset)


def raw_zeros(size: int) -> bytes:
    """Return deflated zero bytes without the zlib frame."""
    return zeros(size)[2:-4]


def quoted_overlap(count: int) -> bytes:
    """Return the bomb whose many directory records all point into one packed kernel."""
    kernel = File(name=b"0", data=bytes(1 << 20)).settled()
    body = local(kernel)
    directory = b"".join(central(replace(kernel, name=b"%d" % index), 0) for index in range(count))
    return body + directory + end(count, len(directory), len(body))


def names_of(items: Sequence[object]) -> list[str]:
    return [item.name for item in items]
