//! Restoring into an empty database that others use meanwhile.

use super::Server;
use crate::servers::clients::with_fake;
use crate::servers::machine::wait_for;
use crate::support::{Env, Run};

#[test]
#[ignore = "needs MariaDB"]
fn what_others_put_into_a_database_while_it_is_filled_stays() {
    let env = Env::new();
    let server = Server::start();
    server.script(
        "",
        "CREATE DATABASE app; CREATE DATABASE wp; USE app;
         CREATE TABLE early (v TEXT); INSERT INTO early VALUES ('a');
         CREATE TABLE users (v TEXT); INSERT INTO users VALUES ('dumped');
         CREATE VIEW w AS SELECT v FROM early;",
    );
    let dump = env.dump(&server.url("app")).display().to_string();
    // An application creates its tables after the database was found empty.
    let script = "case \"$*\" in *--binary-mode*)
cat > fed
echo \"CREATE TABLE users (v TEXT); INSERT INTO users VALUES ('mine');
    CREATE TABLE theirs (v TEXT); INSERT INTO theirs VALUES ('mine')\" | /usr/bin/mariadb \"$@\" || exit
exec /usr/bin/mariadb \"$@\" < fed;; esac
exec /usr/bin/mariadb \"$@\"";
    let path = with_fake(&env, "mariadb", script);
    let fill = format!("restore --into-empty {dump} {}", server.url("wp"));
    let run =
        Run::finish(env.program(&fill).env("PATH", &path)).fails(1, "table users: ERROR 1050");
    let said = "the database wp is not empty now (table early, table theirs, table users";
    assert!(run.stderr.contains(said), "{run:?}");
    assert_eq!(
        server.sql("wp", "SELECT users.v, theirs.v FROM users, theirs"),
        "mine\tmine"
    );

    server.sql("", "DROP DATABASE wp; CREATE DATABASE wp");
    let mut using = server.client("mariadb");
    using.args(["wp", "-e", "DO SLEEP(600)"]);
    let mut using = using.spawn().unwrap();
    let sleeping = "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(600)'
        AND id <> CONNECTION_ID()";
    wait_for("the session", || !server.sql("", sleeping).is_empty());
    let run = env.run(&fill);
    server.sql("", &format!("KILL {}", server.sql("", sleeping)));
    using.wait().unwrap();
    run.fails(
        1,
        "the database wp is in use by a session of root; stop the programs",
    );
    env.run(&fill).succeeds();
    assert_eq!(
        server.sql("wp", "SELECT w.v, users.v FROM w, users"),
        "a\tdumped"
    );
}
