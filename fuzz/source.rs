//! Source URLs: no error and nothing that is printed contains a password.

#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use dump_database::engine::parse_source;
use libfuzzer_sys::fuzz_target;

const PASSWORD: &str = "pa55-w0rd-pa55";

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_source(OsStr::from_bytes(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (user, rest) = text.split_once('\n').unwrap_or((text, ""));
    // What follows one of these characters is not a password. Text that the fuzzer copied from
    // here is not one either.
    if user.contains(['/', '?', '#']) || text.contains("pa55") {
        return;
    }
    for scheme in ["postgresql", "postgres", "mysql", "mariadb", "redis", "rediss", "redis+unix"] {
        let urls = [
            format!("{scheme}://{user}:{PASSWORD}@{rest}"),
            format!("{scheme}://{user}/?password={PASSWORD}&{rest}"),
        ];
        for url in urls {
            match parse_source(OsStr::new(&url)) {
                Ok(source) => {
                    let shown = format!("{source} {source:?} {}", source.kind());
                    assert!(!shown.contains(PASSWORD), "{url}: {shown}");
                    let name = source.database();
                    let name = String::from_utf8_lossy(&name);
                    assert!(!name.contains(PASSWORD), "{url}: {name}");
                }
                Err(error) => assert!(!error.contains(PASSWORD), "{url}: {error}"),
            }
        }
    }
});
