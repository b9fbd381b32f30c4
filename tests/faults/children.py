"""Source programs that fail in every possible way: none of their dumps may be published."""

import pathlib

from campaign import Campaign, Loss
from dumping import Dumping
from program import Word, run
from sources import Command

WAYS = {
    "exits 1 after its output": "cat printed; exit 1",
    "exits 255 without output": "exit 255",
    "exits 0 without output": "exit 0",
    "dies by SIGKILL after its output": "cat printed; kill -KILL $$",
    "dies by SIGSEGV after its output": "cat printed; kill -SEGV $$",
    "dies by SIGPIPE in its output": "head -c 100000 printed; kill -PIPE $$",
    "exits 1 and leaves a child that holds its output open": "cat printed; sleep 9 & exit 1",
    "closes its output, then exits 1": "cat printed; exec >&-; sleep 0.2; exit 1",
    "is not found": "exec /nonexistent/program",
    "may not be executed": "exec ./printed",
}


class Failing:
    """A directory of five dumps, and a program that fails."""

    def __init__(self, program: pathlib.Path, directory: pathlib.Path) -> None:
        self.dumping = Dumping(program, Command(directory))
        self.program = program

    def suffer(self, way: str) -> None:
        """Checks that the run fails, says which program failed and how, and changes nothing."""
        scene = self.dumping
        scene.reset()
        command: list[Word] = [self.program, "dump", "--name", "shop", "--adopt", "--", "sh", "-c", WAYS[way]]
        ended = run(command, scene.root)
        if ended.status != 1 or "sh " not in ended.stderr:
            raise Loss(f"it did not fail and say why: {ended.ended()}")
        scene.judge(ended)
        if scene.read() != scene.template:
            raise Loss("something changed")
        scene.go_on()


def attack(campaign: Campaign) -> None:
    """Adds the line of this attack to the table."""
    campaign.try_places(
        "a program that fails",
        lambda directory: Failing(campaign.program, directory),
        list(WAYS),
    )
