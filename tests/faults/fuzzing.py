"""Coverage-guided fuzzing: each target of fuzz/ for a bounded time."""

import os
import pathlib
import re
import shutil
import subprocess
import time

from campaign import Campaign, Loss

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
# The seconds that each target runs, and the additional seconds that it may need.
TIME, GRACE = 60, 300


def prepare() -> None:
    """Raises Loss unless every target is built."""
    if shutil.which("cargo-fuzz") is None:
        raise Loss("cargo-fuzz is missing; install it with: cargo install cargo-fuzz")
    built = subprocess.run(cargo("build"), cwd=REPOSITORY, capture_output=True, text=True, env=environment())
    if built.returncode != 0:
        raise Loss(f"the fuzz targets cannot be built: {built.stderr[-3000:]}")


def attack(campaign: Campaign) -> None:
    """Adds the lines of this attack to the table. Without --all it adds none, because the targets take minutes to build."""
    if not campaign.everything:
        return
    prepare()
    for target in sorted(path.stem for path in (REPOSITORY / "fuzz").glob("*.rs")):
        began = time.monotonic()
        with campaign.surviving(f"fuzzing: {target}"):
            tried = fuzz(campaign, target)
            note = f"{TIME} s, sanitizer: {sanitizer()}"
            campaign.record(f"fuzzing: {target}", tried, [], note, began)


def fuzz(campaign: Campaign, target: str) -> int:
    """Returns the number of inputs that were tried. Raises Loss with the input that made the target fail."""
    command = [*cargo("run"), target, "--"]
    command += [f"-max_total_time={TIME}", f"-seed={campaign.seed or 1}", "-print_final_stats=1"]
    command += ["-max_len=16384", "-timeout=20", "-rss_limit_mb=1024"]
    process = subprocess.run(
        command,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(),
        timeout=TIME + GRACE,
    )
    tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", process.stderr)
    if process.returncode != 0 or tried is None:
        raise Loss(process.stderr[-3000:])
    return int(tried[1])


def sanitizer() -> str:
    """Returns the sanitizer to use: the address sanitizer needs a nightly compiler."""
    nightly = subprocess.run(["cargo", "+nightly", "--version"], capture_output=True)
    return "address" if nightly.returncode == 0 else "none"


def cargo(command: str) -> list[str]:
    """Returns a command of `cargo fuzz` with the arguments that all calls share."""
    how = sanitizer()
    toolchain = ["+nightly"] if how == "address" else []
    # The build is kept outside of the checkout.
    cache = os.environ.get("DUMP_DATABASE_TEST_CACHE", "/var/cache/dump-database-tests")
    words = ["cargo", *toolchain, "fuzz", command, "--sanitizer", how]
    return [*words, "--target-dir", f"{cache}/fuzz"]


def environment() -> dict[str, str]:
    """Returns an environment in which the stable compiler accepts the options of a nightly one, if there is none."""
    return os.environ | ({} if sanitizer() == "address" else {"RUSTC_BOOTSTRAP": "1"})
