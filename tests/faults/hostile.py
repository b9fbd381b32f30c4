"""Files made to harm their readers: no panic, bounded memory and time, nothing outside the target."""

import hashlib
import json
import os
import pathlib
import random
import sqlite3
import zlib
from collections.abc import Callable

import forge
from campaign import Campaign
from reading import MEMORY, NOW, SECONDS, UNREADABLE, Hostile, Reader

DEEP = "[" * 10_000 + "]" * 10_000


def headers(campaign: Campaign) -> dict[str, bytes]:
    """Returns files with a dangerous header."""
    text = json.dumps(forge.fields(b"x", NOW))
    body = forge.gzip_body(b"x")
    big = json.dumps(forge.fields(b"x", NOW, padding="x" * (1 << 20)))
    full = json.dumps(forge.fields(b"x", NOW, padding="x" * ((1 << 20) - 500)))
    up = "../../../../../../tmp/faults-outside"
    identity = {"engine": "sqlite", "location": f"/{up}", "database": up}
    found = {
        "a header over 1 MiB": forge.gzip_header(big, NOW) + body,
        "a header of nearly 1 MiB": forge.gzip_header(full, NOW) + body,
        "a header without an end": forge.gzip_header(text, NOW)[:12] + b" " * (8 << 20),
        "a file name without an end": bytes([0x1F, 0x8B, 8, 0x18]) + b"x" * (8 << 20),
        "10,000 nested arrays": forge.gzip_header(text[:-1] + f', "x": {DEEP}}}', NOW) + body,
        "10,000 nested objects": forge.gzip_header(
            text[:-1] + ', "facts": ' + '{"a":' * 10_000 + "1" + "}" * 10_001, NOW
        ) + body,
        "a million keys' worth of braces": forge.gzip_header("{" * 900_000 + "}", NOW) + body,
        "names that lead outside": forge.dump(b"x", NOW, database=up, identity=identity),
        "a time before the first": forge.dump(b"x", NOW, time="-009999-01-02T00:00:00Z"),
        "numbers that are none": forge.dump(b"x", NOW, bytes=-1),
        "a number too large": forge.gzip_header(text.replace('"bytes": 1', '"bytes": 1e999'), NOW) + body,
        "control characters in a name": forge.dump(b"x", NOW, database="\0\x1b[2J\n\r"),
        "half a surrogate": forge.gzip_header(text.replace('"cat"', '"\\ud800"'), NOW) + body,
        "bytes that are no text": forge.gzip_header(text, NOW).replace(b"cat", b"\xff\xfe\xfd") + body,
        "nothing": b"",
        "only magic": bytes([0x1F, 0x8B, 8, 0x18]),
        "zstd, a header of 4 GB": b"\x50\x2a\x4d\x18\xff\xff\xff\xff",
        "zstd, a header of 1 MiB, cut": b"\x50\x2a\x4d\x18\0\0\x10\0{",
    }
    for seed in range(2000 if campaign.everything else 200):
        rng = random.Random(f"{campaign.seed} {seed}")
        found[f"noise {seed}"] = noise(rng, forge.dump(b"x" * 100, NOW))
    return found


def noise(rng: random.Random, good: bytes) -> bytes:
    """Returns a dump with some bytes changed and a valid checksum of its header."""
    data = bytearray(good)
    end = data.index(b'"check"')
    for _ in range(rng.randrange(1, 30)):
        data[rng.randrange(4, end)] = rng.choice(b'0129{}[]",:\\ue-.\0 \xff')
    start = data.index(b"{") if b"{" in data else 12
    check = zlib.crc32(bytes(data[:start]) + bytes(data[start : end - 1]))
    data[end + 9 : end + 17] = f"{check:08x}".encode()
    return bytes(data)


def bombs(campaign: Campaign) -> dict[str, bytes]:
    """Returns files that claim or hold far more than their size."""
    size = 8192 if campaign.everything else 1024
    zeros = forge.gzip_zeros(size)

    def claims(length: int) -> str:
        checksum = f"{int.from_bytes(zeros[-8:-4], 'little'):08x}"
        return json.dumps(forge.fields(b"", NOW, bytes=length, crc32=checksum))

    found = {
        f"a gzip bomb of {size} MiB, honest": forge.gzip_header(claims(size << 20), NOW) + zeros,
        f"a gzip bomb of {size} MiB, said to be small": forge.gzip_header(claims(10), NOW) + zeros,
        "a length of 2^64 - 1": forge.gzip_header(claims(2**64 - 1), NOW) + forge.gzip_body(b"x"),
        "trailing zeros": forge.dump(b"x", NOW) + bytes(64 << 20),
    }
    for window in (17, 27, 31, 41):
        text = json.dumps(forge.fields(b"", NOW, bytes=size << 20))
        frame = forge.zstd_zeros(size * 8, window)
        found[f"a zstd bomb with a window of 2^{window}"] = forge.zstd_header(text) + frame
    return found


