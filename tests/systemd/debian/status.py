# Which directories the round judges, seen through a program that prints its arguments. No round says what
# nobody dumps (--no-survey).
# NixOS' own bash has no programmable completion.
SCRIPT = "bash -c 'enable -n compgen; . /usr/local/lib/dump-database/status.sh \"$@\"' status"
JUDGE = f"{SCRIPT} echo --max-age=30m"

machine.wait_for_unit("multi-user.target")
machine.succeed("mkdir -p /srv/'a b' /srv/leaf", "touch /srv/'a b'/1.db /srv/exists.db")

for arguments, judged in {
    "/one /two": "status --no-survey --max-age=30m /one /two",
    "/one -- /srv/nowhere.db /nowhere": "status --no-survey --max-age=30m /one",
    "/one -- /srv/exists.db /nowhere": "status --no-survey --max-age=30m /one /nowhere",
    "/one -- /srv/nowhere.db /srv/leaf": "status --no-survey --max-age=30m /one /srv/leaf",
    "-- '/srv/a b/*.db' /nowhere -- '/srv/*.none' /none": "status --no-survey --max-age=30m /nowhere",
    "-- /srv/nowhere.db /nowhere": "",
    "/one --max-age=2d /two": "status --no-survey --max-age=30m /one\nstatus --no-survey --max-age=2d /two",
    "-- /srv/nowhere.db /nowhere --max-age=2d /two": "status --no-survey --max-age=2d /two",
}.items():
    with subtest(arguments):
        printed = machine.succeed(f"{JUDGE} {arguments}").strip()
        assert printed == judged, printed

with subtest("its exit status is the program's"):
    machine.fail(f"{SCRIPT} false --max-age=30m /one")

with subtest("also where only the first of several groups fails"):
    machine.succeed(
        "printf '#!/bin/sh\\necho \"${3#*=}\"; test \"${3#*=}\" = 2d' > /srv/judge",
        "chmod 755 /srv/judge",
        f"{SCRIPT} /srv/judge --max-age=2d /two",
    )
    printed = machine.fail(f"{SCRIPT} /srv/judge --max-age=30m /one --max-age=2d /two")
    assert printed == "30m\n2d\n", printed
