LEAF = "/var/lib/dump-database/redis-shop"
CLIENT = "runuser -u redis-shop -- $(command -v redis-cli) -s /run/redis-shop/redis.sock"
PID = "systemctl show -P MainPID redis-shop"


def ask(command: str) -> str:
    """The answer of the server to a command."""
    return machine.succeed(f"{CLIENT} {command}").strip()


machine.wait_for_unit("multi-user.target")
machine.succeed("systemctl start redis-shop")
machine.wait_until_succeeds(f"{CLIENT} PING | grep PONG")
machine.succeed("systemctl stop dump-database.timer")
ask("SET greeting hello")
ask("SET session open EX 86400")
ask("RPUSH list a b c")
ask("-n 3 HSET item price 42")

with subtest("a round dumps it, through its socket and as its user"):
    machine.succeed("systemctl start dump-database", f"dump-database verify {LEAF}")
    assert machine.succeed(f"stat -c '%U %a' {LEAF}/*.rdb.gz") == "redis-shop 600\n"

with subtest("the dump is drilled in a server of the drill alone"):
    pid = machine.succeed(PID)
    machine.succeed("systemctl start dump-database-drill-redis-shop")
    machine.wait_until_succeeds("journalctl -o cat -u dump-database-drill-redis-shop | grep 'restored in'")
    machine.fail("find /var/cache/dump-database-drill/redis-shop/ -mindepth 1 | grep .")
    assert (machine.succeed(PID), ask("GET greeting")) == (pid, "hello")

with subtest("one command restores it; the server runs on"):
    ask("SET greeting changed")
    ask("DEL list")
    ask("-n 3 HSET item price 43")
    said = machine.succeed("systemctl start dump-database.timer", "dump-database-restore redis-shop --yes")
    assert "stopped:  dump-database.timer" in said and "redis-shop.service" not in said, said
    assert machine.succeed(PID) == pid
    machine.succeed("systemctl is-active dump-database.timer")
    assert ask("GET greeting") == "hello"
    assert ask("LRANGE list 0 -1").split() == ["a", "b", "c"]
    assert ask("-n 3 HGET item price") == "42"
    assert 0 < int(ask("TTL session")) <= 86400

with subtest("what was there is saved, and restored by its name"):
    saved = machine.succeed(f"dump-database list --json {LEAF} | grep -B3 replaced | grep -o 'redis-shop-.*gz'")
    machine.succeed(f"dump-database-restore redis-shop {saved.strip()} --yes")
    assert (ask("GET greeting"), ask("EXISTS list"), ask("-n 3 HGET item price")) == ("changed", "0", "43")

with subtest("a server that is down fails its dump, and is not started for it"):
    machine.succeed("systemctl stop redis-shop")
    machine.fail("systemctl start dump-database-redis-shop")
    machine.fail("systemctl is-active redis-shop")
