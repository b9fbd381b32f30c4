//! A journal that names a file of root: SQLite calls this file a super-journal, and removes it
//! after playing the journal back.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{give, scene};
use crate::support::database::make_large;

/// Returns a journal of one page, complete and committed to disk, that names `named` as its
/// super-journal.
fn journal(database: &[u8], named: &Path) -> Vec<u8> {
    let page_size = 4096;
    let (sector, nonce) = (512_usize, 7_u32);
    let pages = u32::try_from(database.len() / page_size).unwrap();
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    for field in [1, nonce, pages, 512, 4096] {
        journal.extend(u32::to_be_bytes(field));
    }
    journal.resize(sector, 0);
    let page = &database[..page_size];
    let mut sum = nonce;
    let mut at = page_size - 200;
    while at > 0 {
        sum = sum.wrapping_add(u32::from(page[at]));
        at = at.saturating_sub(200);
    }
    journal.extend(1_u32.to_be_bytes());
    journal.extend(page);
    journal.extend(sum.to_be_bytes());
    let name = named.as_os_str().as_bytes();
    // The page of the lock bytes, which is not a page of the database.
    let lock_page = u32::try_from(0x4000_0000 / page_size + 1).unwrap();
    journal.extend(lock_page.to_be_bytes());
    journal.extend(name);
    journal.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    let sum = name.iter().fold(0_u32, |sum, byte| {
        sum.wrapping_add(i32::from(byte.cast_signed()).cast_unsigned())
    });
    journal.extend(sum.to_be_bytes());
    journal.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    journal
}

#[test]
#[ignore = "needs sqlite3"]
fn a_journal_removes_no_file_that_it_names() {
    let Some(env) = scene() else { return };
    fs::create_dir(env.path("root")).unwrap();
    drop(make_large(&env.path("db.sqlite"), "WAL", 10_000));
    let dump = env.dump("db.sqlite");
    let shop = env.path("home/shop.db");
    for (program, removes) in [("sqlite3", true), ("restore", false)] {
        drop(fs::remove_file(&shop));
        drop(make_large(&shop, "DELETE", 10_000));
        give(&shop);
        let precious = env.path("root/precious");
        fs::write(&precious, "precious").unwrap();
        let side = env.path("home/shop.db-journal");
        fs::write(&side, journal(&fs::read(&shop).unwrap(), &precious)).unwrap();
        give(&side);
        if program == "sqlite3" {
            // Without protection the attack works.
            let mut sqlite = env.command("sqlite3");
            let ended = sqlite.arg(&shop).arg("SELECT count(*) FROM blob");
            assert!(ended.status().unwrap().success());
        } else {
            let dump = dump.display();
            env.run(&format!("restore {dump} home/shop.db --replace --to saved"));
        }
        assert_eq!(!precious.exists(), removes, "{program}");
        drop(fs::remove_file(&side));
    }
}
