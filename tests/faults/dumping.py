"""Attacks a dump directory while a source is dumped into it, and checks the guarantees afterwards."""

import gzip
import json
import pathlib
import re
import shutil
import subprocess
import zlib

import database
from campaign import Loss
from program import Run, Word, run
from sources import NAME, Source, Two

KEPT = 5
OTHER = "other"
# The lock, the record of earlier runs, and the temporary files.
OWN = ".dump-database"
RECORD = f"{OWN}.state"
QUIET = {f"{OWN}.lock", RECORD}
METRICS = "metrics.prom"


class Series:
    """The dumps of one database: the old ones, and those that a run adds and removes."""

    def __init__(self, directory: pathlib.Path, name: str) -> None:
        self.directory = directory
        self.pattern = re.compile(name + r"-\d{8}T\d{6}Z(_\d+)?\.\w+\.(gz|zst)")
        self.old = sorted((path.name for path in self.all()), key=by_age)

    def all(self) -> list[pathlib.Path]:
        """Returns the dumps that exist now."""
        return [path for path in self.directory.iterdir() if self.pattern.fullmatch(path.name)]

    def published(self) -> list[pathlib.Path]:
        """Returns the dumps that were not there before the run."""
        return [path for path in self.all() if path.name not in self.old]

    def judge(self) -> None:
        """Checks that a dump was removed only if a newer one was added, and that the newest was not removed."""
        removed = set(self.old) - {path.name for path in self.all()}
        published = self.published()
        if removed and not published:
            raise Loss(f"{sorted(removed)} removed and nothing published")
        if len(removed) > len(published):
            raise Loss(f"{sorted(removed)} removed for {len(published)} published")
        if self.old[-1] in removed:
            raise Loss("the newest old dump was removed")


