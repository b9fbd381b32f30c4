LEAF = "/var/lib/dump-database/mysql"
TARGET = "'mariadb://root@localhost/shop?socket=/run/mysqld/mysqld.sock'"
SCHEMA = """
CREATE DATABASE shop;
USE shop;
CREATE TABLE sale (id int AUTO_INCREMENT PRIMARY KEY, cents int NOT NULL, note text, raw blob);
INSERT INTO sale (cents, note, raw)
  SELECT seq * 7, concat('sale ', seq, ' €😀'), unhex(sha2(seq, 256)) FROM seq_1_to_1000;
CREATE VIEW total AS SELECT sum(cents) FROM sale;
CREATE PROCEDURE discount() UPDATE sale SET cents = cents - 1;
CREATE TRIGGER no_loss BEFORE UPDATE ON sale FOR EACH ROW SET NEW.cents = greatest(NEW.cents, 0);
"""
SUM = "CHECKSUM TABLE shop.sale; SELECT * FROM shop.total; SHOW CREATE PROCEDURE shop.discount"

machine.wait_for_unit("mysql.service")
machine.succeed("systemctl stop dump-database.timer dump-database-drill.timer")
machine.succeed(f"mariadb --default-character-set=utf8mb4 -e \"{SCHEMA}\"")
before = machine.succeed(f"mariadb -N -e '{SUM}'")

with subtest("every database is dumped, and the users"):
    machine.succeed("systemctl start dump-database-mysql")
    dumps = machine.succeed(f"ls {LEAF}")
    for name in ("shop-", "@globals-"):
        assert name in dumps, f"{name} is not among {dumps}"

with subtest("a private server proves that they restore"):
    machine.succeed("systemctl start dump-database-drill-mysql")
    for name in ("shop", "@globals"):
        machine.succeed(f"journalctl -o cat -u dump-database-drill-mysql | grep '/{name}-.*restored in'")

with subtest("a database that is gone comes back"):
    machine.succeed("mariadb -e 'DROP DATABASE shop'")
    machine.succeed(f"dump-database restore {LEAF} {TARGET} --name shop")
    assert machine.succeed(f"mariadb -N -e '{SUM}'") == before
