"""Coverage-guided fuzzing: each target of fuzz/ for a bounded time."""

import os
import pathlib
import re
import shutil
import subprocess
import time

from campaign import Campaign, Loss

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
# Seconds for each target.
TIME = 60


def attack(campaign: Campaign) -> None:
    """The table's lines; in the short part none, because the targets take minutes to build."""
    if not campaign.everything:
        return
    if shutil.which("cargo-fuzz") is None:
        raise Loss("cargo-fuzz is missing; install it with: cargo install cargo-fuzz")
    targets = sorted(path.stem for path in (REPOSITORY / "fuzz").glob("*.rs"))
    # Address sanitizer needs a nightly compiler.
    nightly = subprocess.run(["cargo", "+nightly", "--version"], capture_output=True)
    sanitizer = "address" if nightly.returncode == 0 else "none"
    for target in targets:
        began = time.monotonic()
        try:
            tried, note = fuzz(campaign, target, sanitizer)
            campaign.record(f"fuzzing: {target}", tried, [], note, began)
        except Loss as loss:
            campaign.record(f"fuzzing: {target}", 1, [str(loss)], sanitizer, began)


def fuzz(campaign: Campaign, target: str, sanitizer: str) -> tuple[int, str]:
    """How many inputs were tried, and how they were chosen; Loss with what made it fail."""
    toolchain = ["+nightly"] if sanitizer == "address" else []
    command = ["cargo", *toolchain, "fuzz", "run", "--sanitizer", sanitizer, target, "--"]
    command += [f"-max_total_time={TIME}", f"-seed={campaign.seed or 1}", "-print_final_stats=1"]
    command += ["-max_len=16384", "-timeout=20", "-rss_limit_mb=1024"]
    environment = os.environ | ({} if toolchain else {"RUSTC_BOOTSTRAP": "1"})
    process = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, env=environment)
    tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", process.stderr)
    if process.returncode != 0 or tried is None:
        raise Loss(f"{target}: {process.stderr[-3000:]}")
    return int(tried[1]), f"{TIME} s, sanitizer: {sanitizer}"
