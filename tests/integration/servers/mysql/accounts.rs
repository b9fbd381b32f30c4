//! Restores of what belongs to no database of a server: accounts, roles, grants, definitions of other
//! servers; alone, and in order with the databases.

use super::Server;
use crate::servers::assert_not_restored;
use crate::servers::drilled::with_text;
use crate::support::Env;

#[test]
#[ignore = "needs MariaDB"]
fn of_accounts_those_that_fail_are_named_and_the_others_are_restored() {
    let env = Env::new();
    let old = Server::start();
    old.script(
        "",
        "INSTALL SONAME 'auth_ed25519'; CREATE ROLE r; CREATE USER a@localhost IDENTIFIED BY 'x';
         CREATE USER keyed@localhost IDENTIFIED VIA ed25519 USING PASSWORD('y');
         CREATE USER z@localhost IDENTIFIED BY 'z'; GRANT r TO z@localhost; GRANT SELECT ON *.* TO keyed@localhost;",
    );
    let hash = old.sql("", "SELECT JSON_VALUE(priv, '$.authentication_string') FROM mysql.global_priv WHERE user = 'keyed'");
    env.run(&format!("dump {}", old.url(""))).succeeds();
    let new = Server::start();
    let names = env.names();
    let globals = names
        .iter()
        .find(|name| name.starts_with("@globals"))
        .unwrap();
    let restore =
        |options: &str| env.run(&format!("restore {options} dump/{globals} {}", new.url("")));
    let created = || {
        new.sql("", "SELECT GROUP_CONCAT(user ORDER BY user) FROM mysql.user WHERE user IN ('a', 'keyed', 'r', 'z')")
    };
    let run = restore("").fails(1, "the users cannot be restored: ");
    assert!(
        run.stderr.contains("user keyed@localhost: ERROR 1524"),
        "{run:?}"
    );
    assert!(!run.stderr.contains(&hash), "{run:?}");
    assert_eq!(created(), "NULL");
    let run = restore("--keep-going").fails(1, "not restored: ");
    let failed = [
        "user keyed@localhost: ERROR 1524",
        "privileges and roles of keyed@localhost: ERROR",
    ];
    assert_not_restored(&run, &failed, 2);
    assert!(!run.stderr.contains(&hash), "{run:?}");
    assert_eq!(created(), "a,r,z");
    for user in ["a@localhost", "z@localhost"] {
        let grants = format!("SHOW GRANTS FOR {user}");
        assert_eq!(new.sql("", &grants), old.sql("", &grants));
    }
    // The whole directory.
    let new = Server::start();
    let run = env.run(&format!("restore --keep-going dump {}", new.url("")));
    run.fails(1, "@globals  restored without 2 objects");
}

