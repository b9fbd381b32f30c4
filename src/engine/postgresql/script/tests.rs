//! Tests of [`super::RestrictedScript`].

use super::*;

const DUMP: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict k1\n\nSET lock_timeout = 0;\nSET transaction_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\nCREATE TABLE a ();\nSET transaction_timeout = 0;\n\\unrestrict k2\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k1\n\n";

fn passed(dump: &[u8], restricting: RestrictMode, part: usize) -> io::Result<String> {
    let known = HashSet::from(["lock_timeout".to_owned()]);
    let mut script = RestrictedScript::new(Vec::new(), &known, restricting)?;
    for part in dump.chunks(part) {
        script.write_all(part)?;
    }
    script.flush()?;
    Ok(String::from_utf8(script.into_inner()).unwrap())
}

#[test]
fn a_preamble_without_a_line_end_is_not_held() {
    let known = HashSet::new();
    let mut script = RestrictedScript::new(Vec::new(), &known, RestrictMode::Wholly).unwrap();
    for _ in 0..100 {
        script.write_all(&[b'-'; 10_000]).unwrap();
        assert!(script.held.len() <= LONGEST_PREAMBLE_LINE + 10_000);
    }
    script.flush().unwrap();
    let passed = script.into_inner();
    assert!(passed.ends_with(&vec![b'-'; 1_000_000]));
}

#[test]
fn only_what_is_unknown_is_left_out_and_a_key_of_ours_comes_first() {
    for part in [1, 7, 1000] {
        let expected = DUMP
            .replacen("SET transaction_timeout = 0;\n", "", 1)
            .replace("\\restrict k1\n", "")
            .replace("\\unrestrict k1\n", "");
        let unset = "\\unset DBNAME\n\\unset USER\n\\unset HOST\n\\unset PORT\n";
        let old = passed(DUMP.as_bytes(), RestrictMode::Unknown, part).unwrap();
        assert_eq!(old, format!("{unset}{expected}"));
        let new = passed(DUMP.as_bytes(), RestrictMode::ButBackticks, part).unwrap();
        let rest = new.strip_prefix(unset).unwrap();
        let (first, rest) = rest.split_once('\n').unwrap();
        assert!(
            first.starts_with("\\restrict ") && first.len() == 42,
            "{first}"
        );
        assert_eq!(rest, expected);
    }
}

#[test]
fn a_psql_that_knows_no_restrict_is_told_nothing_of_a_dump_without_it() {
    let long = "-".repeat(2 * LONGEST_PREAMBLE_LINE);
    for text in [
        "",
        "--\n",
        "--\n-- x\n\nSET lock_timeout = 0;\n\\restrict k\n",
        "--\r\\! id\n\\restrict k\n",
        " \\restrict k\n",
        "SELECT pg_catalog.set_config('search_path', '', false) \\! id\n",
        &long,
    ] {
        for part in [1, 1000] {
            let known = HashSet::new();
            let mut script =
                RestrictedScript::new(Vec::new(), &known, RestrictMode::Unknown).unwrap();
            let mut parts = text.as_bytes().chunks(part);
            let fed = parts.try_for_each(|part| script.write_all(part));
            let fed = fed.and_then(|()| script.flush());
            assert!(fed.is_err(), "{text:.40}");
            let told = String::from_utf8(script.into_inner()).unwrap();
            let mut told = told.lines().filter(|line| !line.starts_with("\\unset "));
            assert!(told.all(|line| is_comment(line.as_bytes())), "{text:.40}");
        }
        assert_eq!(find_restrict_line(text), "");
    }
    assert_eq!(
        find_restrict_line("--\n\n\\restrict k\nSET a = 1;\n"),
        "\\restrict k\n"
    );
}

#[test]
fn the_dump_of_an_empty_database_passes_without_its_keys() {
    let dump =
        "--\n\\restrict k1\n\nSET lock_timeout = 0;\n\n--\n-- end\n--\n\n\\unrestrict k1\n\n";
    for part in [1, 1000] {
        let all = passed(dump.as_bytes(), RestrictMode::Wholly, part).unwrap();
        assert!(
            !all.contains("k1") && all.ends_with("-- end\n--\n\n\n"),
            "{all}"
        );
    }
}

#[test]
fn unrestrict_with_backticks_is_refused_but_not_in_data() {
    let long = "x".repeat(100);
    for (text, is_forged) in [
        ("SELECT 1 \\unrestrict `id`\n", true),
        ("\\unrestrict x`id`", true),
        ("\\\\\\unrestrict\x0c`id`\n", true),
        (&*format!("\\unrestrict {long}`id`\n"), true),
        ("\u{e9}\\\\unrestrict `id`\n", true),
        ("a\\\\unrestrict `id`\n", false),
        ("\\unrestrict key\n`id`\n", false),
        ("\\unrestrict key\n\\\\unrestrict `id`\n", false),
    ] {
        for part in [1, 5, 1000] {
            let all = format!("SELECT 1;\n{text}");
            let passed = passed(all.as_bytes(), RestrictMode::ButBackticks, part);
            assert_eq!(passed.is_err(), is_forged, "{text:?} in parts of {part}");
        }
    }
    let zero = b"SELECT 1;\n\\unrest\0\nrict `id`\n";
    assert!(passed(zero, RestrictMode::Wholly, 4).is_err());
}
