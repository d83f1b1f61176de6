use std::{collections::BTreeSet, fs, path::Path};

use super::{record::Fetched, *};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus")
}

#[test]
fn every_description_in_the_folder_is_built_in() {
    let mut there = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = fs::read_to_string(folder().join(&name)).unwrap();
        let (_, built_in) = FILES.iter().find(|(file, _)| *file == name).expect(&name);
        assert_eq!(*built_in, text, "{name}");
        there.insert(name);
    }
    assert_eq!(there, FILES.iter().map(|(file, _)| (*file).to_owned()).collect());
}

#[test]
fn every_built_in_description_is_sound() {
    let mut folders = BTreeSet::new();
    for (file, text) in FILES {
        let known = Description::parse(text, Path::new(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(format!("{}.toml", known.name), file);
        assert!(folders.insert(known.folder.clone()), "{file}: the folder of another corpus");
        for line in [&known.title, &known.licence, &known.citation] {
            assert!(line.len() > 2 && !line.contains('\n'), "{file}: {line:?}");
        }
        assert!(known.source.starts_with("http"), "{file}");
        let classes = known.class_count().expect(file);
        assert!((2..=1_000).contains(&classes), "{file}: {classes} classes");
        let Splits { train, test, .. } = known.splits;
        assert!((1_000..=1_000_000).contains(&train), "{file}: {train} training images");
        // EuroSAT has none.
        assert!((1_000..=1_000_000).contains(&test) || known.name == "eurosat", "{file}: {test} test images");
        for source in &known.files {
            assert!(source.bytes.is_some(), "{file}: {}", source.name);
            for address in &source.addresses {
                assert!(address.ends_with(&format!("/{}", source.name)), "{file}: {address}");
            }
        }
        let needed: u64 = known.contents.iter().map(|content| content.bytes.unwrap_or(1)).sum();
        let archives = known.files.iter().any(|source| source.unpack() != Unpack::None);
        assert!(!archives || known.unpacked_bytes_max.is_some_and(|max| max >= needed), "{file}: unpacked_bytes_max");
    }
    assert_eq!(Description::known().len(), FILES.len());
}

#[test]
fn a_known_corpus_is_found_by_name_and_by_the_name_of_its_file() {
    let cifar10 = Description::named("cifar10").unwrap();
    let name = |source| cifar10.of_source(Some(source)).name.as_str();
    assert_eq!(name("http://mirror/x/cifar-10-python.tar.gz?download=1"), "cifar10-python");
    assert_eq!(name("/python/cifar-10-binary.tar.gz"), "cifar10");
    assert_eq!(name("/python/archive.tar.gz"), "cifar10");
    assert_eq!(Description::named("mnist").unwrap().class_count(), Some(10));
    assert_eq!(Description::named("mnist").unwrap().download_bytes(), Some(11_594_722));
    let error = Description::named("cifar11").unwrap_err().to_string();
    assert!(error.contains("cifar11") && error.contains("fashion-mnist"), "{error}");
}

const GOOD: &str = r#"
name = "mine"
title = "Mine"
layout = "class-folders"
licence = "my own"
classes = ["a", "b"]

[[file]]
addresses = ["https://example.org/mine.zip"]
md5 = "00112233445566778899AABBCCDDEEFF"
"#;

fn parse(text: &str) -> Result<Description, String> {
    Description::parse(text, Path::new("mine.toml")).map_err(|error| error.to_string())
}

#[test]
fn a_short_description_of_ones_own_is_enough() {
    let mine = parse(GOOD).unwrap();
    assert_eq!((mine.folder.as_str(), mine.files[0].name.as_str()), ("mine", "mine.zip"));
    assert_eq!(mine.files[0].digest(), "md5:00112233445566778899aabbccddeeff");
    assert_eq!((mine.files[0].unpack(), mine.class_count(), mine.download_bytes()), (Unpack::Zip, Some(2), None));
}

#[test]
fn a_description_that_will_not_do_is_refused_by_key() {
    let sha = "0".repeat(64);
    for (old, new, parts) in [
        ("title = ", "titel = ", vec!["mine.toml", "line 3", "titel"]),
        ("licence = \"my own\"", "", vec!["licence"]),
        ("licence = \"my own\"", "licence = \" \"", vec!["licence", "one line"]),
        ("name = \"mine\"", "name = \"../mine\"", vec!["name", "../mine"]),
        ("class-folders", "folders", vec!["line 4", "folders", "class-folders", "idx"]),
        ("classes = [\"a\", \"b\"]", "classes = [\"a\", \"a\"]", vec!["classes", "each once"]),
        ("classes = [\"a\", \"b\"]", "class_count = 3\nclasses = [\"a\"]", vec!["class_count", "3"]),
        ("classes = [\"a\", \"b\"]", "folder = \"a/b\"", vec!["folder", "a/b"]),
        ("classes = [\"a\", \"b\"]", "folder = \"..\"", vec!["folder", ".."]),
        ("classes = [\"a\", \"b\"]", "alternatives = [\"other\"]", vec!["alternatives", "other"]),
        ("md5 = \"00", "md5 = \"0", vec!["file 1 (mine.zip): md5", "32 hexadecimal digits"]),
        ("md5 = \"00", "md5 = \"0g", vec!["file 1 (mine.zip): md5", "0g11"]),
        ("md5 = \"00112233445566778899AABBCCDDEEFF\"", "", vec!["file 1 (mine.zip): sha256", "no digest", "sha256sum"]),
        ("md5 = ", &format!("sha256 = \"{}\"\nmd5 = ", &sha[1..]), vec!["sha256", "64 hexadecimal digits"]),
        ("md5 = ", "adress = \"x\"\nmd5 = ", vec!["adress"]),
        ("md5 = ", "bytes = 0\nmd5 = ", vec!["bytes", "at least 1"]),
        ("md5 = ", "bytes = -4\nmd5 = ", vec!["line 10"]),
        ("md5 = ", "unpack = \"rar\"\nmd5 = ", vec!["rar", "zip"]),
        ("md5 = ", "strip = \"../up\"\nmd5 = ", vec!["strip", "../up"]),
        ("md5 = ", "name = \"a/mine.zip\"\nmd5 = ", vec!["name", "a/mine.zip"]),
        ("md5 = ", "name = \"corpus.toml\"\nmd5 = ", vec!["name", "corpus.toml"]),
        ("https://example.org/mine.zip", "ftp://example.org/mine.zip", vec!["addresses", "ftp://", "--from"]),
        ("https://example.org/mine.zip", "https:///mine.zip", vec!["addresses", "https:///"]),
        ("[\"https://example.org/mine.zip\"]", "[]", vec!["addresses", "at least one"]),
        ("[[file]]", "[[contents]]\npath = \"../x\"\n\n[[file]]", vec!["contents", "../x"]),
        ("[[file]]", "[[contents]]\npath = \"/x\"\n\n[[file]]", vec!["contents", "/x"]),
        ("[[file]]", "[splits]\ntrain = 1\ntrial = 2\n\n[[file]]", vec!["trial", "train"]),
        ("md5 = ", "optional = true\nmd5 = ", vec!["file", "optional"]),
    ] {
        let error = parse(&GOOD.replacen(old, new, 1)).unwrap_err();
        for part in &parts {
            assert!(error.contains(part), "{old} -> {new}: {part:?} is not in {error:?}");
        }
    }
    let twice = [GOOD, &GOOD[GOOD.find("[[file]]").unwrap()..]].concat();
    let error = parse(&twice).unwrap_err();
    assert!(error.contains("file 2 (mine.zip)") && error.contains("another name"), "{error}");
}

#[test]
fn the_record_beside_the_data_reads_back() {
    let there = tempfile::tempdir().unwrap();
    assert_eq!(Record::read(there.path()).unwrap(), None);
    let fetched = Fetched { files: 2, bytes: 10, from: [("mine.zip".to_owned(), "md5:00".to_owned())].into() };
    for known in Description::known() {
        let record = Record::new(known, fetched.clone());
        record.write(there.path()).unwrap();
        assert_eq!(Record::read(there.path()).unwrap(), Some(record), "{}", known.name);
    }
    let path = there.path().join(RECORD);
    fs::write(&path, "name = \"mine\"\nlayout = \"idx\"\nclasses = [\"0\", \"1\"]\n").unwrap();
    let record = Record::read(there.path()).unwrap().unwrap();
    assert_eq!((record.layout, record.classes.len(), record.fetched), (Some(KnownLayout::Idx), 2, None));
    for (text, expected) in [
        ("name = \"mine\"\nlayout = \"idx\"\nclases = []\n", "clases"),
        ("name = \"mine\"\nlayout = \"idy\"\n", "idy"),
        ("format = 2\nname = \"mine\"\nlayout = \"idx\"\n", "found 2"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Record::read(there.path()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(RECORD), "{error}");
    }
}

/// The row of one corpus in the table of `docs/corpora.md`.
fn row(known: &Description) -> String {
    let count = |images: u64| {
        let digits = images.to_string();
        let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
        groups.collect::<Vec<_>>().join(",")
    };
    let size = |bytes: u64| match bytes as f64 / f64::from(1 << 20) {
        mib if mib < 1_000.0 => format!("{mib:.0} MiB"),
        mib => format!("{:.1} GiB", mib / 1_024.0),
    };
    let Splits { train, test, val, .. } = known.splits;
    let train = count(train) + &if val > 0 { format!(", and {} for validation", count(val)) } else { String::new() };
    let test = if test > 0 { count(test) } else { "none of its own".to_owned() };
    let mut classes = known.class_count().unwrap().to_string();
    if known.name.starts_with("cifar100") {
        classes += " in 20";
    }
    let mut download = vec![size(known.download_bytes().unwrap())];
    for optional in known.files.iter().filter(|file| file.optional) {
        download.push(format!("`--with {}` {} more", optional.name, size(optional.bytes.unwrap())));
    }
    let download = download.join("; ");
    format!("| `{}` | `{}` | {train} | {test} | {classes} | {download} |", known.name, known.folder)
}

#[test]
fn the_documentation_lists_every_known_corpus_as_its_description_has_it() {
    let docs = fs::read_to_string(folder().join("../docs/corpora.md")).unwrap();
    let (_, section) = docs.split_once("## Known corpora").unwrap();
    let table = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let found: Vec<&str> = table.take_while(|line| line.starts_with('|')).collect();
    assert_eq!(found, Description::known().iter().map(row).collect::<Vec<_>>());
}
