use super::DumpName;

const FIRST: &str = "chinook-20261122T193000Z.sqlite.gz";

#[test]
fn only_times_of_the_calendar_are_read() {
    for (time, real) in [
        ("20240229T235959Z", true),
        ("20230229T000000Z", false),
        ("20260431T000000Z", false),
        ("20261301T000000Z", false),
        ("20260001T000000Z", false),
        ("20261122T240000Z", false),
        ("20261122T196000Z", false),
        ("20161231T235960Z", false),
        ("00000101T000000Z", true),
        ("99991230T220000Z", true),
        ("99991231T235959Z", false),
    ] {
        let file = FIRST.replace("20261122T193000Z", time);
        let dump = DumpName::parse(&file);
        assert_eq!(dump.map(|d| d.to_string()), real.then_some(file), "{time}");
    }
}

#[test]
fn foreign_files_are_not_dumps() {
    assert!(DumpName::parse(FIRST).is_some());
    for file in [
        "",
        "lock",
        "README.md",
        "chinook.sqlite.gz",
        "chinook-20261122.sqlite.gz",
        "-20261122T193000Z.sqlite.gz",
        "20261122T193000Z.sqlite.gz",
        ".chinook-20261122T193000Z.sqlite.gz",
        "chinook_20261122T193000Z.sqlite.gz",
        "chinook-20261122T193000.sqlite.gz",
        "chinook-20261122t193000z.sqlite.gz",
        "chinook-2026-11-22T19:30:00Z.sqlite.gz",
        "chinook-20261122T1930Z.sqlite.gz",
        "chinook-+2026122T193000Z.sqlite.gz",
        "chinook- 2026122T193000Z.sqlite.gz",
        "chinook-20261122T193000Z .sqlite.gz",
        "chinook-20261122T193000Z.5.sqlite.gz",
        "chinook-20261122T193000Z_.sqlite.gz",
        "chinook-20261122T193000Z_0.sqlite.gz",
        "chinook-20261122T193000Z_00.sqlite.gz",
        "chinook-20261122T193000Z_01.sqlite.gz",
        "chinook-20261122T193000Z_2.sqlite.gz",
        "chinook-20261122T193000Z_002.sqlite.gz",
        "chinook-20261122T193000Z_+2.sqlite.gz",
        "chinook-20261122T193000Z_02_03.sqlite.gz",
        "chinook-20261122T193000Z_4294967296.sqlite.gz",
        "chinook-20261122T193000Z-02.sqlite.gz",
        "chinook-20261122T193000Z.sqlite",
        "chinook-20261122T193000Z.gz",
        "chinook-20261122T193000Z.sqlite.gz.part",
        "chinook-20261122T193000Z.sqlite.gz~",
        "chinook-20261122T193000Z.sqlite.GZ",
        "chinook-20261122T193000Z.sqlite.xz",
        "chinook-20261122T193000Z.other.gz",
        "chinook-20261122T193000Z.sqlite.sqlite.gz",
        "chinook-20261122T193000Z.sqlite.gz\n",
        "chin ook-20261122T193000Z.sqlite.gz",
        "dir/chinook-20261122T193000Z.sqlite.gz",
        "chinook (1)-20261122T193000Z.sqlite.gz",
    ] {
        assert_eq!(DumpName::parse(file), None, "{file:?}");
    }
}
