//! The unit files of systemd, and the units that systemd starts by itself: those that a `.wants` or
//! `.requires` directory links, as `systemctl enable` does, and those that these start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::socket::read;

/// Where systemd reads units. The first file of a name counts.
const PLACES: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The unit files of a machine.
#[derive(Debug, Default)]
pub(super) struct UnitFiles {
    /// The text of each service and timer, by its name.
    pub(super) texts: BTreeMap<String, String>,
    /// The names in `.wants` and `.requires` directories.
    linked: BTreeSet<String>,
}

impl UnitFiles {
    /// Reads the unit files of this machine.
    pub(super) fn read() -> Self {
        let mut files = UnitFiles::default();
        for place in PLACES {
            for entry in fs::read_dir(place).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let (_, kind) = name.rsplit_once('.').unwrap_or_default();
                if matches!(kind, "wants" | "requires") {
                    let links = fs::read_dir(entry.path()).into_iter().flatten().flatten();
                    let links = links.map(|link| link.file_name().to_string_lossy().into_owned());
                    files.linked.extend(links);
                } else if matches!(kind, "service" | "timer") {
                    let text = || String::from_utf8_lossy(&read(&entry.path())).into_owned();
                    let text = || text().replace("\\\n", " ");
                    files.texts.entry(name).or_insert_with(text);
                }
            }
        }
        files
    }

    /// Returns the names of the units that systemd starts by itself.
    pub(super) fn list_enabled(&self) -> BTreeSet<String> {
        let mut enabled = BTreeSet::new();
        let mut queue: Vec<String> = self.linked.iter().cloned().collect();
        while let Some(name) = queue.pop() {
            if !enabled.contains(&name) {
                queue.extend(self.list_started_by(&name));
                enabled.insert(name);
            }
        }
        enabled
    }

    /// Returns the names of the units that a unit starts.
    fn list_started_by(&self, name: &str) -> Vec<String> {
        let template = || {
            let (prefix, instance) = name.split_once('@')?;
            let (_, suffix) = instance.rsplit_once('.')?;
            self.texts.get(&format!("{prefix}@.{suffix}"))
        };
        let text = self.texts.get(name).or_else(template);
        let mut started = Vec::new();
        let mut triggered = name
            .strip_suffix(".timer")
            .map(|it| format!("{it}.service"));
        for line in text.into_iter().flat_map(|text| text.lines()) {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            match key.trim() {
                "Wants" | "Requires" | "BindsTo" => {
                    started.extend(value.split_ascii_whitespace().map(str::to_owned));
                }
                "Unit" if triggered.is_some() => triggered = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        started.extend(triggered);
        started
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_enabled_if_a_link_leads_to_it() {
        let file = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
        let texts = [
            ("round.timer", "[Timer]\nOnCalendar=daily\n"),
            (
                "round.service",
                "[Unit]\nWants=dump-a.service dump-b.service\n",
            ),
            ("other.timer", "[Timer]\nUnit=dump-c.service\n"),
            ("dump@.timer", "[Timer]\nOnCalendar=daily\n"),
            ("idle.timer", "[Timer]\nOnCalendar=daily\n"),
            ("idle.service", "[Unit]\nWants=dump-d.service\n"),
        ];
        let linked = ["round.timer", "other.timer", "dump@shop.timer"];
        let files = UnitFiles {
            texts: texts.map(file).into(),
            linked: linked.map(str::to_owned).into(),
        };
        let enabled = files.list_enabled();
        for name in [
            "dump-a.service",
            "dump-b.service",
            "dump-c.service",
            "dump@shop.service",
        ] {
            assert!(enabled.contains(name), "{name}: {enabled:?}");
        }
        for name in ["dump-d.service", "idle.service", "other.service"] {
            assert!(!enabled.contains(name), "{name}: {enabled:?}");
        }
    }
}