/// A FEDERATED table names a server that `CREATE SERVER` defined. The old server reads and writes
/// quotes and backslashes in an unusual way.
#[test]
#[ignore = "needs MariaDB"]
fn definitions_of_other_servers_come_back_and_one_that_exists_stays() {
    let env = Env::new();
    let old = Server::start_with("--skip-networking --sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES");
    old.script(
        "",
        r"CREATE SERVER `fa``r;` FOREIGN DATA WRAPPER mysql
            OPTIONS (HOST 'h', DATABASE 'd', USER 'u', PASSWORD 'p\w''x;', SOCKET '/s', PORT 3307, OWNER 'o');
          CREATE SERVER near FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'one', USER 'u');
          CREATE DATABASE app; CREATE USER a@localhost; GRANT SELECT ON app.* TO a@localhost;",
    );
    let servers = |server: &Server| server.sql("", "SELECT * FROM mysql.servers ORDER BY 1");
    let (all, grants) = (servers(&old), "SHOW GRANTS FOR a@localhost");
    env.run(&format!("dump {}", old.url(""))).succeeds();
    let names = env.names();
    let globals = names.iter().find(|name| name.starts_with("@globals"));
    let globals = globals.unwrap();
    let new = Server::start();
    let restore =
        |what: &str, options: &str| env.run(&format!("restore {options} {what} {}", new.url("")));
    restore("dump", "").succeeds();
    assert_eq!(servers(&new), all);
    assert_eq!(
        new.sql("", grants),
        "GRANT USAGE ON *.* TO `a`@`localhost`\nGRANT SELECT ON `app`.* TO `a`@`localhost`"
    );
    new.script(
        "",
        "DROP SERVER `fa``r;`; ALTER SERVER near OPTIONS (HOST 'two');",
    );
    let run = restore(&format!("dump/{globals}"), "").succeeds();
    let said = "the definition of the server near exists and stays as it is";
    assert!(run.stderr.contains(said), "{run:?}");
    assert_eq!(servers(&new), all.replace("one", "two"));
    // What fails takes back what was created, and no error shows a password.
    new.script("", "DROP SERVER `fa``r;`; DROP USER a@localhost;");
    let broken = with_text(&env.dumps().join(globals), |text| {
        text.replace("OPTIONS (HOST 'h'", "OPTIONS (NOSUCH 'h'")
    });
    let broken = broken.display().to_string();
    let run = restore(&broken, "").fails(1, "the users cannot be restored: ");
    assert!(run.stderr.contains("server fa`r;: ERROR 1064"), "{run:?}");
    assert_eq!(
        new.sql("", "SELECT COUNT(*) FROM mysql.user WHERE user = 'a'"),
        "0"
    );
    let run = restore(&broken, "--keep-going").fails(1, "not restored: server fa`r;: ERROR 1064");
    assert!(!run.stderr.contains("w'x"), "{run:?}");
    assert_eq!(
        new.sql("", "SELECT COUNT(*) FROM mysql.user WHERE user = 'a'"),
        "1"
    );
}

/// `GRANT` on a table whose name has a line break, and with it what looks like a statement.
#[test]
#[ignore = "needs MariaDB"]
fn a_name_in_a_grant_is_never_run_and_no_account_is_lost() {
    let env = Env::new();
    let server = Server::start();
    server.script(
        "",
        "CREATE USER a@localhost IDENTIFIED BY 'x'; CREATE USER b@localhost IDENTIFIED BY 'y';
         CREATE USER z@localhost IDENTIFIED BY 'z' ACCOUNT LOCK;
         ALTER USER b@localhost PASSWORD EXPIRE INTERVAL 2 DAY; ALTER USER b@localhost PASSWORD EXPIRE;
         CREATE DATABASE shop; CREATE DATABASE own;
         GRANT CREATE, SELECT ON own.`x\nDROP DATABASE shop;#` TO a@localhost;
         GRANT CREATE, SELECT ON own.`y\nGRANT ALL ON *.* TO a@localhost;#` TO a@localhost;",
    );
    let accounts = |what: &str| {
        ["a", "b", "z"].map(|user| server.sql("", &format!("{what} {user}@localhost")))
    };
    let expected = (accounts("SHOW CREATE USER"), accounts("SHOW GRANTS FOR"));
    env.run(&format!("dump {}", server.url(""))).succeeds();
    let names = env.names();
    let globals = names.iter().find(|name| name.starts_with("@globals"));
    let args = format!("restore dump/{} {}", globals.unwrap(), server.url(""));
    // Where the accounts exist, where they do not, and where one does.
    for gone in [&[][..], &["a", "b", "z"], &["b"]] {
        for user in gone {
            server.sql("", &format!("DROP USER {user}@localhost"));
        }
        env.run(&args).succeeds();
        let restored = (accounts("SHOW CREATE USER"), accounts("SHOW GRANTS FOR"));
        assert_eq!(restored, expected, "{gone:?}");
        assert_eq!(server.sql("", "SHOW DATABASES LIKE 'shop'").trim(), "shop");
    }
}

