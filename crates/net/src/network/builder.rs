//! A network, built layer by layer, with the shape of every output computed.

use super::{Layer, Network};
use crate::error::Error;
use crate::init::Init;
use crate::input::InputSpec;
use crate::ops::{Grid, Image, Op, ParameterSpec, Role};
use crate::shape::Shape;

/// The name of the first layer: the image.
const IMAGE: &str = "data";

/// Limits of one image's activations, of one layer and of all together, and of parameters: an untrusted file decides
/// how much memory is allocated for them.
const MAX_OUTPUTS: usize = 1 << 28;
pub(crate) const MAX_ACTIVATIONS: usize = 1 << 28;
const MAX_PARAMETERS: usize = 1 << 30;

/// Takes layers one by one, each after its inputs; the first mistake is kept for [`NetworkBuilder::build`].
#[derive(Debug)]
pub struct NetworkBuilder {
    layers: Vec<Layer>,
    image: Shape,
    input: InputSpec,
    classes: Option<usize>,
    error: Option<Error>,
}

/// Where another program computes layers ([`Op::External`]), it computes all of them but the softmax.
fn check_external(layers: &[Layer]) -> Result<(), Error> {
    let is_external = |layer: &Layer| matches!(layer.op, Op::External(_));
    let between = layers.get(1..layers.len().saturating_sub(1)).unwrap_or_default();
    match between.iter().find(|layer| !is_external(layer)) {
        Some(layer) if between.iter().any(is_external) => {
            let expected = "external layers only between the image and the softmax, where there is one";
            Err(error(Some(&layer.name), expected, format!("type {}", layer.op.kind())))
        }
        _ => Ok(()),
    }
}

fn error(layer: Option<&str>, expected: impl Into<String>, found: impl Into<String>) -> Error {
    Error::Network { layer: layer.map(str::to_owned), expected: expected.into(), found: found.into(), hint: None }
}

impl NetworkBuilder {
    pub(super) fn new(image: Shape) -> Self {
        Self { layers: vec![input_layer(image)], image, input: InputSpec::default(), classes: None, error: None }
    }

    /// The shape of what the first layer takes of each image, where that is cropped; the image's own otherwise.
    pub(crate) fn cropped_to(mut self, shape: Shape) -> Self {
        self.layers[0] = input_layer(shape);
        self
    }

    /// How the network sees its images, but for their shape: mean, deviation, range and order of colours.
    #[must_use]
    pub fn input(mut self, input: InputSpec) -> Self {
        self.input = input;
        self
    }

    /// Requires so many classes of the softmax.
    #[must_use]
    pub const fn classes(mut self, classes: usize) -> Self {
        self.classes = Some(classes);
        self
    }

    /// Adds a layer that takes the named layers' outputs; the image is `data`.
    #[must_use]
    pub fn layer<S: AsRef<str>>(mut self, name: &str, op: impl Into<Op>, inputs: &[S]) -> Self {
        if self.error.is_none() {
            match self.make(name, op.into(), inputs) {
                Ok(layer) => self.layers.push(layer),
                Err(error) => self.error = Some(error),
            }
        }
        self
    }

    /// Names the arrays of the snapshots that the layer added last takes its parameters from, where they are not called
    /// after it.
    #[must_use]
    pub fn arrays(mut self, arrays: &[(Role, String)]) -> Self {
        let Some(layer) = self.layers.last_mut().filter(|_| self.error.is_none()) else {
            return self;
        };
        for (role, name) in arrays {
            let found = layer.parameters.iter_mut().find(|spec| spec.role == *role);
            let Some(spec) = found else {
                let roles: Vec<_> = layer.parameters.iter().map(|spec| spec.role.suffix()).collect();
                let known = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
                let expected = format!("`arrays` that the layer has ({known})");
                self.error = Some(error(Some(&layer.name), expected, format!("`{}`", role.suffix())));
                break;
            };
            spec.array = Some(name.clone());
        }
        self
    }

