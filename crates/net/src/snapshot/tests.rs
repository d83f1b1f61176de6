use super::*;
use ndarray::IxDyn;
use proptest::prelude::*;

fn snapshot(seed: u64, with_mean: bool) -> Snapshot {
    let stream = crate::random::Stream::new(seed, &[]);
    let array = |first: u64, shape: &[usize]| {
        let count = shape.iter().product::<usize>() as u64;
        let values = (0..count).map(|index| stream.normal(first + index) as f32);
        ArrayD::from_shape_vec(IxDyn(shape), values.collect()).unwrap()
    };
    let entries = |first| {
        Parameters::new(vec![
            ("conv1.weight".into(), array(first, &[2, 3, 2, 2])),
            ("conv1.bias".into(), array(first + 100, &[2])),
        ])
    };
    let mean = Array3::from_shape_fn((3, 2, 2), |(c, y, x)| (c * 4 + y * 2 + x) as f32);
    Snapshot {
        step: Step(seed % 1000),
        epoch: seed as f64 / 391.0,
        images_seen: seed * 128,
        hash: String::new(),
        parameters: entries(0),
        mean: with_mean.then_some(mean),
        std: (with_mean && seed.is_multiple_of(2)).then(|| ndarray::arr1(&[58.5, 57.25, 61.0])),
        optimizer: entries(1000),
    }
    .sealed()
}

fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("000001.safetensors");
    (folder, path)
}

fn message(path: &Path) -> String {
    Snapshot::read(path).unwrap_err().to_string()
}

#[test]
fn the_file_is_one_that_safetensors_readers_take() {
    let (_folder, path) = file();
    let snapshot = snapshot(7, true);
    snapshot.write(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weight = read.tensor("conv1.weight").unwrap();
    assert_eq!(weight.shape(), [2, 3, 2, 2]);
    let first = f32::from_le_bytes(weight.data()[..4].try_into().unwrap());
    assert_eq!(Some(&first), snapshot.parameters.get("conv1.weight").unwrap().first());
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = metadata.metadata().clone().unwrap();
    assert_eq!(metadata["step"], "7");
    assert_eq!(metadata["hash"], snapshot.hash);
    assert_eq!(read.tensor("optimizer.conv1.bias").unwrap().shape(), [2]);
    assert_eq!(read.tensor("data.mean").unwrap().shape(), [3, 2, 2]);
}

#[test]
fn a_newer_format_is_named_as_such() {
    let (_folder, path) = file();
    snapshot(7, true).write(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(12).position(|w| w == b"\"format\":\"1\"").unwrap();
    let mut newer = bytes;
    newer[place + 10] = b'9';
    std::fs::write(&path, newer).unwrap();
    let error = Snapshot::read(&path).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 9, .. }), "{error}");
}

#[test]
fn other_files_are_no_snapshots() {
    let (_folder, path) = file();
    for content in [&b""[..], b"short", b"a text that is much longer than eight bytes"] {
        std::fs::write(&path, content).unwrap();
        let text = message(&path);
        assert!(text.contains("cut short") || text.contains("not a safetensors"), "{text}");
    }
}

#[test]
fn writing_to_a_missing_folder_names_it() {
    let path = Path::new("/nonexistent/folder/1.safetensors");
    let error = snapshot(1, false).write(path).unwrap_err().to_string();
    assert!(error.contains("cannot write the snapshot /nonexistent/folder"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_reads_back(seed in 0_u64..100_000, with_mean: bool) {
        let (_folder, path) = file();
        let snapshot = snapshot(seed, with_mean);
        snapshot.write(&path).unwrap();
        prop_assert_eq!(&Snapshot::read(&path).unwrap(), &snapshot);
        let again = path.with_file_name("again.safetensors");
        snapshot.write(&again).unwrap();
        prop_assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&again).unwrap());
        prop_assert_eq!(Header::scan(&path).unwrap().header, snapshot.header());
    }

    #[test]
    fn a_truncated_file_is_reported_as_truncated(cut in 0.0..1.0_f64) {
        let (_folder, path) = file();
        snapshot(3, true).write(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..(cut * bytes.len() as f64) as usize]).unwrap();
        prop_assert!(message(&path).contains("cut short"), "{}", message(&path));
        prop_assert!(Header::scan(&path).is_err());
    }

    #[test]
    fn any_flipped_bit_is_found(place in 0.0..1.0_f64, bit in 0..8_u32) {
        let (_folder, path) = file();
        snapshot(3, true).write(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let index = (place * bytes.len() as f64) as usize;
        bytes[index] ^= 1 << bit;
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(Snapshot::read(&path).is_err(), "byte {} bit {}", index, bit);
    }
}

/// The last digit of an epoch may be another without the number being another.
#[test]
fn an_epoch_in_other_digits_is_damage() {
    let (_folder, path) = file();
    let snapshot = snapshot(3, true);
    snapshot.write(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let digits = snapshot.epoch.to_string();
    let start = bytes.windows(digits.len()).position(|window| window == digits.as_bytes()).unwrap();
    let last = start + digits.len() - 1;
    for digit in (b'0'..=b'9').filter(|digit| *digit != bytes[last]) {
        let mut bytes = bytes.clone();
        bytes[last] = digit;
        std::fs::write(&path, &bytes).unwrap();
        assert!(Snapshot::read(&path).is_err(), "{}", char::from(digit));
    }
}

#[test]
fn a_flipped_weight_is_distinguished_from_a_truncated_file() {
    let (_folder, path) = file();
    snapshot(3, true).write(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(message(&path).contains("does not match its hash"), "{}", message(&path));
}
