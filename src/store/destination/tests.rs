//! Tests of [`super::Destination`].

use super::parse::is_url;
use super::*;

#[test]
fn destinations_read_and_print() {
    for text in [
        "s3://bucket",
        "s3://bucket/a/b",
        "sftp://host/srv/backup",
        "sftp://joe@host:2222/srv/backup",
        "sftp://joe@[::1]:22/srv",
        "gs://bucket/a",
        "az://container",
        "webdavs://host:8443/a/b",
        "webdav://[::1]:80/a",
        "/mnt/disk",
    ] {
        assert_eq!(Destination::parse(text).unwrap().to_string(), text);
    }
    for (text, printed) in [
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket//a/", "s3://bucket/a"),
        ("file:/mnt/disk/", "/mnt/disk"),
        ("file:///mnt/disk", "/mnt/disk"),
        ("/mnt//disk/", "/mnt/disk"),
    ] {
        assert_eq!(Destination::parse(text).unwrap().to_string(), printed);
    }
}

#[test]
fn wrong_destinations_are_refused_in_one_sentence_without_a_secret() {
    for text in [
        "",
        "file:",
        "s3://",
        "s3:///prefix",
        "s3://buc ket/x",
        "s3://key:s3cret@bucket/x",
        "s3://key@bucket/x",
        "s3://bucket/a/../b",
        "s3://bucket/a?x=s3cret",
        "sftp://host",
        "sftp://host/~/backup",
        "sftp:///path",
        "sftp://-oProxyCommand=x/path",
        "sftp://@host/path",
        "sftp://host:port/path",
        "sftp://joe:s3cret@host/path",
        "gs://",
        "az:///x",
        "az://key@container/x",
        "webdavs://",
        "webdavs:///path",
        "webdavs://joe@host/path",
        "webdavs://joe:s3cret@host/path",
        "webdavs://ho st/path",
        "ftp://host/path",
        "http://host/path",
    ] {
        let why = Destination::parse(text).unwrap_err();
        assert!(!why.contains("s3cret") && !why.contains('\n'), "{why}");
    }
    for text in ["/a/b", "a", "./s3://x", "1:2"] {
        assert!(!is_url(text), "{text}");
    }
}

#[test]
fn only_an_encrypted_connection_or_one_within_the_machine_is_private() {
    let is_private = |text: &str| match Destination::parse(text).unwrap() {
        Destination::Webdav(directory) => directory.is_private(),
        other => panic!("{other}"),
    };
    for text in [
        "webdavs://h/x",
        "webdav://localhost:8080",
        "webdav://127.0.0.1",
        "webdav://[::1]:1/",
    ] {
        assert!(is_private(text), "{text}");
    }
    for text in [
        "webdav://h/x",
        "webdav://localhost.example",
        "webdav://10.0.0.1",
        "webdav://127.0.0.1.example",
    ] {
        assert!(!is_private(text), "{text}");
    }
}

#[test]
fn the_url_of_a_copy_is_split_into_its_destination_and_its_path() {
    for (text, above, below) in [
        ("s3://b/p/HOST/DB/NAME", "s3://b/p", "HOST/DB/NAME"),
        ("s3://b/HOST/DB/NAME", "s3://b", "HOST/DB/NAME"),
        ("gs://b/HOST/DB/NAME", "gs://b", "HOST/DB/NAME"),
        ("webdavs://h/HOST/DB/NAME", "webdavs://h", "HOST/DB/NAME"),
        ("sftp://h/p/HOST/DB/NAME", "sftp://h/p", "HOST/DB/NAME"),
        ("/mnt/HOST/DB/NAME", "/mnt", "HOST/DB/NAME"),
        ("s3://b/p/HOST/a%2Fb/@ü%20", "s3://b/p", "HOST/a%2Fb/@ü%20"),
    ] {
        let (destination, path) = Destination::parse(text).unwrap().split(3).unwrap();
        assert_eq!(
            (destination.to_string().as_str(), path.as_str()),
            (above, below)
        );
    }
    assert_eq!(Destination::parse("s3://b/DB/NAME").unwrap().split(3), None);
}