    /// The network.
    ///
    /// # Errors
    /// [`Error::Network`]: the first layer whose inputs are not there or do not fit, or what is wrong with the whole: no
    /// softmax at its end, a layer that nothing takes as input, too many values.
    pub fn build(self) -> Result<Network, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        check_uses(&self.layers)?;
        check_external(&self.layers)?;
        check_size(&self.layers)?;
        let layers = self.layers;
        let dense = layers.iter().rfind(|layer| matches!(layer.op, Op::Dense(_) | Op::External(_))).or(layers.last());
        let features = dense.and_then(|layer| layer.inputs.first().copied()).unwrap_or(0);
        Ok(Network { layers, image: self.image, features, input: self.input })
    }

    fn make<S: AsRef<str>>(&self, name: &str, op: Op, inputs: &[S]) -> Result<Layer, Error> {
        if self.layers.iter().any(|layer| layer.name == name) {
            return Err(error(Some(name), "a name of its own for every layer", "the name a second time"));
        }
        let inputs = self.inputs(name, &op, inputs)?;
        let shapes: Vec<Shape> = inputs.iter().map(|&index| self.layers[index].shape).collect();
        self.check_classes(name, &op, &shapes)?;
        let shape = op.output(&shapes).map_err(|reason| error(Some(name), reason.expected, reason.found))?;
        let mut parameters = op.operation().parameters(&shapes, shape);
        for spec in &mut parameters {
            spec.name = format!("{name}.{}", spec.name);
        }
        check_init(name, &op, &inputs, &parameters)?;
        let values: usize = parameters.iter().map(ParameterSpec::len).sum();
        if shape.len() > MAX_OUTPUTS || values > MAX_PARAMETERS {
            let found = format!("{shape} outputs and {values} parameters");
            return Err(error(Some(name), "a layer of at most 2^28 outputs and 2^30 parameters", found));
        }
        let weight = parameters.iter().find(|spec| spec.role == Role::Weight);
        let kernel_dims = weight.and_then(|weight| op.operation().kernel_dims(&shapes, weight));
        let maps: Vec<_> = inputs.iter().map(|&index| (self.layers[index].shape, self.layers[index].grid)).collect();
        let grid = op.operation().grid(&maps, shape);
        Ok(Layer { name: name.to_owned(), op, inputs, shape, parameters, kernel_dims, grid })
    }

    fn inputs<S: AsRef<str>>(&self, name: &str, op: &Op, inputs: &[S]) -> Result<Vec<usize>, Error> {
        let several = op.takes_several_inputs();
        if inputs.is_empty() || (inputs.len() > 1 && !several) {
            let expected = if several {
                "at least one input".into()
            } else {
                let types: Vec<_> = Op::types_with_several_inputs().iter().map(|name| format!("`{name}`")).collect();
                format!("one input ({} take several)", types.join(" and "))
            };
            return Err(error(Some(name), expected, inputs.len().to_string()));
        }
        let find = |input: &S| {
            let input = input.as_ref();
            let index = self.layers.iter().position(|layer| layer.name == input);
            index.ok_or_else(|| {
                let known: Vec<_> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
                let expected = format!("inputs among the layers before it ({})", known.join(", "));
                error(Some(name), expected, format!("`{input}`"))
            })
        };
        inputs.iter().map(find).collect()
    }

    fn check_classes(&self, name: &str, op: &Op, inputs: &[Shape]) -> Result<(), Error> {
        match self.classes {
            Some(classes) if matches!(op, Op::Softmax(_)) && inputs[0] != Shape::vector(classes) => {
                let expected = format!("one input a class ({classes}x1x1 for {classes} classes)");
                Err(error(Some(name), expected, format!("an input of {}", inputs[0])))
            }
            _ => Ok(()),
        }
    }
}

fn input_layer(shape: Shape) -> Layer {
    Layer {
        name: IMAGE.into(),
        op: Op::Image(Image { shape }),
        inputs: Vec::new(),
        shape,
        parameters: Vec::new(),
        kernel_dims: None,
        grid: Some(Grid::of(shape)),
    }
}

/// Refuses initialisations that only some layers can have.
fn check_init(name: &str, op: &Op, inputs: &[usize], parameters: &[ParameterSpec]) -> Result<(), Error> {
    for spec in parameters {
        let most = 2 * spec.fan.inputs;
        let is_whitening = matches!(spec.init, Init::Whitening { .. });
        let is_weight = spec.role == Role::Weight || !spec.init.is_for_filters();
        let fits = is_weight && op.operation().accepts_init(spec.init, inputs == [0]);
        if fits && (!is_whitening || spec.shape[0] <= most) {
            continue;
        }
        let expected = if is_whitening {
            format!("the initialisation `whitening` for the filters of a `conv` on the image, at most {most} of them")
        } else {
            "the initialisation `dirac` for filters of `conv` or `local` only".to_owned()
        };
        let found = format!("it for `{}` {:?} of `{}`", spec.name, spec.shape, op.kind());
        return Err(error(Some(name), expected, found));
    }
    Ok(())
}

