"""A WAL database with two names: its log lies beside the name that its program uses."""

import os
import pathlib
import shutil
import subprocess

from campaign import Campaign, Loss
from program import Word, run

COMMITS = 20


def attack(campaign: Campaign) -> None:
    """Adds the lines of this attack to the table."""
    for gone in (False, True):
        how = "killed" if gone else "at work"
        campaign.try_attack(
            f"a hard link to a WAL database, its program {how}",
            COMMITS,
            lambda gone=gone: hard_link(campaign, gone),  # type: ignore[misc]
        )


def hard_link(campaign: Campaign, gone: bool) -> str:
    """Checks that no dump of either name lacks a commit."""
    place = campaign.directory()
    (place / "used").mkdir()
    used, linked = place / "used" / "shop.db", place / "shop.db"
    prepare(used)
    os.link(used, linked)
    refused = 0
    for number in range(COMMITS):
        program = begin(used, f"INSERT INTO note VALUES ({number});")
        if gone:
            end(program)
        refused += judge(campaign, place, linked, number)
        if judge(campaign, place, used, number):
            raise Loss("a dump under the name that is used was refused")
        if not gone:
            end(program)
    shutil.rmtree(place)
    return f"{refused} refused under the other name"


def judge(campaign: Campaign, place: pathlib.Path, database: pathlib.Path, number: int) -> int:
    """Returns 1 if the dump was refused. A dump that was made must have every commit."""
    shutil.rmtree(place / "dump", ignore_errors=True)
    ended = run([campaign.program, "dump", database, "--to", "dump"], place)
    if ended.status != 0:
        return 1
    restored = place / "restored.db"
    for suffix in ("", "-wal", "-shm"):
        pathlib.Path(f"{restored}{suffix}").unlink(missing_ok=True)
    run([campaign.program, "restore", "dump", restored], place).succeeds("restore")
    query: list[Word] = ["sqlite3", "-readonly", restored, "SELECT max(x) FROM note"]
    newest = subprocess.run(query, check=True, stdout=-1, text=True).stdout.strip()
    if newest != str(number):
        raise Loss(f"a dump lacks what was committed: {newest or 'nothing'}, not {number}")
    return 0


def prepare(database: pathlib.Path) -> None:
    """Makes a table without rows."""
    sql = "PRAGMA journal_mode = WAL; CREATE TABLE note (x);"
    subprocess.run(["sqlite3", database, sql], check=True, stdout=subprocess.DEVNULL)


def begin(database: pathlib.Path, sql: str) -> subprocess.Popen[str]:
    """A program that has committed and has the database open."""
    pipe = subprocess.PIPE
    program = subprocess.Popen(["sqlite3", database], stdin=pipe, stdout=pipe, text=True)
    assert program.stdin and program.stdout
    program.stdin.write(f"{sql}\nSELECT 'done';\n")
    program.stdin.flush()
    program.stdout.readline()
    return program


def end(program: subprocess.Popen[str]) -> None:
    """Kills the program, so that its log stays."""
    program.kill()
    program.communicate()
