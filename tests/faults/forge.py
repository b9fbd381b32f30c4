"""Dumps made by hand, by their format's definition: right, or wrong in one way."""

import gzip
import json
import struct
import time
import zlib

# The JSON object's length with its padding is a multiple of so many bytes.
COMMENT = 4096


def stamp(seconds: float) -> str:
    """A time as in a dump's header."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def name(database: str, seconds: float, rest: str = ".dump.gz") -> str:
    """A dump's name."""
    return f"{database}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(seconds))}{rest}"


def fields(content: bytes, seconds: float, **changes: object) -> dict[str, object]:
    """A right header of a command's dump, and changes to it."""
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
    """A JSON object, with its check, padded."""
    said = text.removesuffix("}")
    check = zlib.crc32(front + said.encode())
    whole = f'{said},"check":"{check:08x}"}}'.encode()
    return whole.ljust(-(-len(whole) // COMMENT) * COMMENT)


def gzip_header(text: str, seconds: float = 0, original: bytes = b"x") -> bytes:
    """With the magic's flags, MTIME, FNAME and FCOMMENT (RFC 1952)."""
    front = bytes([0x1F, 0x8B, 8, 0x18]) + struct.pack("<I", int(seconds)) + b"\0\3"
    front += original + b"\0"
    return front + comment(front, text) + b"\0"


def zstd_header(text: str) -> bytes:
    """A skippable frame (RFC 8878)."""
    magic = struct.pack("<I", 0x184D2A50)
    # The check covers the length, which the check does not change.
    length = len(comment(magic + bytes(4), text))
    front = magic + struct.pack("<I", length)
    return front + comment(front, text)


def gzip_body(content: bytes) -> bytes:
    """A deflate stream and its trailer."""
    return gzip.compress(content, mtime=0)[10:]


def dump(content: bytes, seconds: float, **changes: object) -> bytes:
    """A gzip dump."""
    text = json.dumps(fields(content, seconds, **changes))
    return gzip_header(text, seconds) + gzip_body(content)


def gzip_zeros(mebibytes: int) -> bytes:
    """A body of very many zeros that is itself small, made without compressing them all."""
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
    """A frame of RLE blocks of 128 KiB each, which asks for a window of 2 ** `window` bytes."""
    frame = struct.pack("<I", 0xFD2FB528) + bytes([0, (window - 10) << 3])
    size = 128 << 10
    for number in range(blocks):
        last = number == blocks - 1
        frame += struct.pack("<I", size << 3 | 1 << 1 | last)[:3] + b"\0"
    return frame
