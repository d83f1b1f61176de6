//! metrics.jsonl, written line by line.

use crate::error::Error;
use deepviz_net::run::METRICS_FILE;
use deepviz_net::{Divergence, Metric, MetricKind, Step};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A measurement of the test split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tested {
    kind: MetricKind,
    step: Step,
}

/// The lines of an earlier training that are kept.
#[derive(Default)]
struct RetainedLines {
    /// Their length in bytes.
    length: u64,
    tested: Vec<Tested>,
}

/// Writes metrics.jsonl.
pub(crate) struct MetricsWriter {
    file: File,
    path: PathBuf,
    /// The measurements of the test split that are in the file.
    tested: Vec<Tested>,
}

impl MetricsWriter {
    /// Opens the file, keeping the lines up to `last` (none without): what came after the snapshot
    /// from which training continues, and a line torn by a kill, are cut off. Lines among those kept that
    /// cannot be read stay where they are.
    pub fn open(run: &Path, last: Option<Step>) -> Result<Self, Error> {
        let path = run.join(METRICS_FILE);
        let io = |source| Error::io("write the metrics", &path)(source);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(io)?;
        let RetainedLines { length, tested } = match last {
            Some(last) => lines_up_to(&file, last).map_err(io)?,
            None => RetainedLines::default(),
        };
        file.set_len(length).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        Ok(Self { file, path, tested })
    }

    /// True when the test split was measured this way at this step.
    pub fn is_tested(&self, kind: MetricKind, step: Step) -> bool {
        self.tested.contains(&Tested { kind, step })
    }

    /// Appends a measurement.
    pub fn append(&mut self, metric: &Metric) -> Result<(), Error> {
        self.write(metric)?;
        if metric.kind != MetricKind::Train {
            self.tested.push(Tested { kind: metric.kind, step: metric.step });
        }
        Ok(())
    }

    /// Appends where the run diverged, as the last line, and syncs the file.
    pub fn append_divergence(&mut self, divergence: &Divergence) -> Result<(), Error> {
        self.write(divergence)?;
        self.sync()
    }

    /// Appends a line; in one write, so that readers see whole lines.
    fn write(&mut self, line: &impl Serialize) -> Result<(), Error> {
        let written = serde_json::to_vec(line).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)
        });
        written.map_err(Error::io("write the metrics", &self.path))
    }

    /// Syncs the lines to the disk.
    pub fn sync(&self) -> Result<(), Error> {
        let synced = self.file.sync_data();
        synced.map_err(Error::io("write the metrics", &self.path))
    }
}

/// The leading lines up to the last one that is whole and of a step up to `last`.
fn lines_up_to(file: &File, last: Step) -> std::io::Result<RetainedLines> {
    let mut reader = BufReader::new(file);
    let (mut retained, mut end, mut line) = (RetainedLines::default(), 0, Vec::new());
    loop {
        line.clear();
        end += reader.read_until(b'\n', &mut line)? as u64;
        if line.last() != Some(&b'\n') {
            return Ok(retained);
        }
        match serde_json::from_slice::<Metric>(&line) {
            Ok(metric) if metric.step <= last => {
                if metric.kind != MetricKind::Train {
                    retained.tested.push(Tested { kind: metric.kind, step: metric.step });
                }
                retained.length = end;
            }
            Ok(_) => return Ok(retained),
            // Kept where a good one follows: a crash of the machine may have left it in the middle.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(step: u64, kind: MetricKind) -> Metric {
        Metric {
            step: Step(step),
            epoch: step as f64,
            images_seen: step * 10,
            kind,
            loss: Some(1.0),
            error: Some(0.5),
            rate: Some(0.1),
            images_per_s: 100.0,
            not_finite: 0,
        }
    }

    #[test]
    fn lines_after_the_snapshot_and_a_torn_one_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let mut metrics = MetricsWriter::open(folder.path(), None).unwrap();
        for step in 0..4 {
            metrics.append(&metric(step, MetricKind::Train)).unwrap();
        }
        metrics.append(&metric(3, MetricKind::Test)).unwrap();
        metrics.append(&metric(4, MetricKind::Train)).unwrap();
        metrics.file.write_all(b"{\"step\":5,\"ep").unwrap();
        let path = folder.path().join(METRICS_FILE);
        let lines = || std::fs::read_to_string(&path).unwrap().lines().count();

        assert_eq!(lines(), 7);
        let mut metrics = MetricsWriter::open(folder.path(), Some(Step(3))).unwrap();
        assert!(metrics.is_tested(MetricKind::Test, Step(3)));
        assert_eq!(lines(), 5);
        metrics.append(&metric(4, MetricKind::Train)).unwrap();
        assert_eq!(lines(), 6);

        let metrics = MetricsWriter::open(folder.path(), Some(Step(2))).unwrap();
        assert!(!metrics.is_tested(MetricKind::Test, Step(2)));
        assert_eq!(lines(), 3);
    }

    #[test]
    fn a_line_that_cannot_be_read_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut metrics = MetricsWriter::open(folder.path(), None).unwrap();
        metrics.append(&metric(1, MetricKind::Train)).unwrap();
        metrics.file.write_all(&[&[0; 600][..], b"\n"].concat()).unwrap();
        metrics.append(&metric(2, MetricKind::Test)).unwrap();
        let end = std::fs::metadata(folder.path().join(METRICS_FILE)).unwrap().len();
        metrics.file.write_all(b"nonsense\n").unwrap();
        metrics.append(&metric(3, MetricKind::Train)).unwrap();
        let metrics = MetricsWriter::open(folder.path(), Some(Step(2))).unwrap();
        assert!(metrics.is_tested(MetricKind::Test, Step(2)));
        assert_eq!(std::fs::metadata(folder.path().join(METRICS_FILE)).unwrap().len(), end);
    }
}
