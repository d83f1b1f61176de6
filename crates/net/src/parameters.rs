//! Named arrays in the layout of the files: a network's weights, their gradients or the optimiser's state.

use crate::error::Error;
use crate::network::Network;
use crate::ops::{ParameterSpec, Role};
use crate::random::Stream;
use ndarray::{ArrayD, IxDyn};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Ordered name -> array. Order is the network's: layer by layer, weight before bias.
///
/// Copies share their arrays until one of them is changed: a snapshot and the model made of it hold large networks once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    entries: Vec<(String, Arc<ArrayD<f32>>)>,
}

impl Parameters {
    /// Takes the arrays in the order given.
    pub fn new(entries: Vec<(String, ArrayD<f32>)>) -> Self {
        Self { entries: entries.into_iter().map(|(name, array)| (name, Arc::new(array))).collect() }
    }

    /// Zeros for every parameter of the network.
    pub fn zeros(network: &Network) -> Self {
        let entries = network.parameters().map(|spec| (spec.name.clone(), ArrayD::zeros(IxDyn(&spec.shape))));
        Self::new(entries.collect())
    }

    /// The untrained network: every parameter drawn as its recipe says, from the seed alone.
    pub fn initial(network: &Network, seed: u64) -> Self {
        let mut parameters = Self::zeros(network);
        for (spec, (name, array)) in network.parameters().zip(&mut parameters.entries) {
            // Keyed by the name, so that adding a layer does not change the others' initial weights.
            let digest = blake3::hash(name.as_bytes());
            let mut key = [0; 8];
            key.copy_from_slice(&digest.as_bytes()[..8]);
            let stream = Stream::new(seed, &[0x1217, u64::from_le_bytes(key)]);
            if let Some(values) = Arc::make_mut(array).as_slice_mut() {
                spec.init.fill(&spec.shape, spec.fan, stream, values);
            }
        }
        parameters
    }

    /// The network's parameters from the arrays of a program that names them in its own way
    /// ([`ParameterSpec::array_name`]), brought to the network's shapes. Others are left out.
    ///
    /// # Errors
    /// [`Error::Tensor`]: an array that is missing or does not fit.
    pub(crate) fn from_arrays(arrays: Self, network: &Network) -> Result<Self, Error> {
        let mut arrays: HashMap<String, Arc<ArrayD<f32>>> = arrays.entries.into_iter().collect();
        let mut uses: HashMap<&str, usize> = HashMap::new();
        network.parameters().for_each(|spec| *uses.entry(spec.array_name()).or_default() += 1);
        let entries = network.parameters().map(|spec| {
            let name = spec.array_name();
            // A copy while other layers take it too: large networks are not to be held twice.
            let left = uses.entry(name).or_default();
            *left = left.saturating_sub(1);
            let found = if *left > 0 { arrays.get(name).cloned() } else { arrays.remove(name) };
            let found = found.ok_or_else(|| Self::missing(name))?;
            let shape = found.shape().to_vec();
            let fitted = Arc::unwrap_or_clone(found)
                .into_shape_with_order(IxDyn(&spec.shape))
                .ok()
                .filter(|_| spec.fits(&shape));
            let fitted = fitted.ok_or_else(|| Error::Tensor {
                name: name.to_owned(),
                expected: format!("{:?}", spec.shape),
                found: format!("{shape:?}"),
            });
            Ok((spec.name.clone(), fitted?))
        });
        Ok(Self::new(entries.collect::<Result<_, Error>>()?))
    }

    /// The array of that name.
    pub fn get(&self, name: &str) -> Option<&ArrayD<f32>> {
        let found = self.entries.iter().find(|(known, _)| known == name);
        found.map(|(_, array)| &**array)
    }

    pub(crate) fn missing(name: &str) -> Error {
        Error::Tensor { name: name.into(), expected: "an array in the network's order".into(), found: "none".into() }
    }

    /// The values of that name in memory order, which is row-major.
    ///
    /// # Errors
    /// [`Error::Tensor`] where there is no such array, or its values lie otherwise.
    pub(crate) fn values(&self, name: &str) -> Result<&[f32], Error> {
        let array = self.get(name).ok_or_else(|| Self::missing(name))?;
        array.as_slice().ok_or_else(|| not_in_order(name, array))
    }

