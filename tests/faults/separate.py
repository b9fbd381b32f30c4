"""Runs an attack in a separate process, at the same time as the other attacks."""

import json
import pathlib
import subprocess
import sys
import time

from campaign import Campaign, Loss, Row
from program import Word

RUN = pathlib.Path(__file__).resolve().parent / "run"
# The seconds that the attack may take.
TIMEOUT = 2 * 3600


class SeparateAttack:
    """A running attack. Its lines are added to the table when it ends."""

    def __init__(self, campaign: Campaign, attack: str) -> None:
        self.campaign = campaign
        self.attack = attack
        self.began = time.monotonic()
        self.rows = campaign.directory() / "rows"
        command: list[Word] = [sys.executable, RUN, "--program", campaign.program, "--seed", str(campaign.seed)]
        command += ["--scene", campaign.scene, "--rows", self.rows, attack]
        command += ["--all"] if campaign.everything else []
        self.process = subprocess.Popen(command)

    def join(self) -> None:
        """Waits for the end of the attack and adds its lines to the table."""
        with self.campaign.surviving(self.attack):
            self.process.wait(max(1, self.began + TIMEOUT - time.monotonic()))
            if not self.rows.exists():
                raise Loss(f"it ended with status {self.process.returncode} and no result")
            self.campaign.rows += [Row(*row) for row in json.loads(self.rows.read_text())]

    def stop(self) -> None:
        """Ends the attack if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
