LEAF = "/var/lib/dump-database/keeper"
COUNT = f"find {LEAF}/ -name '*.gz' | wc -l"
STATE = "stat -c %a /var/lib/private/keeper"

machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl stop dump-database.timer")

with subtest("before the service ever ran there is nothing to dump"):
    machine.succeed("systemctl start dump-database-keeper")
    machine.fail(f"test -e {LEAF}")

with subtest("dumped while the service runs"):
    machine.succeed("systemctl start keeper")
    machine.wait_until_succeeds("test -s /var/lib/keeper/keeper.db")
    mode = machine.succeed(STATE)
    machine.succeed("systemctl start dump-database-keeper")
    assert machine.succeed(COUNT) == "1\n"

with subtest("and while it does not"):
    machine.succeed("systemctl stop keeper", "systemctl start dump-database-keeper")
    assert machine.succeed(COUNT) == "2\n"

with subtest("and drilled"):
    machine.succeed("systemctl start dump-database-drill-keeper")
    machine.succeed("journalctl -o cat -u dump-database-drill-keeper | grep 'restored in'")

with subtest("the service's directory keeps its mode, and its data"):
    assert machine.succeed(STATE) == mode, mode
    machine.succeed("systemctl start keeper")
    machine.wait_for_unit("keeper.service")
    machine.succeed(f"dump-database verify {LEAF}")

with subtest("the dumps are for their user alone"):
    machine.fail(f"runuser -u nobody -- ls {LEAF}/")
    modes = machine.succeed(f"stat -c %a {LEAF}/*.gz")
    assert set(modes.splitlines()) == {"600"}, modes
