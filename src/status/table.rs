//! Status, for people.

use std::io::{self, IsTerminal, Write};

use jiff::{SignedDuration, Timestamp};

use super::row::DatabaseStatus;
use crate::human::{self, escape};
use crate::state::DrillRecord;

/// The bars of a chart, lowest first.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Dumps in a chart.
const CHARTED: usize = 12;

const HEADS: [&str; 8] = [
    "database",
    "newest",
    "size",
    "change",
    "kept",
    "reach",
    "last run",
    "last drill",
];

/// A line a database; on a terminal with a chart of the recent sizes.
pub(super) fn print(
    out: &mut impl Write,
    rows: &[DatabaseStatus],
    now: Timestamp,
) -> io::Result<()> {
    let charted = io::stdout().is_terminal();
    let mut lines: Vec<Vec<String>> = vec![HEADS.map(str::to_owned).into()];
    lines.extend(rows.iter().map(|row| write_cells(row, now).into()));
    if rows.iter().any(|row| row.directory != rows[0].directory) {
        let directories = rows
            .iter()
            .map(|row| escape(&row.directory.to_string_lossy()));
        let directories = std::iter::once("directory".to_owned()).chain(directories);
        for (line, directory) in lines.iter_mut().zip(directories) {
            line.push(directory);
        }
    }
    if charted {
        let charts = rows.iter().map(|row| draw_chart(&row.sizes));
        let charts = std::iter::once("sizes".to_owned()).chain(charts);
        for (line, chart) in lines.iter_mut().zip(charts) {
            line.push(chart);
        }
    }
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let remarks =
        std::iter::once(String::new()).chain(rows.iter().map(|row| write_remark(row, now)));
    for (line, write_remark) in lines.iter().zip(remarks) {
        let mut text = format!("{:1$}", line[0], widths[0]);
        for (cell, width) in line.iter().zip(&widths).skip(1) {
            text.extend(["  ", &format!("{cell:>width$}")]);
        }
        text.push_str("  ");
        text.push_str(&write_remark);
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

/// What is wrong, and what is not but should be known.
fn write_remark(row: &DatabaseStatus, now: Timestamp) -> String {
    let shrunk = row.shrunk_since.map(|time| {
        let time = time.strftime("%Y-%m-%d %H:%M:%SZ");
        format!("shrank to less than half since {time}")
    });
    let lacks = (!row.left_out.is_nothing()).then(|| row.left_out.to_string());
    let all = row.problem.clone().into_iter().chain(shrunk).chain(lacks);
    #[cfg(feature = "copies")]
    let all = all.chain(super::copies::write_remark(&row.copies, now).map(|text| escape(&text)));
    #[cfg(not(feature = "copies"))]
    let _ = now;
    all.collect::<Vec<_>>().join("; ")
}

fn write_cells(row: &DatabaseStatus, now: Timestamp) -> [String; HEADS.len()] {
    let age = |time: Timestamp| human::format_age(now.duration_since(time));
    let newest = match (row.newest, row.fresh) {
        (Some(newest), Some(fresh)) if fresh > newest => format!("{} (same)", age(fresh)),
        (Some(newest), _) => age(newest),
        (None, _) => "never".to_owned(),
    };
    let reach = row.reach_seconds.map(SignedDuration::from_secs);
    let attempt = row.attempt.as_ref().map(|attempt| match attempt.error {
        None => attempt.seconds.map_or("ok".to_owned(), format_seconds),
        Some(_) => format!("FAILED {}", age(attempt.time)),
    });
    let drill = row
        .drill
        .as_ref()
        .map(|drill: &DrillRecord| match drill.error {
            None if drill.not_provable.is_some() => format!("not provable, {}", age(drill.time)),
            None => format!("{}, {}", age(drill.time), format_seconds(drill.seconds)),
            Some(_) => format!("FAILED {}", age(drill.time)),
        });
    [
        human::escape(&row.database),
        newest,
        row.bytes.map(human::format_bytes).unwrap_or_default(),
        change(row.bytes, row.bytes_before).unwrap_or_default(),
        row.kept.to_string(),
        reach.map(human::format_age).unwrap_or_default(),
        attempt.unwrap_or_default(),
        drill.unwrap_or_else(|| "never".to_owned()),
    ]
}

fn format_seconds(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    human::format_age(SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX))
}

/// `+3 %`: how the newest dump's size differs from the one's before.
fn change(bytes: Option<u64>, before: Option<u64>) -> Option<String> {
    let (bytes, before) = (bytes? as f64, before? as f64);
    let percent = (100.0 * (bytes - before) / before).round();
    // Otherwise a little less is "-0 %".
    let percent = if percent == 0.0 { 0.0 } else { percent };
    (before > 0.0).then(|| format!("{percent:+.0} %"))
}

/// A bar for each of the newest sizes, the largest a whole one.
fn draw_chart(sizes: &[u64]) -> String {
    let newest = &sizes[sizes.len().saturating_sub(CHARTED)..];
    let largest = newest.iter().copied().max().unwrap_or_default().max(1);
    let bar = |size: u64| {
        let highest = BARS.len() - 1;
        let step = u128::from(size) * highest as u128 / u128::from(largest);
        BARS[usize::try_from(step).unwrap_or(highest)]
    };
    newest.iter().map(|size| bar(*size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_dump() {
        assert_eq!(draw_chart(&[]), "");
        assert_eq!(draw_chart(&[0, 0]), "▁▁");
        assert_eq!(draw_chart(&[1, 50, 100, u64::MAX / 2]), "▁▁▁█");
        assert_eq!(draw_chart(&[100, 50, 0]), "█▄▁");
        assert_eq!(draw_chart(&[7; 100]).chars().count(), CHARTED);
    }
}
