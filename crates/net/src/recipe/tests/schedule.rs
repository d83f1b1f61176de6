//! Learning rates, step by step.

use super::{Recipe, SMALL, TrainingSpec};

fn schedule(stages: &str) -> TrainingSpec {
    let text = SMALL.replace("[{ epochs = 2, rate = 0.1 }]", stages);
    let recipe = Recipe::parse(&text, "small", &[]).unwrap();
    assert_eq!(Recipe::parse(&recipe.to_toml(), "small", &[]).unwrap(), recipe);
    recipe.training().unwrap().clone()
}

#[test]
fn rates_move_step_by_step() {
    // One cycle: up in 1.5 epochs, down in 2; ten steps an epoch.
    let train = schedule(
        "[{ epochs = 1.5, rate = 0.2, end_rate = 1, bias_rate = 0.4 }, { epochs = 2, rate = 1, end_rate = 0.1 }]",
    );
    assert_eq!((train.schedule.total_steps(10), train.schedule.first_steps(10)), (35, vec![0, 15, 35]));
    let near = |step: u64, weight: f64, bias: f64| {
        let rates = train.schedule.rates(step, 10);
        assert!((rates.weight - weight).abs() < 1e-12 && (rates.bias - bias).abs() < 1e-12, "{step}: {rates:?}");
    };
    near(0, 0.2, 0.4);
    near(3, 0.36, 0.72);
    near(15, 1.0, 1.0);
    near(25, 0.55, 0.55);
    near(35, 0.1, 0.1);
    near(99, 0.1, 0.1);
}

#[test]
fn warm_up_and_cosine_have_their_ends_and_middle() {
    let train = schedule(
        "[{ epochs = 1, rate = 0, end_rate = 0.8 }, { epochs = 4, rate = 0.8, end_rate = 0, curve = \"cosine\" }]",
    );
    let rate = |step| train.schedule.rates(step, 100).weight;
    for (step, expected) in [(0, 0.0), (50, 0.4), (100, 0.8), (300, 0.4), (200, 0.4 + 0.4 * 0.5_f64.sqrt()), (500, 0.0)]
    {
        assert!((rate(step) - expected).abs() < 1e-12, "{step}: {}", rate(step));
    }
    // It never rises again.
    assert!((100..500).all(|step| rate(step) > rate(step + 1)));
}

#[test]
fn a_moving_schedule_is_stretched_as_a_whole() {
    let text = SMALL.replace(
        "[{ epochs = 2, rate = 0.1 }]",
        "[{ epochs = 2, rate = 0.1, end_rate = 1 }, { epochs = 6, rate = 1 }]",
    );
    let recipe = Recipe::parse(&text, "small", &[]).unwrap().with_epochs(2);
    let epochs: Vec<_> =
        recipe.training().unwrap().schedule.stages.iter().map(|stage| stage.epochs.to_string()).collect();
    assert_eq!(epochs, ["0.5", "1.5"]);
    assert_eq!(recipe.training().unwrap().schedule.total_steps(7), 14);
}
