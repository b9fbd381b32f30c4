"""Load: very many databases, dumps and runs."""

import json
import re
import shutil
import sqlite3
import subprocess
import time

import forge
import postgresql
from campaign import Campaign, Loss
from program import Word, peak_memory, run

# The most memory that one run may use, whatever the number of databases or dumps.
MEMORY = 256 << 20
RUNS = 20


def attack(campaign: Campaign) -> None:
    """Adds the lines of this attack to the table."""
    count = 1000
    for jobs in (1, 2):
        campaign.try_attack(
            f"{count:,} SQLite databases in one run, --jobs {jobs}",
            count,
            lambda jobs=jobs: many_databases(campaign, count, jobs),  # type: ignore[misc]
        )
    campaign.try_attack(f"{RUNS} runs at once", RUNS, lambda: at_once(campaign))
    dumps = 100_000 if campaign.everything else 5_000
    campaign.try_attack(f"{dumps:,} dumps in a directory", dumps, lambda: many_dumps(campaign, dumps))
    if campaign.everything:
        campaign.try_attack("a PostgreSQL server with 300 databases", 300, lambda: server(campaign, 300))


def many_databases(campaign: Campaign, count: int, jobs: int) -> str:
    """Checks that all databases are dumped, and that the run uses no more memory for it."""
    place = campaign.directory()
    first = place / "0.db"
    database = sqlite3.connect(first, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE note AS SELECT hex(randomblob(20000))")
    database.close()
    names = [f"{number}.db" for number in range(count)]
    for name in names[1:]:
        shutil.copy(first, place / name)
    command: list[Word] = [campaign.program, "dump", "--jobs", str(jobs), "--to", "dump", *names]
    began = time.monotonic()
    ended, peak = peak_memory(command, place)
    seconds = time.monotonic() - began
    ended.succeeds("the run")
    published = len(list((place / "dump").glob("*.sqlite.gz")))
    if published != count or len(ended.stdout.splitlines()) != count:
        raise Loss(f"{published} published, {len(ended.stdout.splitlines())} printed")
    run([campaign.program, "verify", "dump"], place).succeeds("verify")
    shutil.rmtree(place)
    return f"{seconds:.1f} s, {bounded(peak)}"


def bounded(peak: int) -> str:
    """Returns the memory in words. Raises Loss if it is over the limit."""
    if peak > MEMORY:
        raise Loss(f"it had {peak >> 20} MiB in use")
    return f"peak memory {peak / (1 << 20):.0f} MiB"


def at_once(campaign: Campaign) -> str:
    """Checks that exactly one run works, and that the others name it and exit 75."""
    place = campaign.directory()
    # The run that works goes on until all others have ended.
    script = "until [ -e others-ended ]; do sleep 0.05; done; echo done"
    command: list[Word] = [campaign.program, "dump", "--name", "x", "--", "sh", "-c", script]
    processes = [
        subprocess.Popen(
            command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for _ in range(RUNS)
    ]
    deadline = time.monotonic() + 120
    while sum(process.poll() is None for process in processes) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    (place / "others-ended").touch()
    said = [process.communicate(timeout=60)[1] for process in processes]
    statuses = sorted(process.returncode for process in processes)
    if statuses != [0] + [75] * (RUNS - 1):
        raise Loss(f"they exited {statuses}: {said}")
    holders = [text for text in said if re.search(r"is in use by (process \d+|another run)", text)]
    if len(holders) != RUNS - 1 or len(list((place / "dump").glob("x-*.gz"))) != 1:
        raise Loss(f"{said}")
    run([campaign.program, "verify", "dump"], place).succeeds("verify")
    return f"one worked, {RUNS - 1} exited 75"


def many_dumps(campaign: Campaign, count: int) -> str:
    """Runs every command that reads the whole directory, and a run."""
    place = campaign.directory()
    dumps = place / "dump"
    dumps.mkdir()
    now = int(time.time())
    body = forge.gzip_body(b"x\n")
    identity = {"engine": "command", "location": "echo"}
    for number in range(count):
        seconds = now - 600 * (number + 1)
        text = json.dumps(forge.fields(b"x\n", seconds, identity=identity, tool="dump-database 0.1.0"))
        header = forge.gzip_header(text, seconds)
        (dumps / forge.name("x", seconds)).write_bytes(header + body)
    notes = []
    for words in (["list"], ["status"], ["rotate", "--dry-run", "--keep", "5"], ["verify"], ["dump", "--keep", "5", "--name", "x", "--", "echo", "x"]):
        began = time.monotonic()
        ended, peak = peak_memory([campaign.program, *words], place)
        ended.succeeds(words[0])
        notes.append(f"{words[0]} {time.monotonic() - began:.1f} s, {bounded(peak)}")
        if words == ["list"] and len(re.findall(r"^x  ", ended.stdout, re.MULTILINE)) != count:
            raise Loss(f"list shows {len(ended.stdout.splitlines())} lines of {count}")
    left = len(list(dumps.glob("x-*.gz")))
    if left != 5:
        raise Loss(f"after a run {left} dumps are left")
    run([campaign.program, "verify", "dump"], place).succeeds("verify")
    shutil.rmtree(place)
    return "; ".join(notes)


def server(campaign: Campaign, count: int) -> str:
    """Checks that every database and the server's own objects are dumped."""
    place = campaign.directory()
    with postgresql.server(campaign) as running:
        for number in range(count):
            sql = f"CREATE DATABASE d{number} STRATEGY file_copy"
            running.sql("postgres", sql).succeeds("CREATE DATABASE")
        command: list[Word] = [campaign.program, "dump", "--jobs", "2", running.url("")]
        began = time.monotonic()
        ended, peak = peak_memory(command, place)
        seconds = time.monotonic() - began
    ended.succeeds("the run")
    published = len(list((place / "dump").glob("*.sql.gz")))
    if published != count + 2:
        raise Loss(f"{published} published: all, postgres and @globals are wanted")
    run([campaign.program, "verify", "dump"], place).succeeds("verify")
    return f"{seconds:.0f} s with --jobs 2, {bounded(peak)}"