/// The last layer is the softmax, and every other feeds one.
fn check_uses(layers: &[Layer]) -> Result<(), Error> {
    let last = layers.len() - 1;
    if !matches!(layers[last].op, Op::Softmax(_)) {
        return Err(error(Some(&layers[last].name), "a softmax as the last layer", layers[last].op.kind()));
    }
    for (index, layer) in layers.iter().enumerate().take(last) {
        if matches!(layer.op, Op::Softmax(_)) {
            return Err(error(Some(&layer.name), "one softmax, as the last layer", "another before it"));
        }
        if !layers.iter().any(|other| other.inputs.contains(&index)) {
            return Err(error(Some(&layer.name), "a later layer that takes it as input", "none"));
        }
    }
    Ok(())
}

fn check_size(layers: &[Layer]) -> Result<(), Error> {
    let activations: usize = layers.iter().map(|layer| layer.shape.len()).sum();
    let parameters: usize = layers.iter().flat_map(|layer| &layer.parameters).map(ParameterSpec::len).sum();
    if activations <= MAX_ACTIVATIONS && parameters <= MAX_PARAMETERS {
        return Ok(());
    }
    Err(Error::Network {
        layer: None,
        expected: "a network of at most 2^28 activations an image and 2^30 parameters".into(),
        found: format!("{activations} activations and {parameters} parameters"),
        hint: Some("`resize` in [data] makes images smaller".into()),
    })
}

#[cfg(test)]
mod tests {
    use crate::ops::{Activation, Add, Conv, Dense, Filters, Learning, Softmax, WindowAxis};
    use crate::{Error, Init, Network, Recipe, Shape};

    const RECIPE: &str = r#"
        [[layer]]
        name = "conv1"
        type = "conv"
        filters = 8
        size = 3
        padding = 1
        [[layer]]
        name = "relu1"
        type = "relu"
        [[layer]]
        name = "sum"
        type = "add"
        inputs = ["conv1", "relu1"]
        [[layer]]
        name = "fc"
        type = "full"
        outputs = 5
        [[layer]]
        name = "probs"
        type = "softmax"
        [train]
        stages = [{ epochs = 1, rate = 0.1 }]
    "#;

    fn dense(outputs: usize) -> Dense {
        Dense::new(outputs, Learning::from_init(Init::He))
    }

    #[test]
    fn a_builder_makes_the_recipes_network() {
        let image = Shape::new(3, 8, 8);
        let recipe = Recipe::parse(RECIPE, "built.toml", &[]).unwrap();
        let filters = Filters::square(8, WindowAxis { before: 1, after: 1, ..WindowAxis::new(3) });
        let conv = Conv { filters, shared_bias: true, learning: Learning::from_init(Init::He) };
        let built = Network::builder(image)
            .input(recipe.data.input())
            .layer("conv1", conv, &["data"])
            .layer("relu1", Activation::Relu, &["conv1"])
            .layer("sum", Add { coefficients: vec![1.0; 2] }, &["conv1", "relu1"])
            .layer("fc", dense(5), &["sum"])
            .layer("probs", Softmax, &["fc"])
            .build()
            .unwrap();
        assert_eq!(built, Network::new(&recipe, image, 5).unwrap());
    }

    #[test]
    fn the_first_mistake_is_named_with_its_layer() {
        let start = || Network::builder(Shape::new(3, 8, 8)).layer("fc", dense(5), &["data"]);
        let message = |result: Result<Network, Error>| result.unwrap_err().to_string();
        let unknown = message(start().layer("probs", Softmax, &["fc2"]).layer("fc", dense(5), &["probs"]).build());
        assert!(
            unknown.contains("`probs`") && unknown.contains("(data, fc)") && unknown.contains("`fc2`"),
            "{unknown}"
        );
        let twice = message(start().layer("fc", dense(5), &["fc"]).build());
        assert!(twice.contains("`fc`") && twice.contains("second time"), "{twice}");
        let unfinished = message(start().build());
        assert!(unfinished.contains("softmax as the last layer"), "{unfinished}");
        let wrong = message(start().classes(4).layer("probs", Softmax, &["fc"]).build());
        assert!(wrong.contains("4x1x1") && wrong.contains("5x1x1"), "{wrong}");
    }
}
