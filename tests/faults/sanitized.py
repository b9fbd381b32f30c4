"""Mutated dumps of each engine, read and loaded by the program under the address sanitizer."""

import contextlib
import hashlib
import json
import os
import pathlib
import random
import shlex
import shutil
import sqlite3
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import forge
import postgresql
from campaign import Campaign, Loss
from program import Run, Word, run

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = "x86_64-unknown-linux-gnu"
# The most memory of a process, in MiB, the sanitizer's own included.
MEMORY = 768
# Seconds that one command may take.
SECONDS = 120
# Of so many mutated dumps one is drilled as well: a drill starts a server.
DRILLED = 10
# How many dumps are made of each good one.
COUNT = 100
# The options hold for every process of the program, whatever its environment. SQLite is one file
# that has static variables of one name in different scopes, which the compiler registers as one.
RULES = f"detect_leaks=0:detect_odr_violation=0:hard_rss_limit_mb={MEMORY}"
OPTIONS = f'const char *__asan_default_options(void) {{ return "{RULES}"; }}\n'


def cache() -> pathlib.Path:
    """What is built outlasts a checkout."""
    path = pathlib.Path(os.environ.get("DUMP_DATABASE_TEST_CACHE", "/var/cache/dump-database-tests"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def prepare() -> pathlib.Path:
    """Builds the program, with SQLite and zstd, under the address sanitizer. Returns its path. Raises Loss."""
    if subprocess.run(["cargo", "+nightly", "--version"], capture_output=True).returncode != 0:
        raise Loss("the address sanitizer needs a nightly compiler: rustup toolchain install nightly")
    place = cache() / "sanitized"
    place.mkdir(exist_ok=True)
    # Cargo links again only if the name changes.
    options = place / f"options-{zlib.crc32(OPTIONS.encode()):08x}.o"
    compiled = ["cc", "-c", "-x", "c", "-o", str(options), "-"]
    subprocess.run(compiled, input=OPTIONS, text=True, check=True)
    sanitized = {
        "RUSTFLAGS": f"-Zsanitizer=address -Clink-arg={options}",
        f"CFLAGS_{TARGET.replace('-', '_')}": "-fsanitize=address",
    }
    cargo = ["cargo", "+nightly", "build", "--locked", "--no-default-features", "--bin", "dump-database"]
    cargo += ["--target", TARGET, "--target-dir", str(place)]
    built = subprocess.run(
        cargo, cwd=REPOSITORY, capture_output=True, text=True, env=os.environ | sanitized
    )
    if built.returncode != 0:
        raise Loss(f"the program cannot be built: {built.stderr[-3000:]}")
    return place / TARGET / "debug/dump-database"


class Good(NamedTuple):
    """A good dump, and where its mutations are restored; nowhere without a target."""

    path: pathlib.Path
    target: tuple[str, ...]
    clean: Callable[[], None]

    @property
    def is_gzip(self) -> bool:
        """Or zstd."""
        return self.path.suffix == ".gz"

    def content(self) -> tuple[dict[str, object], bytes]:
        """Its header and what is inside."""
        data = self.path.read_bytes()
        start = data.index(b"{")
        header, length = json.JSONDecoder().raw_decode(data[start:].decode("latin-1"))
        if not self.is_gzip:
            tool = ["zstd", "-dc", str(self.path)]
            return header, subprocess.run(tool, capture_output=True, check=True).stdout
        end = data.index(b"\0", start + length)
        return header, zlib.decompressobj(wbits=-15).decompress(data[end + 1 :])

    def forged(self, content: bytes) -> bytes:
        """A dump with this content and the right sums over it."""
        header, _ = self.content()
        for name in ("check", "length"):
            header.pop(name, None)
        header["bytes"] = len(content)
        header["crc32"] = f"{zlib.crc32(content):08x}"
        header["sha256"] = hashlib.sha256(content).hexdigest()
        text = json.dumps(header)
        if self.is_gzip:
            return forge.gzip_header(text) + forge.gzip_body(content)
        packed = subprocess.run(["zstd", "-c"], input=content, capture_output=True, check=True)
        return forge.zstd_header(text) + packed.stdout


def mutated(good: Good, seed: str) -> bytes:
    """The dump with some bytes changed, repeated, or left out: of the file, or of what is inside."""
    rng = random.Random(seed)
    inside = rng.random() < 0.75
    data = bytearray(good.content()[1] if inside else good.path.read_bytes())
    for _ in range(rng.randrange(1, 8)):
        at = rng.randrange(len(data))
        end = min(len(data), at + rng.randrange(1, 64))
        match rng.randrange(5):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.choice((0, 1, 0x7F, 0x80, 0x81, 0xC3, 0xFF, 0x22, 0x27, 0x5C, 0x60))
            case 2:
                data[at:end] = rng.randbytes(end - at)
            case 3:
                data[at:end] = data[at:end] * rng.randrange(2, 50)
            case _ if end - at < len(data):
                del data[at:end]
    return good.forged(bytes(data)) if inside else bytes(data)


class Sanitized:
    """The program under the sanitizer, and a place."""

    def __init__(self, program: pathlib.Path, good: Good, directory: pathlib.Path) -> None:
        self.program = program
        self.good = good
        self.root = directory
        self.read(["verify", str(good.path)], (0,))
        if good.target:
            self.read(["restore", str(good.path), *good.target], (0,))
            self.good.clean()
            self.read(["drill", str(good.path)], (0,))

    def suffer(self, place: tuple[int, str]) -> None:
        """Reads and loads one mutated dump."""
        number, seed = place
        dump = self.root / self.good.path.name
        dump.write_bytes(mutated(self.good, seed))
        self.read(["verify", dump])
        if self.good.target:
            self.read(["restore", dump, *self.good.target])
            self.good.clean()
            if number % DRILLED == 0:
                self.read(["drill", dump])
        dump.unlink()

    def read(self, command: list[Word], statuses: tuple[int, ...] = (0, 1)) -> Run:
        """One command, which must end by itself, and without a report of the sanitizer."""
        ended = run([self.program, *command], self.root, timeout=SECONDS)
        for words in ("Sanitizer", "rss limit exhausted"):
            if words in ended.stderr:
                at = ended.stderr.index(words)
                raise Loss(f"{command[0]}: {ended.stderr[max(0, at - 200) : at + 1500]}")
        if ended.status not in statuses:
            raise Loss(f"{command[0]}: {ended.ended()}")
        return ended


@contextlib.contextmanager
def running(command: list[Word], directory: pathlib.Path, ready: list[Word]) -> Iterator[None]:
    """A server, from when `ready` succeeds."""
    with open(directory / "log", "w") as log:
        server = subprocess.Popen(
            [str(word) for word in command], cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 60
        while run(ready, directory).status != 0:
            if time.monotonic() > deadline:
                raise Loss((directory / "log").read_text()[-2000:])
            time.sleep(0.1)
        yield
    finally:
        server.kill()
        server.wait()


class Sources:
    """A database of each engine, and its dumps."""

    def __init__(self, campaign: Campaign, stack: contextlib.ExitStack) -> None:
        self.campaign = campaign
        self.stack = stack
        self.place = campaign.directory()

    def dump(self, source: list[str], method: str, flags: str = "") -> pathlib.Path:
        """The path of a new dump."""
        to = self.place / f"{len(list(self.place.iterdir()))}"
        words: list[Word] = ["dump", "--to", to, "--compress", method, *flags.split(), *source]
        made = run([self.campaign.program, *words], self.place).succeeds("the dump")
        return pathlib.Path(made.stdout.strip())

    def sqlite(self, method: str) -> Good:
        """A file."""
        path = self.place / "shop.db"
        if not path.exists():
            database = sqlite3.connect(path, isolation_level=None)
            database.execute("PRAGMA page_size = 512")
            database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, CHECK (length(x) < 999))")
            database.execute("CREATE INDEX i ON t (x COLLATE NOCASE, substr(x, 2)) WHERE id > 3")
            database.execute("CREATE VIRTUAL TABLE words USING fts5 (x)")
            database.executemany("INSERT INTO t (x) VALUES (?)", [("x" * n,) for n in range(200)])
            database.execute("INSERT INTO words SELECT x FROM t")
            database.close()
        target = self.campaign.directory() / "restored.db"

        def clean() -> None:
            for file in target.parent.iterdir():
                file.unlink()

        return Good(self.dump([str(path)], method), (str(target),), clean)

    def postgresql(self, method: str, flags: str) -> Good:
        """A database of a server for this test alone."""
        server = self.stack.enter_context(postgresql.server(self.campaign))
        postgresql.fill(server, rows=50)

        def clean() -> None:
            server.sql("postgres", "DROP DATABASE IF EXISTS restored WITH (FORCE)")

        return Good(self.dump([server.url("shop")], method, flags), (server.url("restored"),), clean)

    def mariadb(self, method: str) -> Good:
        """A database of a server for this test alone."""
        at = self.campaign.directory()
        user = "mysql" if os.getuid() == 0 else None
        if user:
            shutil.chown(at, user, user)
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={at}/data", "--skip-test-db"]
        install += ["--auth-root-authentication-method=normal", *([f"--user={user}"] if user else [])]
        run([*install], at).succeeds("mariadb-install-db")
        socket = at / "s"
        daemon: list[Word] = ["mariadbd", "--no-defaults", f"--datadir={at}/data", f"--socket={socket}"]
        daemon += ["--skip-networking", "--innodb-flush-log-at-trx-commit=0"]
        daemon += [f"--user={user}"] if user else []
        client: list[Word] = ["mariadb", "--no-defaults", f"--socket={socket}", "-uroot", "-e"]
        self.stack.enter_context(running(daemon, at, [*client, "SELECT 1"]))
        rows = ", ".join(f"({number}, '{number * 7919:x}\\n')" for number in range(50))
        made = (
            "CREATE DATABASE shop; USE shop; CREATE TABLE note (n INT PRIMARY KEY, t TEXT, b BLOB);"
            f"INSERT INTO note (n, t) VALUES {rows}; CREATE VIEW v AS SELECT n FROM note;"
            "CREATE PROCEDURE p() SELECT 'a;b'; CREATE TRIGGER tr BEFORE INSERT ON note FOR EACH ROW SET NEW.t = 'x'"
        )
        run([*client, made], at).succeeds("the database")

        def clean() -> None:
            run([*client, "DROP DATABASE IF EXISTS restored"], at)

        def url(name: str) -> str:
            return f"mariadb://root@localhost/{name}?socket={socket}"

        return Good(self.dump([url("shop")], method), (url("restored"),), clean)

    def redis(self, method: str) -> Good:
        """A server for this test alone, whose dumps replace its data."""
        at = self.campaign.directory()
        socket = at / "s"
        daemon: list[Word] = ["redis-server", "--port", "0", "--unixsocket", socket, "--dir", at, "--save", ""]
        client: list[Word] = ["redis-cli", "-s", socket]
        self.stack.enter_context(running(daemon, at, [*client, "PING"]))
        for line in (
            "SET a 1", "SET long " + "x" * 3000, "RPUSH list a b c 12345", "SADD set 1 2 3 x", "ZADD z 1.5 a 2 b",
            "HSET hash f v g w", "XADD stream * f v", "XGROUP CREATE stream g 0", "SETEX soon 9999 v",
        ):  # fmt: skip
            run([*client, *shlex.split(line)], at).succeeds(line)
        source = [f"redis+unix://{socket}"]
        target = ("--replace", "--without-saving", *source)
        return Good(self.dump(source, method), target, lambda: None)

    def command(self, method: str) -> Good:
        """What a program printed, which no command of this program restores."""
        return Good(self.dump(["--name", "x", "--", "seq", "999"], method), (), lambda: None)


def attack(campaign: Campaign) -> None:
    """The table's lines; in the short part none, because the program takes minutes to build."""
    if not campaign.everything:
        return
    program = prepare()
    with contextlib.ExitStack() as stack:
        sources = Sources(campaign, stack)
        kinds: dict[str, Callable[[str], Good]] = {
            "SQLite": sources.sqlite,
            "PostgreSQL": lambda method: sources.postgresql(method, ""),
            "PostgreSQL, custom": lambda method: sources.postgresql(method, "--format custom"),
            "MariaDB": sources.mariadb,
            "Redis": sources.redis,
            "a command": sources.command,
        }
        for kind, make in kinds.items():
            for method in ("gzip", "zstd"):
                fault = f"a mutated dump under the address sanitizer: {kind}, {method}"
                if campaign.scene not in fault:
                    continue
                with campaign.surviving(fault):
                    good = make(method)
                    places = [(number, f"{campaign.seed} {kind} {number}") for number in range(COUNT)]
                    note = f"verify, restore, one in {DRILLED} drilled; {MEMORY} MiB"
                    serial(campaign, fault, Sanitized(program, good, campaign.directory()), places, note)


def serial(
    campaign: Campaign, fault: str, scene: Sanitized, places: list[tuple[int, str]], note: str
) -> None:
    """Tries one place after the other: they share a target."""
    began = time.monotonic()
    lost = []
    for place in places:
        try:
            scene.suffer(place)
        except Loss as loss:
            lost.append(f"{place}: {loss}")
    campaign.record(fault, len(places), lost, note, began)
