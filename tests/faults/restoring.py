"""Attacks a database while a dump replaces it, and checks the guarantees afterwards."""

import pathlib
import re
import shutil

import database
from campaign import Loss
from program import Run, Word, run

TARGET = "target.db"
# The directory of the target, and the directory in which the old database is saved.
FOREIGN = ("notes.txt", f"{TARGET}.bak", f"{TARGET}.replaced-by-hand", "saved/notes.txt", "saved/shop-old.sqlite.gz")
# What a restore may add: SQLite's files, its own new file, the old database, its dump.
OWN = re.compile(
    rf"{TARGET}-(wal|shm|journal)|\.{TARGET}\.restoring-\d+(-(wal|shm|journal))?"
    rf"|{TARGET}\.replaced-\d+T\d+Z\S*|saved/target-\d{{8}}T\d{{6}}Z(_\d+)?\.sqlite\.gz"
    r"|(saved|dump)/\.dump-database[-.]\S+"
)


class Restoring:
    """A run of `restore --replace` over a database whose program was killed."""

    def __init__(self, program: pathlib.Path, directory: pathlib.Path, mode: str) -> None:
        self.root = directory
        self.alone = True
        self.may_publish_nothing = False
        self.target = directory / TARGET
        self.saved = directory / "saved"
        self.program = program
        # With this length, a lost end is within a page, where SQLite's own check finds nothing.
        database.make(directory / "new.db", "new", rows=60)
        dumped = run([program, "dump", "new.db"], directory).succeeds("the dump to be restored")
        self.dump = pathlib.Path(dumped.stdout.strip())
        self.new = database.content(directory / "new.db")
        (directory / "new.db").unlink()
        database.make_unfinished(self.target, "old", mode)
        self.old = database.content(self.target)
        self.command: list[Word] = [program, "restore", self.dump, TARGET]
        self.command += ["--replace", "--to", "saved", "--threads", "1"]
        sides = list(directory.glob(f"{TARGET}-*"))
        self.foreign = [directory / name for name in FOREIGN]
        self.saved.mkdir()
        for path in self.foreign:
            path.write_text("foreign\n")
        kept = [self.dump, self.target, *sides, *self.foreign]
        self.template = {path: path.read_bytes() for path in kept}
        if len(sides) != 1 or "damaged" in self.old or self.old == self.new:
            raise Loss(f"no database to attack: {sorted(self.template)}, {self.old}")

    def reset(self) -> None:
        """Restores the state before the first fault."""
        shutil.rmtree(self.saved, ignore_errors=True)
        self.saved.mkdir()
        for path in self.root.glob(f"*{TARGET}*"):
            path.unlink()
        for path, data in self.template.items():
            path.write_bytes(data)

    def judge(self, ended: Run) -> None:
        """Checks the guarantees that hold however the run ended."""
        for path in [self.dump, *self.foreign]:
            if not path.exists() or path.read_bytes() != self.template[path]:
                raise Loss(f"{path.name} was changed or removed")
        for path in self.root.rglob("*"):
            name = str(path.relative_to(self.root))
            if path.is_file() and path not in self.template and not OWN.fullmatch(name):
                raise Loss(f"{name} was added")
        now = database.content(self.target)
        if now not in (self.old, self.new):
            raise Loss(f"the target is neither the old database nor the new one: {now}")
        if ended.status == 0 and now != self.new:
            raise Loss("it said ok and the target is the old database")
        if ended.status > 0 and now == self.new and "the new database is in place" not in ended.stderr:
            raise Loss(f"it failed and the target is the new database: {ended.ended()}")
        if list(self.saved.glob("target-*")):
            run([self.program, "verify", "saved"], self.root).succeeds("verify of what was saved")
        if now == self.new:
            self.judge_saved()

    def judge_saved(self) -> None:
        """Checks that the old database is in a dump, or was renamed if it could not be read."""
        for renamed in self.root.glob(f"{TARGET}.replaced-*Z"):
            if database.content(renamed) == self.old:
                return
        for dump in self.saved.glob("target-*.sqlite.gz"):
            restored = self.root / "saved.db"
            command: list[Word] = [self.program, "restore", dump, restored.name]
            run(command, self.root, alone=True).succeeds("restore of what was saved")
            found = database.content(restored)
            restored.unlink()
            if found == self.old:
                return
        raise Loss("the old database was replaced and is in no dump")

    def go_on(self) -> None:
        """Runs the restore without a fault."""
        run(self.command, self.root, alone=True).succeeds("the next ordinary restore")
        if database.content(self.target) != self.new:
            raise Loss("the next ordinary restore left something else")
        files = [*self.root.iterdir(), *self.saved.iterdir()]
        stale = [path.name for path in files if ".restoring-" in path.name or path.suffix == ".tmp"]
        if stale:
            raise Loss(f"stale files stay: {stale}")
