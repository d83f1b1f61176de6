use super::*;

#[test]
fn the_fingerprint_follows_names_sizes_and_times() {
    let folder = tempfile::tempdir().unwrap();
    let print = || Tree::list(folder.path()).unwrap().fingerprint();
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    fs::write(folder.path().join("a/b/1.png"), b"one").unwrap();
    let first = print();
    assert_eq!(first, print());
    fs::write(folder.path().join(".hidden"), b"x").unwrap();
    assert_eq!(first, print());
    fs::write(folder.path().join("a/b/2.png"), b"two").unwrap();
    let second = print();
    assert_ne!(first, second);
    let file = fs::File::options().write(true).open(folder.path().join("a/b/2.png")).unwrap();
    file.set_modified(UNIX_EPOCH + std::time::Duration::from_secs(5)).unwrap();
    let third = print();
    assert_ne!(second, third);
    fs::rename(folder.path().join("a/b/2.png"), folder.path().join("a/2.png")).unwrap();
    assert_ne!(third, print());
    // A run that is being trained inside of the corpus changes nothing.
    let before = print();
    fs::create_dir_all(folder.path().join("run1/snapshots")).unwrap();
    fs::write(folder.path().join("run1/run.toml"), b"").unwrap();
    fs::write(folder.path().join("run1/snapshots/1.safetensors"), b"x").unwrap();
    assert_eq!(before, print());
    let tree = Tree::list(folder.path()).unwrap();
    assert!(tree.top.folder("run1").unwrap().is_own);
}

#[cfg(unix)]
#[test]
fn circular_links_end_and_missing_targets_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("a/again")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("a/broken.png")).unwrap();
    let tree = Tree::list(folder.path()).unwrap();
    let a = tree.top.folder("a").unwrap();
    assert_eq!(a.file("broken.png").unwrap().bytes, 0);
    assert!(a.folder("again").unwrap().problem.as_deref().unwrap().contains("link"));
    assert!(matches!(Tree::list(&folder.path().join("b")), Err(Error::Missing { .. })));
    let file = folder.path().join("x.tar");
    fs::write(&file, b"tar").unwrap();
    let tree = Tree::list(&file).unwrap();
    assert!(tree.is_file && tree.top.files.len() == 1);
}
