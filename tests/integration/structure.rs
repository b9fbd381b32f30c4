//! The structure of the source: engines know nothing of a run, no files import each other in a
//! circle, and every guarantee has tests.
//!
//! These tests read the paths that the files of `src/` name. The declaration of a module is not an
//! import.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, ItemMod, ItemUse, Macro, Token, UseTree, Visibility};

/// For each module, as its path below the crate, the modules that it imports.
type Imports = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

#[test]
fn engines_know_nothing_of_a_run() {
    const RUN: [&str; 16] = [
        "cli",
        "copy",
        "directory",
        "drill",
        "dump",
        "list",
        "metrics",
        "readback",
        "restore",
        "rotate",
        "series",
        "state",
        "status",
        "store",
        "survey",
        "verify",
    ];
    for (module, imported) in imports() {
        if module.first().is_some_and(|first| first == "engine") {
            let run = imported.iter().find(|path| RUN.contains(&path[0].as_str()));
            assert_eq!(run, None, "{} imports it", module.join("::"));
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let all = imports();
    let mut done = BTreeSet::new();
    for module in all.keys() {
        if let Some(circle) = circle(module, &all, &mut Vec::new(), &mut done) {
            let files: Vec<_> = circle.iter().map(|module| module.join("/")).collect();
            panic!("these files import each other: {}", files.join(" -> "));
        }
    }
}

/// Returns the first circle that can be reached from `module`; its first module is repeated at the
/// end. The modules in `done` reach no circle.
fn circle(
    module: &Vec<String>,
    all: &Imports,
    path: &mut Vec<Vec<String>>,
    done: &mut BTreeSet<Vec<String>>,
) -> Option<Vec<Vec<String>>> {
    if done.contains(module) {
        return None;
    }
    if let Some(start) = path.iter().position(|before| before == module) {
        return Some([&path[start..], std::slice::from_ref(module)].concat());
    }
    path.push(module.clone());
    for imported in all.get(module).into_iter().flatten() {
        if let Some(circle) = circle(imported, all, path, done) {
            return Some(circle);
        }
    }
    path.pop();
    done.insert(module.clone());
    None
}

/// Without `#[ignore]` these tests would make `cargo test` fail on a machine without a server.
#[test]
fn tests_of_servers_are_left_out_of_a_plain_cargo_test() {
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/servers");
    let mut files = BTreeMap::new();
    for (engine, server) in [
        ("mysql", "MariaDB"),
        ("postgresql", "PostgreSQL"),
        ("redis", "Redis"),
    ] {
        read(&servers.join(engine), &[], &mut files);
        for (module, text) in std::mem::take(&mut files) {
            let items = syn::parse_file(&text).unwrap().items;
            for item in items {
                let syn::Item::Fn(function) = item else {
                    continue;
                };
                let has = |name: &str| {
                    let mut attributes = function.attrs.iter();
                    attributes.any(|attribute| attribute.path().is_ident(name))
                };
                assert!(
                    !has("test") || has("ignore"),
                    "{engine}/{}: {} lacks #[ignore = \"needs {server}\"]",
                    module.join("/"),
                    function.sig.ident
                );
            }
        }
    }
}

#[test]
fn every_guarantee_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let table = text.split("## Guarantees").nth(1).unwrap();
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    for (row, number) in rows.iter().zip(1..) {
        assert!(row.starts_with(&format!("| {number}. ")), "{row}");
        let mut named = 0;
        for name in row.split('`').skip(1).step_by(2) {
            let path = match name.strip_suffix("::") {
                Some(module) => format!("tests/integration/{}.rs", module.replace("::", "/")),
                None => name.to_owned(),
            };
            assert!(root.join(&path).exists(), "{path}, which {row} names");
            named += 1;
        }
        assert!(named > 0, "{row} names no test");
    }
    assert_eq!(rows.len(), 11, "one row for each guarantee");
}

#[test]
fn every_situation_of_the_page_on_reliability_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    for (title, least) in [
        ("What administrators report", 100),
        ("The faults of copies", 30),
    ] {
        let section = text.split(&format!("## {title}")).nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_suffix(" |"));
        let tests: Vec<_> = rows
            .filter_map(|row| row.rsplit_once(" | "))
            .filter_map(|(_, test)| test.strip_prefix('`')?.strip_suffix('`'))
            .collect();
        assert!(tests.len() > least, "{title}: {}", tests.len());
        for test in tests {
            let (module, name) = test.rsplit_once("::").unwrap();
            let path = format!("{}.rs", module.replace("::", "/"));
            let places = ["tests/integration", "tests"].map(|place| root.join(place).join(&path));
            let found = places.iter().find_map(|path| fs::read_to_string(path).ok());
            let text = found.unwrap_or_else(|| panic!("no file of {test}"));
            assert!(text.contains(&format!("fn {name}()")), "no test {test}");
        }
    }
}

