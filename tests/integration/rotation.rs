//! Which dumps stay.

use crate::support::Env;

#[test]
fn seven_dumps_leave_the_five_newest() {
    let env = Env::with_database();
    let made: Vec<_> = (0..7).map(|_| env.dump("db.sqlite")).collect();
    let left: Vec<_> = env
        .names()
        .iter()
        .map(|name| env.dumps().join(name))
        .collect();
    assert_eq!(left, made[2..]);
    let verified = env.run("verify").succeeds();
    assert_eq!(verified.stdout.matches("good").count(), 5, "{verified:?}");
}
