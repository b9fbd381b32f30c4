"""Makes dumps by hand, from the definition of the format: valid ones, and ones with one fault."""

import gzip
import json
import struct
import time
import zlib

# The length of the JSON object with its padding is a multiple of this number of bytes.
COMMENT = 4096


def stamp(seconds: float) -> str:
    """Returns a time in the form of a dump's header."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def name(database: str, seconds: float, rest: str = ".dump.gz") -> str:
    """Returns the name of a dump."""
    return f"{database}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(seconds))}{rest}"


def fields(content: bytes, seconds: float, **changes: object) -> dict[str, object]:
    """Returns a valid header of a command's dump, with changes."""
    right: dict[str, object] = {
        "tool": "dump-database 0.1.0",
        "identity": {"engine": "command", "location": "cat", "database": None},
        "database": "x",
        "time": stamp(seconds),
        "format": "other",
        "engine_version": "",
        "bytes": len(content),
        "crc32": f"{zlib.crc32(content):08x}",
        "sha256": "0" * 64,
    }
    return right | changes


def comment(front: bytes, text: str) -> bytes:
    """Returns a JSON object with its checksum and its padding."""
    said = text.removesuffix("}")
    check = zlib.crc32(front + said.encode())
    whole = f'{said},"check":"{check:08x}"}}'.encode()
    return whole.ljust(-(-len(whole) // COMMENT) * COMMENT)


def gzip_header(text: str, seconds: float = 0, original: bytes = b"x") -> bytes:
    """Returns a gzip header with flags, MTIME, FNAME and FCOMMENT (RFC 1952)."""
    front = bytes([0x1F, 0x8B, 8, 0x18]) + struct.pack("<I", int(seconds)) + b"\0\3"
    front += original + b"\0"
    return front + comment(front, text) + b"\0"


def zstd_header(text: str) -> bytes:
    """Returns a skippable frame of zstd (RFC 8878)."""
    magic = struct.pack("<I", 0x184D2A50)
    # The checksum covers the length; adding the checksum does not change the length.
    length = len(comment(magic + bytes(4), text))
    front = magic + struct.pack("<I", length)
    return front + comment(front, text)


def gzip_body(content: bytes) -> bytes:
    """Returns a deflate stream and its trailer."""
    return gzip.compress(content, mtime=0)[10:]


def dump(content: bytes, seconds: float, **changes: object) -> bytes:
    """Returns a gzip dump."""
    text = json.dumps(fields(content, seconds, **changes))
    return gzip_header(text, seconds) + gzip_body(content)


def gzip_zeros(mebibytes: int) -> bytes:
    """Returns a small body that decompresses to very many zeros, without compressing all of them."""
    zeros = bytes(1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(zeros)
    packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(mebibytes):
        checksum = zlib.crc32(zeros, checksum)
    # An empty last block; then CRC-32 and length modulo 2^32.
    return block * mebibytes + b"\3\0" + struct.pack("<II", checksum, (mebibytes << 20) % 2**32)


def zstd_zeros(blocks: int, window: int) -> bytes:
    """Returns a zstd frame of RLE blocks of 128 KiB each that asks for a window of 2 ** `window` bytes."""
    frame = struct.pack("<I", 0xFD2FB528) + bytes([0, (window - 10) << 3])
    size = 128 << 10
    for number in range(blocks):
        last = number == blocks - 1
        frame += struct.pack("<I", size << 3 | 1 << 1 | last)[:3] + b"\0"
    return frame
