//! Tests of the order, the limit and the giving back of ranges.

use super::*;

const STOP: Duration = Duration::from_mins(1);

/// Returns the ranges of tables with so many pages. The first ranges have one page.
fn ranges(pages: &[u64], sessions: usize) -> Ranges {
    let table = |(number, pages): (usize, &u64)| {
        let table = serde_json::json!({
            "known_as": "t", "schema": "public", "name": format!("t{number}"), "owner": "o",
            "qualified": "public.t", "columns": "a", "pages": pages, "bytes": pages * 8192,
        });
        serde_json::from_value(table).unwrap()
    };
    let tables: Vec<LargeTable> = pages.iter().enumerate().map(table).collect();
    let ranges = Ranges::new(&tables, sessions, 8192);
    (0..sessions).for_each(|_| ranges.report_opened(Ok(())));
    ranges.begin();
    ranges
}

fn piece(ranges: &Ranges, text: &str) -> RowsPiece {
    let mut piece = ranges.take_piece();
    piece.read_from(&mut text.as_bytes()).unwrap();
    piece
}

/// Returns the rows of a range, three of each page.
fn rows(range: PageRange, pages: &[u64]) -> Vec<String> {
    let to = range.to.unwrap_or(pages[range.table]);
    let of_page = |page| [1, 2, 3].map(|row| format!("{} {page} {row}\n", range.table));
    (range.from..to).flat_map(of_page).collect()
}

fn written(ranges: &Ranges, tables: usize) -> String {
    let mut all = Vec::new();
    for table in 0..tables {
        ranges
            .write(table, &mut all, Stop::with_limit(STOP))
            .unwrap();
    }
    String::from_utf8(all).unwrap()
}

fn expected(pages: &[u64]) -> String {
    let whole = (0..pages.len()).map(|table| PageRange {
        table,
        from: 0,
        to: None,
    });
    whole.flat_map(|range| rows(range, pages)).collect()
}

#[test]
fn many_sessions_give_the_rows_in_order_within_the_limit() {
    let pages = [300, 1, 70];
    let ranges = ranges(&pages, 8);
    let text = std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(range) = ranges.take() {
                    for text in rows(range, &pages) {
                        let piece = piece(&ranges, &text);
                        let given = ranges.give(range, piece, Stop::with_limit(STOP));
                        assert_eq!(given.unwrap(), Given::Taken);
                        assert!(ranges.lock().waiting <= WAITING + RESERVE);
                    }
                    ranges.end(range);
                }
            });
        }
        written(&ranges, pages.len())
    });
    assert_eq!(text, expected(&pages));
}

#[test]
fn a_session_that_waits_gives_its_range_back_if_the_first_waits_for_a_lock() {
    let pages = [2];
    let ranges = ranges(&pages, 2);
    let (first, second) = (ranges.take().unwrap(), ranges.take().unwrap());
    for _ in 0..WAITING {
        let given = ranges.give(second, piece(&ranges, "lost\n"), Stop::with_limit(STOP));
        assert_eq!(given.unwrap(), Given::Taken);
    }
    ranges.wait_for_lock(first, true);
    let given = ranges.give(second, piece(&ranges, "lost\n"), Stop::with_limit(STOP));
    assert_eq!(given.unwrap(), Given::ReadAgain);
    assert_eq!(ranges.lock().waiting, 0);
    assert_eq!(ranges.take(), Some(second));
    for range in [first, second] {
        for text in rows(range, &pages) {
            let given = ranges.give(range, piece(&ranges, &text), Stop::with_limit(STOP));
            assert_eq!(given.unwrap(), Given::Taken);
        }
        ranges.end(range);
    }
    assert_eq!(ranges.take(), None);
    assert_eq!(written(&ranges, 1), expected(&pages));
}

#[test]
fn after_an_error_nothing_waits() {
    let ranges = ranges(&[9], 1);
    let range = ranges.take().unwrap();
    ranges.fail(anyhow!("gone"));
    let given = ranges.give(range, piece(&ranges, "a\n"), Stop::with_limit(STOP));
    assert_eq!(given.unwrap(), Given::Closed);
    assert_eq!(ranges.take(), None);
    let error = ranges.write(0, &mut Vec::new(), Stop::with_limit(STOP));
    assert_eq!(error.unwrap_err().to_string(), "gone");
}