def images(campaign: Campaign) -> dict[str, bytes]:
    """Returns SQLite dumps with valid checksums and an invalid image."""
    place = campaign.directory()
    database = sqlite3.connect(place / "image.db", isolation_level=None)
    database.execute("PRAGMA page_size = 512")
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, CHECK (length(x) < 9999))")
    database.execute("CREATE INDEX i ON t (x COLLATE NOCASE, substr(x, 2))")
    database.execute("CREATE VIEW v AS SELECT * FROM t, t AS u")
    database.executemany("INSERT INTO t (x) VALUES (?)", [("x" * n,) for n in range(300)])
    database.close()
    good = (place / "image.db").read_bytes()
    found = {}
    for seed in range(3000 if campaign.everything else 100):
        rng = random.Random(f"{campaign.seed} {seed}")
        image = bytearray(good)
        for _ in range(rng.randrange(1, 12)):
            image[rng.randrange(32 if seed % 3 else 0, len(image))] = rng.randrange(256)
        found[f"image {seed}"] = sqlite_dump(bytes(image))
    return found


def sqlite_dump(image: bytes) -> bytes:
    """Returns a dump of the image."""
    identity = {"engine": "sqlite", "location": "/x.db"}
    digest = hashlib.sha256(image).hexdigest()
    return forge.dump(image, NOW, identity=identity, format="sqlite", sha256=digest)


def states(directory: pathlib.Path) -> list[Hostile]:
    """Returns the things that can stand in place of the record of earlier runs."""
    deep = '{"databases":' + DEEP + "}"
    files = {
        "no JSON": b"\0" * 100,
        "10,000 nested arrays": deep.encode(),
        "65 MiB of braces": b"{" * (65 << 20),
        "another type": b'{"databases":[1,2,3]}',
        "control characters": json.dumps(
            {"databases": {"x": {"attempt": {"time": forge.stamp(NOW), "error": "\x1b[2J"}}}}
        ).encode(),
    }
    record = ".dump-database.state"

    def plant_as_record(hostile: Hostile) -> Hostile:
        def plant(path: pathlib.Path) -> None:
            path.write_bytes(forge.dump(b"x", NOW))
            hostile.plant(path.with_name(record))

        return Hostile(f"{hostile.what}, as the record", plant, hostile.secret)

    return [plant_as_record(hostile) for hostile in [*written(files), *planted(directory)]]


def planted(directory: pathlib.Path) -> list[Hostile]:
    """Returns things with the name of a dump that are no files, or that lead elsewhere."""

    def plant(make: Callable[[pathlib.Path], object]) -> Callable[[pathlib.Path], None]:
        return lambda path: (make(path), None)[1]

    secret = directory / "secret"
    secret.write_text("secret\n")
    return [
        Hostile("a symlink to a file", plant(lambda path: path.symlink_to(secret)), secret),
        Hostile("a symlink to itself", plant(lambda path: path.symlink_to(path.name))),
        Hostile("a symlink to nothing", plant(lambda path: path.symlink_to("/nonexistent/x"))),
        Hostile("a symlink to endless zeros", plant(lambda path: path.symlink_to("/dev/zero"))),
        Hostile("a symlink to a directory", plant(lambda path: path.symlink_to("/etc"))),
        Hostile("a pipe", plant(os.mkfifo)),
        Hostile("a directory", plant(pathlib.Path.mkdir)),
        Hostile("a socket", plant(lambda path: os.mknod(path, 0o140600))),
        Hostile(UNREADABLE, plant(lambda path: path.touch(mode=0))),
    ]


def attack(campaign: Campaign) -> None:
    """Adds the lines of this attack to the table."""
    kinds: dict[str, list[Hostile]] = {
        "header": written(headers(campaign)),
        "bomb": written(bombs(campaign)),
        "SQLite image": written(images(campaign)),
        "thing that is no file": planted(campaign.directory()),
        "record of earlier runs": states(campaign.directory()),
    }
    for kind, places in kinds.items():
        if campaign.scene not in f"a hostile {kind}":
            continue
        campaign.try_places(
            f"a hostile {kind}",
            lambda directory: Reader(campaign.program, directory),
            places,
            f"11 commands each, in {MEMORY >> 20} MiB of address space and {SECONDS} s",
        )


def written(files: dict[str, bytes]) -> list[Hostile]:
    """Returns files with this content."""

    def plant(data: bytes) -> Callable[[pathlib.Path], None]:
        return lambda path: (path.write_bytes(data), None)[1]

    return [Hostile(what, plant(data)) for what, data in files.items()]
