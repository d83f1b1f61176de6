//! Which of a checkpoint's arrays are a network's: what stands before their names.

use super::{Checkpoint, CheckpointArray, FileDtype};
use crate::error::Error;
use crate::network::Network;
use crate::ops::ParameterSpec;
use crate::snapshot::{Dtype, RawArray};
use std::collections::{BTreeMap, HashSet};

/// Dictionaries that usually hold the weights, in the order in which they are taken; after them the file itself.
const KEYS: [&str; 5] = ["state_dict", "model", "model_state_dict", "module", "net"];
/// What Lightning's callback for averaged weights adds: then `state_dict` holds the averaged ones.
const LIGHTNING_AVERAGING: [&str; 2] = ["averaging_state", "current_model_state"];

/// Plain weights, or their moving average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Averaging {
    /// The weights that the optimiser changes.
    #[default]
    Plain,
    /// An exponential moving average of them.
    Ema,
}

/// Which of several sets of weights is taken.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The dictionary, or what else the names begin with: `state_dict.teacher`.
    pub key: Option<String>,
    /// Plain or averaged weights; without meaning where a key is given.
    pub averaging: Averaging,
}

/// A network's arrays in a checkpoint.
#[derive(Debug)]
pub struct Weights<'a> {
    prefix: String,
    arrays: Vec<(String, &'a CheckpointArray)>,
}

impl Weights<'_> {
    /// What stands before the arrays' names in the file; nothing where they are as they are in the network.
    pub fn prefix(&self) -> &str {
        self.prefix.trim_end_matches('.')
    }

    /// Reads the arrays from the disk, by the network's names: single, half and bfloat16 precision as they are, double
    /// precision as single.
    ///
    /// # Errors
    /// [`Error::Damaged`]: the file is cut short.
    pub fn read(&self, checkpoint: &Checkpoint) -> Result<Vec<RawArray>, Error> {
        let read = |(name, array): &(String, &CheckpointArray)| {
            let bytes = (array.read)().map_err(|error| {
                Checkpoint::unusable(&checkpoint.path, format!("`{name}` cannot be read from it ({error})"))
            })?;
            let (dtype, bytes) = match array.dtype {
                FileDtype::Kept(dtype) => (dtype, bytes),
                FileDtype::Double => (Dtype::F32, singles(&bytes)),
            };
            Ok(RawArray { name: name.clone(), dtype, shape: array.shape.clone(), bytes })
        };
        self.arrays.iter().map(read).collect()
    }
}

/// Numbers of double precision rounded to single.
fn singles(doubles: &[u8]) -> Vec<u8> {
    let (doubles, _) = doubles.as_chunks::<8>();
    doubles.iter().flat_map(|bytes| (f64::from_le_bytes(*bytes) as f32).to_le_bytes()).collect()
}

/// All of the network's arrays are in the file under names that begin with this.
struct Fit<'a> {
    prefix: String,
    arrays: Vec<(String, &'a CheckpointArray)>,
}

impl Fit<'_> {
    fn is_averaged(&self, is_lightning: bool) -> bool {
        let first = self.prefix.split('.').next().unwrap_or_default();
        if is_lightning && ["state_dict", "current_model_state"].contains(&first) {
            return first == "state_dict";
        }
        let words = self.prefix.split(['.', '_']);
        words.into_iter().any(|word| word.eq_ignore_ascii_case("ema"))
    }

    /// Where it stands among others: the smaller, the sooner it is taken.
    fn rank(&self) -> usize {
        let first = self.prefix.split('.').next().unwrap_or_default();
        let known = KEYS.iter().position(|key| *key == first);
        known.unwrap_or(if self.prefix.is_empty() { KEYS.len() } else { KEYS.len() + 1 })
    }

    /// Whether the names follow at once on a usual key, or are the network's own.
    fn is_whole_dictionary(&self) -> bool {
        self.prefix.matches('.').count() <= 1
    }

    fn is_under(&self, key: &str) -> bool {
        let key = key.trim_end_matches('.');
        let is_at = |before: String| self.prefix == before || self.prefix.starts_with(&before);
        is_at(format!("{key}.")) || KEYS.iter().any(|known| is_at(format!("{known}.{key}.")))
    }
}

