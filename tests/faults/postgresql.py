"""A private PostgreSQL server for the campaign, on a Unix socket, run by an unprivileged user."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator

from campaign import Campaign, Loss
from sources import Source
from program import Run, Word, run


class Server:
    """A running server."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        installed = pathlib.Path("/usr/lib/postgresql").glob("*/bin")
        self.programs = max(installed, key=lambda path: int(path.parent.name))
        self.user = "postgres" if os.getuid() == 0 else None
        if self.user:
            shutil.chown(directory, self.user, self.user)
        initdb: list[Word] = [self.programs / "initdb", "--no-sync", "--auth=trust", "--username=postgres"]
        initdb += ["--encoding=UTF8", "--locale=C.UTF-8", "--pgdata=data"]
        run(initdb, directory, user=self.user).succeeds("initdb")
        settings = {
            "listen_addresses": "",
            "fsync": "off",
            "shared_buffers": "32MB",
            "unix_socket_directories": str(directory),
        }
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        with open(directory / "log", "w") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", "data", *options],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )
        deadline = time.monotonic() + 60
        while self.sql("postgres", "SELECT").status != 0:
            if time.monotonic() > deadline:
                raise Loss((directory / "log").read_text()[-2000:])
            time.sleep(0.05)

    def sql(self, database: str, *statements: str) -> Run:
        """Runs statements, each in a separate transaction."""
        words = [word for statement in statements for word in ("-c", statement)]
        psql: list[Word] = [self.programs / "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]
        return run([*psql, "-h", self.directory, "-d", database, *words], self.directory)

    def url(self, database: str) -> str:
        """Returns the URL of a database, or of the whole server if no name is given."""
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def stop(self) -> None:
        """Stops the server at once."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


@contextlib.contextmanager
def server(campaign: Campaign) -> Iterator[Server]:
    """Starts a new server for the block, and removes it afterwards."""
    running = Server(campaign.directory())
    try:
        yield running
    finally:
        running.stop()


class Postgresql(Source):
    """The database `shop` of a server."""

    def __init__(self, directory: pathlib.Path, running: Server) -> None:
        super().__init__(directory)
        self.server = running

    def arguments(self) -> list[str]:
        return [self.server.url("shop")]

    def content(self, dump: bytes) -> str:
        if dump.startswith(b"PGDMP"):
            command: list[Word] = [self.server.programs / "pg_restore", "--file=-"]
            restored = subprocess.run(command, input=dump, capture_output=True)
            if restored.returncode != 0:
                raise Loss(f"pg_restore: {restored.stderr!r}")
            dump = restored.stdout
        lines = dump.decode().splitlines()
        kept = [line for line in lines if not line.startswith(("\\restrict", "\\unrestrict"))]
        return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def fill(running: Server, rows: int = 2000) -> None:
    """Makes the database `shop`."""
    made = running.sql("postgres", "CREATE DATABASE shop")
    made.succeeds("CREATE DATABASE")
    note = f"CREATE TABLE note AS SELECT n, md5(n::text) FROM generate_series(1, {rows}) n"
    running.sql("shop", note, "CREATE UNIQUE INDEX ON note (n)").succeeds("CREATE TABLE")
