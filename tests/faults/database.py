"""SQLite databases in the states in which a program leaves them, also when it is killed."""

import hashlib
import pathlib
import random
import shutil
import sqlite3
import tempfile

# A few pages, but several blocks of the compressor.
PAGE = 65536


def make(path: pathlib.Path, text: str, mode: str = "WAL", rows: int = 30) -> None:
    """A database that no program uses."""
    rng = random.Random(text)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(f"PRAGMA page_size = {PAGE}")
    database.execute(f"PRAGMA journal_mode = {mode}")
    database.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT, data TEXT)")
    database.execute("CREATE INDEX by_text ON note (text)")
    database.execute("BEGIN")
    for _ in range(rows):
        data = rng.randbytes(10_000).hex()
        database.execute("INSERT INTO note (text, data) VALUES (?, ?)", (text, data))
    database.execute("COMMIT")
    database.close()


def make_unfinished(path: pathlib.Path, text: str, mode: str, rows: int = 30) -> None:
    """A database whose program was killed: its log is not checkpointed, or its journal is hot."""
    with tempfile.TemporaryDirectory(dir=path.parent) as place:
        live = pathlib.Path(place) / path.name
        make(live, text, mode, rows)
        database = sqlite3.connect(live, isolation_level=None)
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("PRAGMA cache_size = 2")
        database.execute("BEGIN")
        database.execute("UPDATE note SET data = upper(data), text = text || '!'")
        if mode == "WAL":
            database.execute("COMMIT")
        for file in pathlib.Path(place).iterdir():
            if not file.name.endswith("-shm"):
                shutil.copy(file, path.parent)
        database.close()


def content(path: pathlib.Path) -> str:
    """Returns the whole content of a database as any program would see it. The file is not touched."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None) as place:
        for file in path.parent.glob(f"{path.name}*"):
            if file.name in (path.name, f"{path.name}-wal", f"{path.name}-journal"):
                shutil.copy(file, place)
        return _content(pathlib.Path(place) / path.name)


def content_of_image(image: bytes) -> str:
    """Returns the content of a database file."""
    with tempfile.NamedTemporaryFile(suffix=".db") as file:
        file.write(image)
        file.flush()
        return _content(pathlib.Path(file.name))


def _content(path: pathlib.Path) -> str:
    database = sqlite3.connect(path, isolation_level=None)
    try:
        (checked,) = database.execute("PRAGMA integrity_check").fetchone()
        if checked != "ok":
            return f"damaged: {checked}"
        digest = hashlib.sha256()
        for query in ("SELECT sql FROM sqlite_schema ORDER BY name", "SELECT * FROM note ORDER BY id"):
            for row in database.execute(query):
                digest.update(repr(row).encode())
        return digest.hexdigest()
    except sqlite3.DatabaseError as error:
        return f"damaged: {error}"
    finally:
        database.close()
        for side in ("-wal", "-shm", "-journal"):
            pathlib.Path(f"{path}{side}").unlink(missing_ok=True)