class Dumping:
    """A source and a directory of five dumps of it, some of another database, and foreign files."""

    def __init__(self, program: pathlib.Path, source: Source, flags: tuple[str, ...] = ()) -> None:
        self.root = source.directory
        self.alone = False
        self.source = source
        self.may_publish_nothing = "--skip-unchanged" in flags
        self.dumps = self.root / "dump"
        # Every run gets the policy, because a fault may come before a run records it.
        keep = ("--keep", str(KEPT))
        self.command: list[Word] = [program, "dump", *flags, *keep, "--threads", "1", *source.arguments()]
        self.verify: list[Word] = [program, "verify", "dump"]
        self.status: list[Word] = [program, "status", "dump"]
        database.make(self.root / f"{OTHER}.db", OTHER, rows=2)
        run([program, "dump", f"{OTHER}.db"], self.root).succeeds("another database's dump")
        untouchable = self.read()
        for number in range(KEPT):
            # A run compares the database only with the newest dump.
            first = self.may_publish_nothing and number < KEPT - 1
            command = [word for word in self.command if not first or word != "--skip-unchanged"]
            run(command, self.root).succeeds("the first dumps")
        # If both databases are dumped, the oldest dump of the other one is removed by now.
        if not isinstance(source, Two):
            self.keeps(untouchable, "the first dumps")
        (self.dumps / "notes.txt").write_text("foreign\n")
        (self.dumps / f"{NAME}-backup.sqlite.gz").write_text("foreign\n")
        (self.dumps / "folder").mkdir()
        (self.dumps / "folder" / f"{NAME}-20200101T000000Z.sqlite.gz").write_text("foreign\n")
        (self.root / METRICS).unlink(missing_ok=True)
        self.own = Series(self.dumps, NAME)
        self.series = [self.own]
        if isinstance(source, Two):
            self.series.append(Series(self.dumps, OTHER))
        self.right = [self.inside(series.all()[0]) for series in self.series]
        self.template = self.read()
        self.untouched = self.gone_on = False

    def read(self) -> dict[str, bytes]:
        """Returns every file except those of the run and those that SQLite keeps for readers."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and not path.name.startswith(OWN) and not path.name.endswith("-shm")
        }

    def keeps(self, untouchable: dict[str, bytes], what: str) -> None:
        """Raises Loss unless these files are unchanged."""
        now = self.read()
        for name, data in untouchable.items():
            # An empty log may be removed.
            if data and now.get(name) != data:
                raise Loss(f"{what}: {name} was changed or removed")

    def reset(self) -> None:
        """Restores the state before the first fault."""
        shutil.rmtree(self.dumps)
        (self.dumps / "folder").mkdir(parents=True)
        for path in [*self.root.glob("*.db-*"), *self.root.glob(f"*{METRICS}*")]:
            path.unlink()
        for name, data in self.template.items():
            (self.root / name).write_bytes(data)

    def inside(self, path: pathlib.Path) -> str:
        """Returns the content of a dump, read by other tools than the program."""
        try:
            if path.suffix == ".zst":
                unpacked = subprocess.run(["zstd", "-dc", path], capture_output=True)
                if unpacked.returncode != 0:
                    raise Loss(f"{path.name} is no whole zstd file: {unpacked.stderr!r}")
                return self.source.content(unpacked.stdout)
            return self.source.content(gzip.decompress(path.read_bytes()))
        except (OSError, EOFError, zlib.error) as error:
            raise Loss(f"{path.name} is no whole gzip file: {error}") from error

    def judge(self, ended: Run) -> None:
        """Checks the guarantees that hold however the run ended."""
        now = self.read()
        own_files = {path.name for path in self.dumps.glob(f"{OWN}*")}
        if ended.status > 0 and now == self.template and own_files <= QUIET and self.gone_on:
            self.untouched = True
            self.judge_record()
            return
        self.untouched = False
        self.judge_files(now)
        published = []
        for series, right in zip(self.series, self.right):
            series.judge()
            for path in series.published():
                if path.stat().st_mode & 0o077:
                    raise Loss(f"others may read {path.name}")
                if self.inside(path) != right:
                    raise Loss(f"{path.name} was published with another content")
            published += series.published()
        run(self.verify, self.root).succeeds("verify of every final name")
        self.judge_record()
        if ended.status == 0:
            printed = {self.root / line for line in ended.stdout.splitlines()}
            wrong = printed != set(published) and not unprintable(ended)
            if wrong or not published and not self.may_publish_nothing:
                raise Loss(f"it said ok, printed {sorted(printed)} and published {published}")

    def judge_files(self, now: dict[str, bytes]) -> None:
        """Checks that nothing but the dumps of the database was changed, removed or added."""
        old = {f"dump/{name}" for series in self.series for name in series.old}
        for name, data in self.template.items():
            if now.get(name) == data or name.endswith("-wal") and not data:
                continue
            if name not in old:
                raise Loss(f"{name} was changed or removed")
            if name in now:
                raise Loss(f"the old dump {name} was changed")
        published = {f"dump/{path.name}" for series in self.series for path in series.published()}
        for name in now.keys() - self.template.keys() - published:
            # A reader of a database with a log, killed or kept from removing it, leaves an empty one.
            if not (METRICS in name or name.endswith("-wal") and not now[name]):
                raise Loss(f"{name} was added")
        if not now.get(METRICS, b"\n").endswith(b"\n"):
            raise Loss(f"{METRICS} is not whole")

    def judge_record(self) -> None:
        """Checks that a dump with a final name is whole, and that reading commands accept it."""
        path = self.dumps / RECORD
        try:
            if path.exists():
                json.loads(path.read_bytes())
        except ValueError as error:
            raise Loss(f"{RECORD} is damaged: {error}") from error
        said = run(self.status, self.root)
        if said.status not in (0, 1) or "cannot be read" in said.stderr:
            raise Loss(f"status: {said.ended()}")

    def go_on(self) -> None:
        """Runs the program without a fault. If nothing was touched, one such run is enough for all places."""
        if self.untouched:
            return
        self.gone_on = True
        before = {path.name for path in self.own.all()}
        run(self.command, self.root).succeeds("the next ordinary run")
        run(self.verify, self.root).succeeds("verify after the next ordinary run")
        old = {f"dump/{name}" for series in self.series for name in series.old}
        others = {name: data for name, data in self.template.items() if name not in old}
        self.keeps(others, "the next ordinary run")
        names = {path.name for path in self.own.all()}
        new = names - before
        if len(names) != KEPT or len(new) != 1 and not (self.may_publish_nothing and not new):
            raise Loss(f"after the next ordinary run: {sorted(names)}")
        if any(self.inside(self.dumps / name) != self.right[0] for name in new):
            raise Loss("the next ordinary run dumped something else")
        files = [*self.dumps.iterdir(), *self.root.iterdir()]
        stale = [path.name for path in files if path.suffix in (".tmp", ".new")]
        if stale:
            raise Loss(f"stale files stay: {stale}")


def by_age(name: str) -> tuple[str, int]:
    """Returns the key by which the dumps of one database are ordered."""
    stem = name.split(".")[0]
    time, _, count = stem.rpartition("-")[2].partition("_")
    return time, int(count or 1)


def unprintable(ended: Run) -> bool:
    """Returns true if the program could not print the path, and said so, or could not print anything."""
    return "cannot print it" in ended.stderr or not (ended.stdout or ended.stderr)
