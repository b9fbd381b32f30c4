"""Whole dumps with changed content, read by a program built with the address sanitizer, in little memory."""

import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import time
import zlib
from typing import NamedTuple

import forge
import postgresql
from campaign import Campaign, Loss
from program import run
from rot import unpacked

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = "x86_64-unknown-linux-gnu"
# Megabytes: the sanitizer ends a process that takes more, of which a good part is the sanitizer's own.
MEMORY = 1024
SECONDS = 120
# A drill clears the environment, so the options are in the program. No process may look into the memory
# of the program, so it cannot look for leaks.
OPTIONS = f"""const char *__asan_default_options(void) {{
    return "detect_leaks=0:exitcode=99:hard_rss_limit_mb={MEMORY}:abort_on_error=0";
}}
"""
# Words that lead SQL, archives and images elsewhere.
WORDS = [b"\\", b"'", b'"', b"`", b"$$", b";", b"\n", b"\\.\n", b"/*", b"--", b"\0", b"\xff\xff\xff\xff"]
WORDS += [b"COPY", b"CREATE", b"\\restrict x\n", b"DELIMITER ;;\n", b"PGDMP", b"\x7f\xff\xff\xff", b"0" * 100]


def has_sanitizer() -> bool:
    """Only a nightly compiler has it."""
    return subprocess.run(["cargo", "+nightly", "--version"], capture_output=True).returncode == 0


def build() -> pathlib.Path:
    """The program with the sanitizer, SQLite and zstd included. What is built outlasts a checkout."""
    cache = pathlib.Path(os.environ.get("DUMP_DATABASE_TEST_CACHE", "/var/cache/dump-database-tests"))
    target = cache / "sanitized"
    target.mkdir(parents=True, exist_ok=True)
    source, options = target / "options.c", target / "options.o"
    source.write_text(OPTIONS)
    flags = "-fsanitize=address -fno-omit-frame-pointer"
    made = subprocess.run(["clang", "-c", source, "-o", options], capture_output=True, text=True)
    if made.returncode == 0:
        command = ["cargo", "+nightly", "build", "--locked", "--no-default-features"]
        command += ["--target", TARGET, "--target-dir", str(target)]
        environment = os.environ | {
            "CC": "clang",
            "CFLAGS": flags,
            "RUSTFLAGS": f"-Zsanitizer=address -Copt-level=1 -Clink-arg={options}",
        }
        made = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, env=environment)
    if made.returncode != 0:
        raise Loss(f"the program cannot be built with the sanitizer: {made.stderr[-3000:]}")
    return target / TARGET / "debug/dump-database"


class Good(NamedTuple):
    """A dump to change, and where it is restored."""

    kind: str
    path: pathlib.Path
    target: str


class Mutated(NamedTuple):
    """One change of a dump, by its number."""

    good: Good
    seed: str

    def __str__(self) -> str:
        return f"{self.good.kind}, {self.seed}"


class Reader:
    """A program that reads changed dumps in each way."""

    def __init__(self, program: pathlib.Path, directory: pathlib.Path) -> None:
        self.program = program
        self.root = directory

    def suffer(self, mutated: Mutated) -> None:
        """Reads one in each way."""
        rng = random.Random(mutated.seed)
        good = mutated.good
        content = unpacked(good.path)
        if content is None:
            raise Loss("the good dump cannot be unpacked")
        name = good.path.name
        path = self.root / name
        path.write_bytes(whole(good.path.read_bytes(), change(rng, content)))
        for words in (["verify", name], ["restore", name, good.target], ["drill", "--scratch", ".", name]):
            ended = run([self.program, *words], self.root, timeout=SECONDS)
            said = ended.stdout + ended.stderr
            if ended.status not in (0, 1) or "Sanitizer" in said or "panicked" in said:
                raise Loss(f"{words[0]}: {ended.ended()} {said[:2000]}")
        path.unlink()
        for left in self.root.glob("restored.db*"):
            left.unlink()


def change(rng: random.Random, content: bytes) -> bytes:
    """Some bytes are others, some words are put in, some parts are gone or there twice."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(data))
        length = rng.randrange(1, 64)
        match rng.randrange(5):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at : at + rng.choice((0, 4))] = rng.choice(WORDS)
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = data[at : at + length] * rng.choice((1, 100))
            case 4:
                data[at : at + length] = rng.randbytes(length)
        if not data:
            data.append(0)
    return bytes(data)


def whole(good: bytes, content: bytes) -> bytes:
    """A gzip dump with another content, and a header that says so."""
    start = good.index(b"\0", 10) + 1
    text = good[start : good.index(b"\0", start)].decode()
    fields = json.loads(text)
    for derived in ("check", "length"):
        fields.pop(derived, None)
    fields |= {"bytes": len(content), "crc32": f"{zlib.crc32(content):08x}"}
    front = good[: start]
    return front + forge.comment(front, json.dumps(fields, separators=(",", ":"))) + b"\0" + forge.gzip_body(content)


def attack(campaign: Campaign) -> None:
    """The table's lines; in the short part none, because the program takes minutes to build."""
    if not campaign.everything:
        return
    if not has_sanitizer():
        print("mutated dumps: SKIPPED, there is no nightly compiler", flush=True)
        return
    place = campaign.directory()
    database = sqlite3.connect(place / "shop.db", isolation_level=None)
    database.executescript(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, size AS (length(text)));"
        "CREATE INDEX i ON note (upper(text)); CREATE VIRTUAL TABLE f USING fts5(text);"
        "INSERT INTO note (text) VALUES ('a'), ('b'); INSERT INTO f VALUES ('words');"
    )
    database.close()
    with campaign.surviving("mutated dumps"), postgresql.server(campaign) as server:
        program = build()
        postgresql.fill(server, rows=20)
        url = server.url("shop")
        sources = {"SQLite": ["shop.db"], "SQL": [url], "archive": [url, "--format", "custom"]}
        for kind, words in sources.items():
            dumped = run([campaign.program, "dump", *words, "--to", kind], place).succeeds("the dump")
            target = "restored.db" if kind == "SQLite" else server.url("restored")
            good = Good(kind, pathlib.Path(dumped.stdout.strip().splitlines()[0]), target)
            if not good.path.is_absolute():
                good = good._replace(path=place / good.path)
            one(campaign, program, good, server)


def one(campaign: Campaign, program: pathlib.Path, good: Good, server: postgresql.Server) -> None:
    """One line."""
    began = time.monotonic()
    directory = campaign.directory()
    directory.chmod(0o700)
    reader = Reader(program, directory)
    # A dump that every command refuses would survive all that follows.
    shutil.copy(good.path, directory)
    for words in (["verify", good.path.name], ["drill", "--scratch", ".", good.path.name]):
        run([program, *words], directory).succeeds(f"{words[0]} of the good dump")
    lost = []
    number = 0
    while time.monotonic() - began < 120:
        mutated = Mutated(good, f"{campaign.seed} {number}")
        number += 1
        try:
            reader.suffer(mutated)
        except Exception as error:
            lost.append(f"{mutated}: {error}")
        server.sql("postgres", "DROP DATABASE IF EXISTS restored")
    shutil.rmtree(directory, ignore_errors=True)
    note = f"restored, drilled and verified; sanitizer: address; {MEMORY} MiB"
    campaign.record(f"mutated dumps: {good.kind}", number, lost, note, began)
