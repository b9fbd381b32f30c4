//! Arguments and settings that are not valid are refused in one sentence, before anything is done.

use crate::support::Run;
use crate::test_store::{StoreKind, TestStore};

#[test]
fn a_destination_that_makes_no_sense_is_a_usage_error() {
    let place = TestStore::new(StoreKind::Directory);
    place.dump();
    for (to, why) in [
        (
            "ftp://host/path",
            "ftp:// is not a known kind of destination",
        ),
        ("s3://", "a bucket is missing"),
        ("s3://key:s3cret@bucket", "a password is not allowed"),
        ("sftp://host", "an absolute directory is missing"),
        ("s3://bucket/x?y", "? and # are not allowed"),
        ("s3://bucket/a@b", "the prefix of the s3:// destination"),
        ("gs://", "a bucket is missing"),
        ("gs://bucket/a b", "the prefix of the gs:// destination"),
        ("az://", "a container is missing"),
        ("az://container", "the storage account is not known"),
        ("webdavs://", "a host is missing"),
        ("webdavs://joe:s3cret@host/x", "a password is not allowed"),
    ] {
        for args in [
            vec!["copy", "dump", "--to", to],
            vec!["list", to],
            vec!["verify", to],
            vec!["status", to],
        ] {
            let run = Run::finish(place.program("").args(&args)).fails(2, why);
            assert!(
                run.stderr.lines().count() == 1 && !run.stderr.contains("s3cret"),
                "{run:?}"
            );
        }
    }
    let mut command = place.program("copy dump --to s3://bucket");
    Run::finish(&mut command).fails(2, "the region of the bucket is not known");
    place
        .run("copy dump --to stored --limit-rate fast")
        .fails(2, "500kB or 10MB");
    let mut command = place.program("copy dump --to webdav://example.org/x");
    command
        .env("WEBDAV_USERNAME", "joe")
        .env("WEBDAV_PASSWORD", "s3cret");
    let run = Run::finish(&mut command).fails(2, "a password is not sent over webdav://");
    assert!(!run.stderr.contains("s3cret"), "{run:?}");
    for (text, why) in [
        (
            "s3cret",
            "AZURE_STORAGE_CONNECTION_STRING is not a connection string of Azure",
        ),
        (
            "AccountKey=s3cret",
            "the settings of the storage account make no sense: endpoint is empty",
        ),
    ] {
        let mut command = place.program("copy dump --to az://container");
        command.env("AZURE_STORAGE_CONNECTION_STRING", text);
        let run = Run::finish(&mut command).fails(2, why);
        assert!(!run.stderr.contains("s3cret"), "{run:?}");
    }
    place
        .run("list dump s3://bucket")
        .fails(2, "cannot be given together");
    place.run("copy missing --to stored").fails(1, "missing");
    place
        .run("copy dump --to missing/stored")
        .fails(1, "its parent directory does not exist");
    assert_eq!(place.stored(), [""; 0]);
}