/// Returns the imports of every module except tests.
fn imports() -> Imports {
    let mut files = BTreeMap::new();
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    read(root, &[], &mut files);
    assert!(files.len() > 50, "the source was found");
    let imported = |module: &Vec<String>, text: &String| {
        let mut paths = Paths::default();
        paths.visit_file(&syn::parse_file(text).unwrap());
        let targets = paths
            .0
            .into_iter()
            .filter_map(|path| resolve(module, &path, &files));
        targets.filter(|target| target != module).collect()
    };
    let modules = files.iter();
    modules
        .map(|(module, text)| (module.clone(), imported(module, text)))
        .collect()
}

/// Reads the files below a directory. `main.rs` and `lib.rs` are not modules that others import.
fn read(directory: &Path, module: &[String], files: &mut BTreeMap<Vec<String>, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mut module = module.to_vec();
        module.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        if path.is_dir() {
            read(&path, &module, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !["main", "lib"].contains(&module.last().unwrap().as_str())
            && !module.contains(&"tests".to_owned())
        {
            files.insert(module, fs::read_to_string(&path).unwrap());
        }
    }
}

/// The paths that a file names, in `use` lines and elsewhere, except in tests.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !item
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("cfg"))
        {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter();
        self.0
            .push(names.map(|name| name.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    /// The module in which an item is visible is not an import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    /// The arguments of most macros are expressions.
    fn visit_macro(&mut self, invocation: &'ast Macro) {
        let arguments = invocation.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        for argument in arguments.into_iter().flatten() {
            let mut inside = Paths::default();
            inside.visit_expr(&argument);
            self.0.extend(inside.0);
        }
    }
}

impl Paths {
    /// Adds each path that a tree of imports, such as `a::{b, c::{d, e}}`, names.
    fn import(&mut self, tree: &UseTree, front: &[String]) {
        let with = |name: &syn::Ident| [front, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident)),
            UseTree::Name(name) => self.0.push(with(&name.ident)),
            UseTree::Rename(name) => self.0.push(with(&name.ident)),
            UseTree::Glob(_) => self.0.push(front.to_vec()),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, front);
                }
            }
        }
    }
}

/// Returns the module of this crate that a path leads to.
fn resolve(
    module: &[String],
    path: &[String],
    files: &BTreeMap<Vec<String>, String>,
) -> Option<Vec<String>> {
    let mut rest = path;
    let mut target = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "super" | "self" => module.to_vec(),
        name => {
            let child = [module, &[name.to_owned()]].concat();
            files.contains_key(&child).then(|| module.to_vec())?
        }
    };
    while let Some(first) = rest.first() {
        match first.as_str() {
            "crate" | "self" => {}
            "super" => {
                target.pop();
            }
            _ => break,
        }
        rest = &rest[1..];
    }
    for part in rest {
        target.push(part.clone());
        if !files.contains_key(&target) {
            target.pop();
            break;
        }
    }
    files.contains_key(&target).then_some(target)
}