impl Checkpoint {
    /// The arrays of a network: those whose names and shapes cover the network's, after `_orig_mod` of torch.compile and
    /// one common prefix (`state_dict.module.`) were taken off.
    ///
    /// # Errors
    /// [`Error::Damaged`], with what was found instead, where there are none, or several sets that fit equally well.
    pub fn weights(&self, network: &Network, choice: &Choice) -> Result<Weights<'_>, Error> {
        let wanted = wanted(network);
        let mut fits = self.fits(&wanted);
        if let Some(key) = &choice.key {
            fits.retain(|fit| fit.is_under(key));
        } else {
            let is_lightning = LIGHTNING_AVERAGING.iter().all(|key| self.facts.has(key));
            let is_asked = |fit: &Fit<'_>| fit.is_averaged(is_lightning) == (choice.averaging == Averaging::Ema);
            if !fits.is_empty() && !fits.iter().any(is_asked) {
                return Err(self.only_others(&fits[0], choice.averaging));
            }
            fits.retain(is_asked);
        }
        let Some(best) = fits.iter().map(Fit::rank).min() else {
            return Err(Self::unusable(&self.path, self.nearest(&wanted, choice.key.as_deref())));
        };
        fits.retain(|fit| fit.rank() == best);
        if fits.iter().filter(|fit| fit.is_whole_dictionary()).count() == 1 {
            fits.retain(Fit::is_whole_dictionary);
        }
        if fits.len() > 1 {
            let names: Vec<_> = fits.iter().map(|fit| format!("`{}`", fit.prefix.trim_end_matches('.'))).collect();
            let names = names.join(" and ");
            let reason =
                format!("it holds the network's weights {} times, under {names}; choose one by --key", fits.len());
            return Err(Self::unusable(&self.path, reason));
        }
        let fit = fits.swap_remove(0);
        Ok(Weights { prefix: fit.prefix, arrays: fit.arrays })
    }

    fn only_others(&self, found: &Fit<'_>, asked: Averaging) -> Error {
        let (have, want) = match asked {
            Averaging::Plain => ("averaged", "ema"),
            Averaging::Ema => ("plain", "model"),
        };
        let location = found.prefix.trim_end_matches('.');
        let reason = format!("it holds {have} weights only (`{location}`); --weights {want} takes those");
        Self::unusable(&self.path, reason)
    }

    /// Every set of arrays that covers the wanted ones.
    fn fits(&self, wanted: &[&ParameterSpec]) -> Vec<Fit<'_>> {
        let own: BTreeMap<String, &CheckpointArray> =
            self.arrays.iter().map(|(name, array)| (name.clone(), array)).collect();
        let found = fits_under(&own, wanted, str::to_owned);
        if !found.is_empty() {
            return found;
        }
        let uncompiled = self.arrays.iter().map(|(name, array)| (without_compiled(name), array)).collect();
        fits_under(&uncompiled, wanted, without_compiled)
    }

    /// Why nothing fits: the error of the set of arrays that has most of the wanted ones.
    fn nearest(&self, wanted: &[&ParameterSpec], key: Option<&str>) -> String {
        let uncompiled: BTreeMap<String, &CheckpointArray> =
            self.arrays.iter().map(|(name, array)| (without_compiled(name), array)).collect();
        let names: HashSet<String> = wanted.iter().map(|spec| without_compiled(spec.array_name())).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for name in uncompiled.keys() {
            for at in starts(name).filter(|at| names.contains(&name[*at..])) {
                *counts.entry(&name[..at]).or_default() += 1;
            }
        }
        if let Some(key) = key {
            counts.retain(|prefix, _| prefix.trim_end_matches('.').ends_with(key.trim_end_matches('.')));
        }
        let Some((prefix, count)) = counts.into_iter().max_by_key(|(_, count)| *count) else {
            let entries = if self.facts.entries.is_empty() {
                uncompiled.keys().cloned().collect()
            } else {
                self.facts.entries.clone()
            };
            return nothing_of_it(wanted.len(), &entries, key);
        };
        let location = match prefix.trim_end_matches('.') {
            "" => "there".to_owned(),
            prefix => format!("under `{prefix}`"),
        };
        let found =
            |spec: &&&ParameterSpec| uncompiled.get(&format!("{prefix}{}", without_compiled(spec.array_name())));
        let wrong = wanted.iter().find_map(|spec| {
            let array = found(&spec).filter(|array| !spec.fits(&array.shape))?;
            let (is, name) = (&array.shape, spec.array_name());
            Some(format!("`{name}` {location} has the shape {is:?}, in the run's network {:?}", spec.shape))
        });
        wrong.unwrap_or_else(|| {
            let missing = wanted.iter().find(|spec| found(spec).is_none());
            let such = missing.map(|spec| format!(", such as `{}`", spec.array_name())).unwrap_or_default();
            format!(
                "{} of the network's {} arrays are not {location}{such}",
                wanted.len() - count.min(wanted.len()),
                wanted.len()
            )
        }) + "; the run was made of another network"
    }
}