    /// The same, to be changed.
    pub(crate) fn values_mut(&mut self, name: &str) -> Result<&mut [f32], Error> {
        let array = self.get_mut(name).ok_or_else(|| Self::missing(name))?;
        if !array.is_standard_layout() {
            return Err(not_in_order(name, array));
        }
        array.as_slice_mut().ok_or_else(|| Self::missing(name))
    }

    /// The values of a layer's arrays, which stand one after the other.
    pub(crate) fn values_of_mut(&mut self, specs: &[ParameterSpec]) -> Result<Vec<(Role, &mut [f32])>, Error> {
        let first = specs.first().and_then(|spec| self.entries.iter().position(|(name, _)| *name == spec.name));
        let entries = self.entries[first.unwrap_or(0)..].iter_mut();
        specs
            .iter()
            .zip(entries)
            .map(|(spec, (name, array))| {
                let is_own = *name == spec.name && array.is_standard_layout();
                let values = Arc::make_mut(array).as_slice_mut().filter(|_| is_own);
                values.map(|values| (spec.role, values)).ok_or_else(|| Self::missing(&spec.name))
            })
            .collect()
    }

    /// The array of that name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut ArrayD<f32>> {
        let found = self.entries.iter_mut().find(|(known, _)| known == name);
        found.map(|(_, array)| Arc::make_mut(array))
    }

    /// Every name and array in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &ArrayD<f32>)> {
        self.entries.iter().map(|(name, array)| (name.as_str(), &**array))
    }

    /// Every name and array in order, to be changed.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut ArrayD<f32>)> {
        self.entries.iter_mut().map(|(name, array)| (name.as_str(), Arc::make_mut(array)))
    }

    /// Number of arrays.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no array.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets every value to `value`.
    pub fn fill(&mut self, value: f32) {
        for (_, array) in self.iter_mut() {
            array.fill(value);
        }
    }

    /// Checks names and shapes against the network's.
    pub fn check(&self, network: &Network) -> Result<(), Error> {
        self.check_against(network.parameters().map(|spec| (spec.name.as_str().into(), spec.shape.as_slice())))
    }

    /// Refuses parameters of other names or shapes than the network's, or not in row-major order.
    pub(crate) fn check_in_memory(&self, network: &Network) -> Result<(), Error> {
        self.check(network)?;
        match self.iter().find(|(_, array)| !array.is_standard_layout()) {
            None => Ok(()),
            Some((name, array)) => Err(not_in_order(name, array)),
        }
    }

    pub(crate) fn check_against<'a>(
        &self,
        specs: impl Iterator<Item = (Cow<'a, str>, &'a [usize])>,
    ) -> Result<(), Error> {
        let mut known = Vec::new();
        for (name, shape) in specs {
            let found = self.get(&name);
            if found.is_none_or(|array| array.shape() != shape) {
                return Err(Error::Tensor {
                    name: name.into(),
                    expected: format!("{shape:?}"),
                    found: found.map_or("none".into(), |array| format!("{:?}", array.shape())),
                });
            }
            known.push(name);
        }
        match self.iter().find(|(name, _)| !known.iter().any(|known| known == name)) {
            Some((name, array)) => Err(Error::Tensor {
                name: name.into(),
                expected: "no such tensor in this network".into(),
                found: format!("{:?}", array.shape()),
            }),
            None => Ok(()),
        }
    }

    /// The arrays in the network's order, whatever order they came in.
    pub fn in_order_of(self, network: &Network) -> Result<Self, Error> {
        self.check(network)?;
        Ok(self.sorted_by(|name| network.parameters().position(|spec| spec.name == name)))
    }

    pub(crate) fn sorted_by(mut self, rank: impl Fn(&str) -> Option<usize>) -> Self {
        self.entries.sort_by_cached_key(|(name, _)| rank(name));
        self
    }
}

fn not_in_order(name: &str, array: &ArrayD<f32>) -> Error {
    Error::Tensor {
        name: name.into(),
        expected: "values in standard (row-major) order".into(),
        found: format!("strides {:?}", array.strides()),
    }
}
