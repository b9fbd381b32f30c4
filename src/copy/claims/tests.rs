use super::*;

/// With one identity, which is its first letter.
fn claim(directory: &str, owner: u32, identity: &str, folder: Option<&str>) -> Claim {
    Claim {
        directory: directory.into(),
        owner,
        identities: vec![identity.to_owned()],
        folder: folder.map(|folder| Folder::parse(&format!("web/{folder}")).unwrap()),
    }
}

fn choose_for(present: &[Claim], recorded: &[Claim]) -> Vec<String> {
    let plain = Folder::parse("web/app").unwrap();
    let chosen = choose(&plain, present, recorded);
    chosen
        .into_iter()
        .map(|folder| folder.map_or("none".to_owned(), |folder| folder.name()))
        .collect()
}

#[test]
fn a_folder_has_one_database_and_stays() {
    let one = |folder| claim("/dumps/one", 1, "a", folder);
    let two = |folder| claim("/dumps/two", 1, "b", folder);
    assert_eq!(choose_for(&[one(None)], &[]), ["app"]);
    // The first keeps it, also where only the second is copied, and in any order.
    let first = [one(Some("app"))];
    assert_eq!(
        choose_for(&[one(None), two(None)], &first),
        ["app", "app@two"]
    );
    assert_eq!(
        choose_for(&[two(None), one(None)], &first),
        ["app@two", "app"]
    );
    assert_eq!(choose_for(&[two(None)], &first), ["app@two"]);
    let both = [one(Some("app")), two(Some("app@two"))];
    assert_eq!(choose_for(&[two(None)], &both), ["app@two"]);
    // Of two at once, none is the first.
    assert_eq!(
        choose_for(&[one(None), two(None)], &[]),
        ["app@one", "app@two"]
    );
    // Its database became another one.
    assert_eq!(
        choose_for(&[claim("/dumps/two", 1, "c", None)], &both),
        ["app@two"]
    );
}

#[test]
fn directories_of_one_database_and_owner_share_a_folder() {
    let recorded = [
        claim("/dumps/one", 1, "a", Some("app")),
        claim("/dumps/two", 1, "b", Some("app@two")),
    ];
    let moved = |owner, identity| claim("/new", owner, identity, None);
    assert_eq!(choose_for(&[moved(1, "b")], &recorded), ["app@two"]);
    assert_eq!(
        choose_for(&[moved(1, "a"), moved(1, "a")], &[]),
        ["app", "app"]
    );
    // Anybody can say that a dump is of this database.
    assert_eq!(choose_for(&[moved(2, "b")], &recorded), ["app@new"]);
    let nobody = [claim("/dumps/one", NOBODY, "a", Some("app"))];
    assert_eq!(choose_for(&[moved(NOBODY, "a")], &nobody), ["app@new"]);
}

#[test]
fn a_directory_that_was_given_away_loses_its_folder() {
    let recorded = [
        claim("/dumps/one", 1, "a", Some("app")),
        claim("/dumps/two", 1, "a", Some("app")),
    ];
    let given = claim("/dumps/two", 2, "a", None);
    let given = [given];
    assert_eq!(choose_for(&given, &recorded), ["app@two"]);
    assert_eq!(choose_for(&given, &recorded[1..]), ["app@two"]);
    let given_to_root = [claim("/dumps/two", 0, "a", None)];
    assert_eq!(choose_for(&given_to_root, &recorded), ["app@two"]);
    assert_eq!(choose_for(&given_to_root, &recorded[1..]), ["app"]);
}

#[test]
fn a_longer_part_of_the_path_names_what_has_the_same_last_component() {
    let at = |path, owner| claim(path, owner, path, None);
    let two = [at("/srv/a/dump", 1), at("/srv/b/dump", 2)];
    assert_eq!(choose_for(&two, &[]), ["app@a%2Fdump", "app@b%2Fdump"]);
    let first = [claim("/srv/a/dump", 1, "a", Some("app@dump"))];
    assert_eq!(choose_for(&[at("/srv/b/dump", 2)], &first), ["app"]);
    let plain = claim("/elsewhere", 1, "b", Some("app"));
    let both = [first[0].clone(), plain];
    assert_eq!(choose_for(&[at("/srv/b/dump", 2)], &both), ["app@b%2Fdump"]);
    // A long name is a hash, and a root has one as well.
    let long = format!("/{}", "x".repeat(200));
    let label = make_label(Path::new(&long), 1).unwrap();
    assert_eq!(label.as_str().len(), 16);
    assert!(make_label(Path::new("/"), 1).is_some());
    // Where all are taken, there is none.
    let taken: Vec<_> = [None, Some("@y"), Some("@x%2Fy")]
        .into_iter()
        .enumerate()
        .map(|(number, label)| {
            let folder = format!("app{}", label.unwrap_or_default());
            claim(&format!("/{number}"), 1, "a", Some(&folder))
        })
        .collect();
    assert_eq!(choose_for(&[at("/x/y", 2)], &taken), ["none"]);
}