fn nothing_of_it(wanted: usize, entries: &[String], key: Option<&str>) -> String {
    const SHOWN: usize = 6;
    let more = entries.len().saturating_sub(SHOWN);
    let named: Vec<_> = entries.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let named = if named.is_empty() { "nothing".to_owned() } else { named.join(", ") };
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let location = key.map_or_else(|| "in it".to_owned(), |key| format!("under `{key}`"));
    format!(
        "none of the network's {wanted} arrays is {location}; it holds {named}{more}; --key names the dictionary of the weights"
    )
}

/// The network's arrays, those that several layers take once.
fn wanted(network: &Network) -> Vec<&ParameterSpec> {
    let mut seen = HashSet::new();
    network.parameters().filter(|spec| seen.insert(spec.array_name())).collect()
}

fn fits_under<'a>(
    arrays: &BTreeMap<String, &'a CheckpointArray>,
    wanted: &[&ParameterSpec],
    renamed: impl Fn(&str) -> String,
) -> Vec<Fit<'a>> {
    let names: Vec<String> = wanted.iter().map(|spec| renamed(spec.array_name())).collect();
    // The longest name is the one that is least likely to end others by chance.
    let Some(anchor) = names.iter().max_by_key(|name| (name.matches('.').count(), name.len())) else {
        return Vec::new();
    };
    let prefixes = arrays.keys().filter_map(|name| {
        let prefix = name.strip_suffix(anchor.as_str())?;
        (prefix.is_empty() || prefix.ends_with('.')).then_some(prefix)
    });
    let of_prefix = |prefix: &str| {
        let arrays = wanted.iter().zip(&names).map(|(spec, name)| {
            let array = arrays.get(&format!("{prefix}{name}")).copied();
            array.filter(|array| spec.fits(&array.shape)).map(|array| (spec.array_name().to_owned(), array))
        });
        let arrays = arrays.collect::<Option<Vec<_>>>()?;
        Some(Fit { prefix: prefix.to_owned(), arrays })
    };
    prefixes.filter_map(of_prefix).collect()
}

/// A name without the part that torch.compile adds.
fn without_compiled(name: &str) -> String {
    let parts: Vec<_> = name.split('.').filter(|part| *part != "_orig_mod").collect();
    parts.join(".")
}

/// Where the parts of a dotted name begin.
fn starts(name: &str) -> impl Iterator<Item = usize> + '_ {
    std::iter::once(0).chain(name.match_indices('.').map(|(at, _)| at + 1))
}