#[test]
#[ignore = "needs MariaDB"]
fn everything_of_a_server_is_restored_in_order_with_its_roles_and_grants() {
    let env = Env::new();
    let old = Server::start();
    old.script(
        "",
        "CREATE ROLE r; CREATE ROLE r2; GRANT r2 TO r;
         CREATE USER a@localhost IDENTIFIED BY 'x'; CREATE ROLE of_a WITH ADMIN a@localhost;
         GRANT r TO a@localhost WITH ADMIN OPTION; SET DEFAULT ROLE r FOR a@localhost;
         CREATE DATABASE app; CREATE TABLE app.t (v TEXT, w TEXT); INSERT INTO app.t VALUES ('a', 'b');
         CREATE DEFINER = a@localhost PROCEDURE app.p() SELECT 1;
         GRANT SELECT (v) ON app.t TO a@localhost; GRANT EXECUTE ON PROCEDURE app.p TO r;
         GRANT SELECT ON app.* TO PUBLIC; CREATE DATABASE bad; CREATE TABLE bad.t (v TEXT);
         GRANT SELECT ON bad.t TO r2;",
    );
    let grants = |server: &Server| {
        let accounts = ["a@localhost", "r", "r2", "of_a", "PUBLIC", "root@localhost"];
        let mut all: Vec<_> = accounts
            .iter()
            .flat_map(|account| {
                let shown = server.sql("", &format!("SHOW GRANTS FOR {account}"));
                shown.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        all.sort();
        // The user who creates a role also administers it.
        all.retain(|line| line != "GRANT `of_a` TO `root`@`localhost` WITH ADMIN OPTION");
        all.dedup();
        all.join("\n")
    };
    let expected = grants(&old);
    env.run(&format!("dump {}", old.url(""))).succeeds();
    let globals = env
        .names()
        .into_iter()
        .find(|name| name.starts_with("@globals"))
        .unwrap();

    let new = Server::start();
    let run = env.run(&format!("restore --no-owner dump {}", new.url("")));
    let run = run.succeeds();
    let said = "users, roles and their privileges are left out (--no-owner)";
    assert!(run.stderr.contains(said), "{run:#?}");
    assert!(!run.stderr.contains("@globals  restored"), "{run:#?}");
    let created = "SELECT COUNT(*) FROM mysql.user WHERE user IN ('a', 'r', 'r2', 'of_a')";
    assert_eq!(new.sql("", created).trim(), "0");
    assert_eq!(new.sql("app", "SELECT v FROM t").trim(), "a");
    new.sql("", "DROP DATABASE app; DROP DATABASE bad");
    let run = env.run(&format!("restore dump/{globals} {}", new.url("")));
    let run = run.fails(1, "these grants are on objects that do not exist");
    assert!(
        run.stderr
            .contains("error: not restored: GRANT SELECT (`v`) ON `app`.`t` TO `a`@`localhost`;: "),
        "{run:#?}"
    );
    new.sql(
        "",
        "DROP USER a@localhost; DROP ROLE r, r2, of_a; REVOKE SELECT ON app.* FROM PUBLIC",
    );
    new.sql("", "CREATE DATABASE bad; CREATE TABLE bad.mine (v TEXT)");
    let run = env
        .run(&format!("restore dump {}", new.url("")))
        .fails(1, "the database bad is not empty (table mine)");
    let last: Vec<_> = run.stderr.lines().rev().take(3).collect();
    assert!(last[2].starts_with("@globals  restored"), "{run:#?}");
    assert!(last[1].starts_with("app       restored"), "{run:#?}");
    assert!(last[0].starts_with("error: bad       FAILED"), "{run:#?}");
    assert!(
        run.stderr
            .contains("not restored: GRANT SELECT ON `bad`.`t` TO `r2`;: "),
        "{run:#?}"
    );
    new.sql("", "DROP DATABASE bad; DROP USER a@localhost; DROP ROLE r, r2, of_a; REVOKE SELECT ON app.* FROM PUBLIC; DROP DATABASE app");
    env.run(&format!("restore dump {}", new.url(""))).succeeds();
    assert_eq!(grants(&new), expected);
    assert_eq!(new.read_all("app"), old.read_all("app"));
    assert!(
        new.sql("", "SELECT user FROM mysql.user WHERE is_role = 'Y'")
            .lines()
            .all(|role| !role.contains("import"))
    );
}
