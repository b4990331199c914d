//! Equations 1 to 9: values and gradients against closed forms and finite differences, in float64.

use hrinet::network::autoencoder::features::AutoencoderFeatures;
use hrinet::training::losses::paper::{
    eq1_patch_gan, eq2_anchor, eq2_critic, eq3_stage_one, eq4_step_one, eq5_mse_content,
    eq6_perceptual_content, eq7_against_critic, eq8_against_patch_gan, laplace,
};
use hrinet::training::settings::{Adversarial, CriticTarget};
use tch::Tensor;

const CLOSE: f64 = 1e-10;

fn tensor(values: &[f64]) -> Tensor {
    Tensor::from_slice(values).set_requires_grad(true)
}

fn value(x: &Tensor) -> f64 {
    x.double_value(&[])
}

/// Gradient of `loss` in each of `values` by autograd; panics where the value or the central
/// differences of `expected`, plain arithmetic, differ.
fn compare(
    values: &[f64],
    loss: impl Fn(&Tensor) -> Tensor,
    expected: impl Fn(&[f64]) -> f64,
) -> Vec<f64> {
    let x = tensor(values);
    let got = loss(&x);
    assert_eq!(got.size(), [0i64; 0], "one number");
    let wanted = expected(values);
    assert!((value(&got) - wanted).abs() < CLOSE * wanted.abs().max(1.0), "{got:?} {wanted}");
    got.backward();
    let gradient = Vec::<f64>::try_from(x.grad()).unwrap();
    let step = 1e-5;
    for (index, gradient) in gradient.iter().enumerate() {
        let at = |offset: f64| {
            let mut moved = values.to_vec();
            moved[index] += offset;
            expected(&moved)
        };
        let slope = (at(step) - at(-step)) / (2.0 * step);
        assert!((gradient - slope).abs() < 1e-7, "at {index}: {gradient} instead of {slope}");
    }
    gradient
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

const LOGITS: [f64; 6] = [-3.0, -0.2, 0.0, 0.7, 1.0, 4.0];
const OTHERS: [f64; 4] = [0.3, -1.4, 2.0, 0.1];

#[test]
fn equation_1_is_the_negative_of_what_d2_maximises() {
    for form in [Adversarial::Saturating, Adversarial::NonSaturating] {
        let cross = |real: &[f64], generated: &[f64]| {
            -mean(real.iter().map(|&l| sigmoid(l).ln()))
                - mean(generated.iter().map(|&l| (1.0 - sigmoid(l)).ln()))
        };
        let others = tensor(&OTHERS);
        compare(&LOGITS, |x| eq1_patch_gan(x, &others, form).unwrap(), |x| cross(x, &OTHERS));
        compare(&LOGITS, |x| eq1_patch_gan(&others, x, form).unwrap(), |x| cross(&OTHERS, x));
    }
    let squares = |real: &[f64], generated: &[f64]| {
        0.5 * mean(real.iter().map(|l| (l - 1.0).powi(2)))
            + 0.5 * mean(generated.iter().map(|l| l * l))
    };
    let (others, form) = (tensor(&OTHERS), Adversarial::LeastSquares);
    compare(&LOGITS, |x| eq1_patch_gan(x, &others, form).unwrap(), |x| squares(x, &OTHERS));
    compare(&LOGITS, |x| eq1_patch_gan(&others, x, form).unwrap(), |x| squares(&OTHERS, x));
}

#[test]
fn equation_2_has_folded_and_literal_targets() {
    let alpha = [0.1, 0.9, 0.5, 0.7];
    let alphas = Tensor::from_slice(&alpha);
    for (target, wanted) in
        [(CriticTarget::Folded, [0.1, 0.1, 0.5, 0.3]), (CriticTarget::Literal, alpha)]
    {
        let expected = |blended: &[f64], anchor: &[f64]| {
            mean(blended.iter().zip(&wanted).map(|(guess, alpha)| (guess - alpha).powi(2)))
                + mean(anchor.iter().map(|guess| guess * guess))
        };
        let others = tensor(&LOGITS);
        let of_blended = |x: &Tensor| eq2_critic(x, &alphas, &others, target).unwrap();
        compare(&OTHERS, of_blended, |x| expected(x, &LOGITS));
        let others = tensor(&OTHERS);
        let of_anchor = |x: &Tensor| eq2_critic(&others, &alphas, x, target).unwrap();
        compare(&LOGITS, of_anchor, |x| expected(&OTHERS, x));
    }
    let anchor = eq2_anchor(&tensor(&[1.0, 0.0]), &tensor(&[0.0, 0.5]), 0.2).unwrap();
    assert!((anchor.double_value(&[0]) - 0.2).abs() < CLOSE);
    assert!((anchor.double_value(&[1]) - 0.4).abs() < CLOSE);
}

#[test]
fn equations_3_and_4_weight_their_terms() {
    let parts = [0.25, 2.0, -0.75];
    let part = |x: &Tensor, index: i64| x.get(index);
    let gradient = compare(
        &parts[..2],
        |x| eq3_stage_one(&part(x, 0), &part(x, 1), 0.5).unwrap(),
        |x| x[0] + 0.5 * x[1],
    );
    assert_eq!(gradient, [1.0, 0.5]);
    let gradient = compare(
        &parts,
        |x| eq4_step_one(&part(x, 0), &part(x, 1), &part(x, 2), 0.5, 5e-4).unwrap(),
        |x| x[0] + 0.5 * x[1] + 5e-4 * x[2],
    );
    assert_eq!(gradient, [1.0, 0.5, 5e-4]);
}

#[test]
fn equation_5_is_the_mean_of_squares() {
    let truth = [0.0, 0.5, 1.0, 0.25];
    let truths = Tensor::from_slice(&truth).view([1, 1, 2, 2]);
    let gradient = compare(
        &[0.5, 0.5, 0.0, 0.25],
        |x| eq5_mse_content(&truths, &x.view([1, 1, 2, 2])).unwrap(),
        |x| mean(x.iter().zip(&truth).map(|(a, b)| (a - b).powi(2))),
    );
    // d/dx-hat of the mean of squares: 2 (x-hat - x) / 4.
    assert_eq!(gradient, [0.25, 0.0, -0.5, 0.0]);
}

/// Two maps of 4 and 2 values: the mean is over all six.
#[test]
fn equation_6_is_the_mean_over_all_values_of_all_maps() {
    let truth = LOGITS;
    let maps =
        |x: &Tensor| AutoencoderFeatures { maps: vec![x.narrow(0, 0, 4), x.narrow(0, 4, 2)] };
    let truths = maps(&Tensor::from_slice(&truth));
    compare(
        &[0.1, 0.2, -0.3, 0.4, 0.5, -2.0],
        |x| eq6_perceptual_content(&truths, &maps(x)).unwrap(),
        |x| mean(x.iter().zip(&truth).map(|(a, b)| (a - b).powi(2))),
    );
    let nothing = || AutoencoderFeatures { maps: Vec::new() };
    assert!(eq6_perceptual_content(&nothing(), &nothing()).is_err());
}

#[test]
fn equation_7_is_the_mean_square_of_the_guesses() {
    let expected = |x: &[f64]| mean(x.iter().map(|guess| guess * guess));
    compare(&LOGITS, |x| eq7_against_critic(x).unwrap(), expected);
}

#[test]
fn equation_8_has_three_forms() {
    let saturating = |x: &[f64]| mean(x.iter().map(|&l| (1.0 - sigmoid(l)).ln()));
    let non_saturating = |x: &[f64]| -mean(x.iter().map(|&l| sigmoid(l).ln()));
    let squares = |x: &[f64]| 0.5 * mean(x.iter().map(|l| (l - 1.0).powi(2)));
    let loss = |form| move |x: &Tensor| eq8_against_patch_gan(x, form).unwrap();
    compare(&LOGITS, loss(Adversarial::Saturating), saturating);
    compare(&LOGITS, loss(Adversarial::NonSaturating), non_saturating);
    compare(&LOGITS, loss(Adversarial::LeastSquares), squares);
}

/// Logarithms of a sigmoid that rounds to 0 or 1 in float32 would be infinite.
#[test]
fn large_logits_give_finite_losses_and_gradients() {
    let cases = [
        (Adversarial::Saturating, 1e4, [-1e4, -1.0]),
        (Adversarial::Saturating, -1e4, [0.0, 0.0]),
        (Adversarial::NonSaturating, 1e4, [0.0, 0.0]),
        (Adversarial::NonSaturating, -1e4, [1e4, -1.0]),
    ];
    for (form, logit, [loss, slope]) in cases {
        let x = Tensor::from_slice(&[logit as f32]).set_requires_grad(true);
        let got = eq8_against_patch_gan(&x, form).unwrap();
        got.backward();
        assert_eq!([value(&got), x.grad().double_value(&[0])], [loss, slope], "{form:?} {logit}");
    }
    for (real, generated, loss) in [(1e4, -1e4, 0.0), (-1e4, 1e4, 2e4), (-1e4, -1e4, 1e4)] {
        let [real, generated] = [real, generated].map(|logit: f32| Tensor::from_slice(&[logit]));
        let got = eq1_patch_gan(&real, &generated, Adversarial::Saturating).unwrap();
        assert_eq!(value(&got), loss);
    }
}

/// Three inner slices of two pixels: a third of the sum of their content losses is the content loss
/// over all of them, as Stage II computes it.
#[test]
fn equation_9_is_the_content_loss_over_all_inner_slices() {
    let truth = LOGITS;
    let truths = Tensor::from_slice(&truth).view([3, 1, 1, 2]);
    let expected = |x: &[f64]| {
        let slices = x.chunks(2).zip(truth.chunks(2));
        let contents = slices.map(|(a, b)| ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)) / 2.0);
        contents.sum::<f64>() / 3.0
    };
    compare(
        &[0.1, 0.2, -0.3, 0.4, 0.5, -2.0],
        |x| eq5_mse_content(&truths, &x.view([3, 1, 1, 2])).unwrap(),
        expected,
    );
}

#[test]
fn laplace_loss_is_least_at_the_mean_error() {
    let errors = [0.3, 2.0, 5.0, 0.7];
    let mean = errors.iter().sum::<f64>() / 4.0;
    let of_one = |expected: f64| {
        let expected = Tensor::from_slice(&[expected; 4]);
        value(&laplace(&Tensor::from_slice(&errors), &expected).unwrap())
    };
    // At the mean b the loss is 1 + ln b; nowhere else is it less.
    assert!((of_one(mean) - (1.0 + mean.ln())).abs() < CLOSE);
    for step in -40..=40 {
        let expected = mean * (0.05 * f64::from(step)).exp();
        assert!(of_one(expected) >= of_one(mean), "{expected}");
    }
    let values = [1.0, 2.5, 0.4, 7.0];
    compare(
        &values,
        |expected| laplace(&Tensor::from_slice(&errors), expected).unwrap(),
        |x| (0..4).map(|n| errors[n] / x[n] + x[n].ln()).sum::<f64>() / 4.0,
    );
}
