use super::*;
use crate::ops::{Dense, Learning, Softmax};
use crate::optimiser::{OptimiserSettings, Rates};
use crate::{Init, Shape};

fn cpu() -> Cpu {
    Cpu::new(Some(1), None).unwrap()
}

fn params(rate: f32) -> UpdateParams {
    UpdateParams {
        rate,
        momentum: 0.9,
        decay: 0.1,
        share: 0.5,
        epsilon: 1e-8,
        beta2: 0.999,
        corrections: [0.1, 0.001],
        active: 1,
    }
}

fn arrays<'a>(weights: &'a mut [f32], state: &'a mut [f32], gradient: &'a [f32]) -> ParameterArrays<'a, 1> {
    ParameterArrays { weights, gradient, state: [state] }
}

fn near(found: f32, expected: f32) -> bool {
    (found - expected).abs() < 1e-6
}

#[test]
fn cuda_convnet_keeps_the_rate_inside_the_velocity() {
    let (mut w, mut v) = ([2.0], [0.0]);
    params(0.1).cuda_convnet(arrays(&mut w, &mut v, &[4.0]));
    // v = -0.1/2*4 - 0.1*0.1*2 = -0.22
    assert!(near(v[0], -0.22) && near(w[0], 1.78), "{v:?} {w:?}");
    // A rate of 0 leaves the old velocity at its old scale.
    params(0.0).cuda_convnet(arrays(&mut w, &mut v, &[4.0]));
    assert!(near(v[0], -0.198) && near(w[0], 1.582), "{v:?} {w:?}");
}

#[test]
fn pytorch_keeps_the_rate_outside() {
    let (mut w, mut v) = ([2.0], [0.0]);
    params(0.1).pytorch(arrays(&mut w, &mut v, &[4.0]));
    // v = 4/2 + 0.1*2 = 2.2
    assert!(near(v[0], 2.2) && near(w[0], 1.78), "{v:?} {w:?}");
    params(0.0).pytorch(arrays(&mut w, &mut v, &[4.0]));
    assert!(near(w[0], 1.78), "{w:?}");
}

#[test]
fn nesterov_looks_ahead() {
    let (mut w, mut v) = ([2.0], [1.0]);
    params(0.1).nesterov(arrays(&mut w, &mut v, &[4.0]));
    // g = 2.2, v = 0.9 + 2.2 = 3.1, w = 2 - 0.1 (2.2 + 0.9*3.1)
    assert!(near(v[0], 3.1) && near(w[0], 1.501), "{v:?} {w:?}");
}

#[test]
fn adagrad_divides_by_all_that_was() {
    let (mut w, mut s) = ([2.0], [1.0]);
    params(0.1).adagrad(arrays(&mut w, &mut s, &[4.0]));
    // g = 2.2, s = 1 + 4.84, w = 2 - 0.22 / sqrt(5.84)
    assert!(near(s[0], 5.84) && near(w[0], 2.0 - 0.22 / 5.84_f32.sqrt()), "{s:?} {w:?}");
}

#[test]
fn the_first_step_of_adamw_is_the_rate_itself() {
    let (mut w, mut a, mut b) = ([2.0], [0.0], [0.0]);
    params(0.1).adamw(ParameterArrays { weights: &mut w, gradient: &[4.0], state: [&mut a, &mut b] });
    // Both moments corrected are g and g^2: w = 2 (1 - 0.1*0.1) - 0.1.
    assert!(near(a[0], 0.2) && near(b[0], 0.004) && near(w[0], 1.88), "{a:?} {b:?} {w:?}");
}

