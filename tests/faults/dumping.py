"""A dump directory that is attacked while a source is dumped into it, and what must hold after."""

import gzip
import hashlib
import pathlib
import re
import shutil
import zlib

import database
from campaign import Loss
from program import Run, Word, run

KEPT = 5
NAME = "shop"
# Its lock, its record of earlier runs, its temporaries.
OWN = ".dump-database"
QUIET = {f"{OWN}.lock", f"{OWN}.state"}
DUMP = re.compile(NAME + r"-\d{8}T\d{6}Z(_\d+)?\.\w+\.(gz|zst)")


class Source:
    """What is dumped: the arguments that name it, and what a dump of it has inside."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory

    def arguments(self) -> list[str]:
        """After `dump` and its flags."""
        raise NotImplementedError

    def content(self, dump: bytes) -> str:
        """What stands for the content of a decompressed dump; equal for equal databases."""
        return hashlib.sha256(dump).hexdigest()


class Sqlite(Source):
    """A database at rest, or as a killed program left it."""

    def __init__(self, directory: pathlib.Path, mode: str, unfinished: bool) -> None:
        super().__init__(directory)
        make = database.make_unfinished if unfinished else database.make
        make(directory / f"{NAME}.db", "old", mode)

    def arguments(self) -> list[str]:
        return [f"{NAME}.db"]

    def content(self, dump: bytes) -> str:
        return database.content_of_image(dump)


class Command(Source):
    """What a program prints."""

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        words = (f"{number * 7919 % 100_003:x}\n" for number in range(150_000))
        (directory / "printed").write_text("".join(words))

    def arguments(self) -> list[str]:
        return ["--name", NAME, "--", "cat", "printed"]


class Dumping:
    """A source and a directory of five dumps of it, one of another database, and foreign files."""

    def __init__(self, program: pathlib.Path, source: Source, flags: tuple[str, ...] = ()) -> None:
        self.root = source.directory
        self.alone = False
        self.source = source
        self.dumps = self.root / "dump"
        self.command: list[Word] = [program, "dump", *flags, "--threads", "1", *source.arguments()]
        self.verify: list[Word] = [program, "verify", "dump"]
        for _ in range(KEPT):
            run(self.command, self.root).succeeds("the first dumps")
        database.make(self.root / "other.db", "other", rows=2)
        run([program, "dump", "other.db"], self.root).succeeds("another database's dump")
        (self.dumps / "notes.txt").write_text("foreign\n")
        (self.dumps / f"{NAME}-backup.sqlite.gz").write_text("foreign\n")
        (self.dumps / "folder").mkdir()
        (self.dumps / "folder" / f"{NAME}-20200101T000000Z.sqlite.gz").write_text("foreign\n")
        self.old = sorted((path.name for path in self.own()), key=by_age)
        self.right = self.inside(self.own()[0])
        self.template = self.read()
        self.untouched = self.gone_on = False

    def own(self) -> list[pathlib.Path]:
        """The dumps of the source."""
        return [path for path in self.dumps.iterdir() if DUMP.fullmatch(path.name)]

    def read(self) -> dict[str, bytes]:
        """Every file but the run's own, and what SQLite keeps for readers."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and not path.name.startswith(OWN) and not path.name.endswith("-shm")
        }

    def reset(self) -> None:
        """Everything as it was before the first fault."""
        shutil.rmtree(self.dumps)
        (self.dumps / "folder").mkdir(parents=True)
        for path in self.root.glob("*.db-*"):
            path.unlink()
        for name, data in self.template.items():
            (self.root / name).write_bytes(data)

    def inside(self, path: pathlib.Path) -> str:
        """The content of a dump, read by other means than the program's."""
        try:
            return self.source.content(gzip.decompress(path.read_bytes()))
        except (OSError, EOFError, zlib.error) as error:
            raise Loss(f"{path.name} is no whole gzip file: {error}") from error

    def judge(self, ended: Run) -> None:
        """What must hold, however the run ended."""
        now = self.read()
        own_files = {path.name for path in self.dumps.glob(f"{OWN}*")}
        if ended.status > 0 and now == self.template and own_files <= QUIET and self.gone_on:
            self.untouched = True
            return
        self.untouched = False
        lost = {name for name in self.template if now.get(name) != self.template[name]}
        own = {f"dump/{name}" for name in self.old}
        for name in sorted(lost):
            sides = name.endswith("-wal") and not self.template[name]
            if name not in own and not sides:
                raise Loss(f"{name} was changed or removed")
            if name in now and not sides:
                raise Loss(f"the old dump {name} was changed")
        removed = lost & own
        published = [path for path in self.own() if path.name not in self.old]
        if removed and not published:
            raise Loss(f"{sorted(removed)} removed and nothing published")
        if len(removed) > len(published):
            raise Loss(f"{sorted(removed)} removed for {len(published)} published")
        if f"dump/{self.old[-1]}" in removed:
            raise Loss("the newest old dump was removed")
        for path in published:
            if self.inside(path) != self.right:
                raise Loss(f"{path.name} was published with another content")
        run(self.verify, self.root).succeeds("verify of every final name")
        if ended.status == 0:
            printed = [self.root / line for line in ended.stdout.splitlines()]
            if not published or (printed != published and not unprintable(ended)):
                raise Loss(f"it said ok, printed {printed} and published {published}")

    def go_on(self) -> None:
        """The next ordinary run; once is enough where nothing was touched."""
        if self.untouched:
            return
        self.gone_on = True
        before = {path.name for path in self.own()}
        run(self.command, self.root).succeeds("the next ordinary run")
        run(self.verify, self.root).succeeds("verify after the next ordinary run")
        names = {path.name for path in self.own()}
        new = names - before
        if len(names) != KEPT or len(new) != 1:
            raise Loss(f"after the next ordinary run: {sorted(names)}")
        if self.inside(self.dumps / new.pop()) != self.right:
            raise Loss("the next ordinary run dumped something else")
        stale = [path.name for path in self.dumps.iterdir() if path.suffix in (".tmp", ".new")]
        if stale:
            raise Loss(f"stale files stay: {stale}")


def by_age(name: str) -> tuple[str, int]:
    """What orders the names of one database's dumps."""
    stem = name.split(".")[0]
    time, _, count = stem.rpartition("-")[2].partition("_")
    return time, int(count or 1)


def unprintable(ended: Run) -> bool:
    """It could not print the path, and said so, or could not say anything."""
    return "cannot print it" in ended.stderr or not (ended.stdout or ended.stderr)