#[test]
fn muon_turns_filters_of_fixed_length() {
    // The weights of two filters are scaled to a norm of sqrt(2). The step for a gradient whose rows are orthogonal and
    // of one norm is that matrix over its singular value, times f(f(f(s))) with
    // f(s) = 3.4445 s - 4.775 s^3 + 2.0315 s^5 and s = 1/sqrt(2) at first.
    let (mut w, mut v) = ([3.0, 0.0, 0.0, 4.0], [0.0; 4]);
    let (mut orthogonaliser, shape) = (Orthogonaliser::new(&cpu()), MatrixShape { rows: 2, columns: 2 });
    params(0.1).muon(&mut orthogonaliser, shape, arrays(&mut w, &mut v, &[0.0, 8.0, -8.0, 0.0]));
    let f = |s: f64| 3.4445 * s - 4.775 * s.powi(3) + 2.0315 * s.powi(5);
    let by = 0.1 * f(f(f(1.0 / 2.0_f64.sqrt()))) as f32;
    let scale = 2.0_f32.sqrt() / 5.0;
    let expected = [3.0 * scale, -by, by, 4.0 * scale];
    assert!(w.iter().zip(expected).all(|(found, expected)| near(*found, expected)), "{w:?} {expected:?}");
    assert!(near(v[1], 4.0) && near(v[2], -4.0), "{v:?}");
    // Frozen ones stay.
    let before = w;
    params(0.0).muon(&mut orthogonaliser, shape, arrays(&mut w, &mut v, &[1.0; 4]));
    assert_eq!(before.map(f32::to_bits), w.map(f32::to_bits));
}

#[test]
fn statistics_are_followed() {
    let mut running = [1.0];
    follow(0.25, &mut running, &[5.0]);
    assert!(near(running[0], 2.0));
}

#[test]
fn what_is_not_active_stays() {
    let by = UpdateParams { active: 0, ..params(0.1) };
    let (mut w, mut v, mut b) = ([2.0], [1.0], [1.0]);
    by.cuda_convnet(arrays(&mut w, &mut v, &[4.0]));
    by.pytorch(arrays(&mut w, &mut v, &[4.0]));
    by.nesterov(arrays(&mut w, &mut v, &[4.0]));
    by.adagrad(arrays(&mut w, &mut v, &[4.0]));
    by.adamw(ParameterArrays { weights: &mut w, gradient: &[4.0], state: [&mut v, &mut b] });
    let shape = MatrixShape { rows: 1, columns: 1 };
    by.muon(&mut Orthogonaliser::new(&cpu()), shape, arrays(&mut w, &mut v, &[4.0]));
    assert!(near(w[0], 2.0) && near(v[0], 1.0) && near(b[0], 1.0), "{w:?} {v:?} {b:?}");
}

#[test]
fn what_is_missing_or_in_another_order_is_an_error() {
    let network = Network::builder(Shape::new(1, 2, 2))
        .layer("fc", Dense::new(3, Learning::from_init(Init::He)), &["data"])
        .layer("probs", Softmax, &["fc"])
        .build()
        .unwrap();
    let kind = Optimiser::AdamW;
    let settings = OptimiserSettings { kind, momentum: 0.9, beta2: 0.9, epsilon: 1e-8, decay: 0.0, bias_decay: 0.0 };
    let rates = Rates { weight: 0.1, bias: 0.1 };
    let update = Update { settings: &settings, rates, epoch: 0.0, number: 1, images: 1 };
    let gradients = Parameters::zeros(&network);
    let start = || TrainingState {
        parameters: Parameters::zeros(&network),
        optimiser: Parameters::optimiser_state(&network, kind),
    };
    let apply = |gradients: &Parameters, mut state: TrainingState| {
        CpuOptimiser::new(&cpu()).update(&network, &update, gradients, &mut state).map_err(|error| error.to_string())
    };
    assert_eq!(apply(&gradients, start()), Ok(()));
    // One array less than the two of the weights and the two of the biases.
    let incomplete = start().optimiser.iter().take(3).map(|(name, array)| (name.to_owned(), array.clone())).collect();
    let error = apply(&gradients, TrainingState { optimiser: Parameters::new(incomplete), ..start() }).unwrap_err();
    assert!(error.contains("no array of the optimiser for `fc.bias`"), "{error}");
    let mut turned = start();
    let weights = turned.parameters.get_mut("fc.weight").unwrap();
    *weights = weights.clone().reversed_axes();
    let error = apply(&gradients, turned).unwrap_err();
    assert!(error.contains("`fc.weight` is not in standard (row-major) order"), "{error}");
    let error = apply(&Parameters::default(), start()).unwrap_err();
    assert!(error.contains("no gradient of `fc.weight`"), "{error}");
}
