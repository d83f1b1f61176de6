use super::*;
use crate::input::InputSpec;
use ndarray::{Array3, arr1};

/// Pixels as they are.
fn plain() -> Preprocess {
    Preprocess {
        transform: None,
        values: ValueRange::Byte,
        order: ChannelOrder::Rgb,
        mean: None,
        std: None,
        scale: 1.0,
        crop: None,
        padding: None,
    }
}

#[test]
fn crop_flip_and_centre_mean() {
    let image = Array3::from_shape_fn((1, 4, 4), |(_, y, x)| (10 * y + x) as u8);
    let mean = Array3::from_shape_fn((1, 4, 4), |(_, y, x)| (y * 4 + x) as f32);
    let preprocess = Preprocess { mean: Some(mean), scale: 2.0, ..plain() };
    let view = View::at(0, 1).mirrored();
    let mut out = Array3::zeros((1, 2, 2));
    preprocess.write(image.view(), view, out.view_mut()).unwrap();
    // Pixels (0,2) (0,1) / (1,2) (1,1), minus the mean's centre 5 6 / 9 10.
    let expected = [(2.0 - 5.0), (1.0 - 6.0), (12.0 - 9.0), (11.0 - 10.0)].map(|v| 2.0 * v);
    assert_eq!(out.into_raw_vec_and_offset().0, expected);
}

#[test]
fn a_view_outside_is_refused() {
    let preprocess = plain();
    let image = Array3::<u8>::zeros((3, 4, 4));
    let view = View::at(2, 0);
    let mut out = Array3::zeros((3, 3, 3));
    let error = preprocess.write(image.view(), view, out.view_mut());
    assert!(error.unwrap_err().to_string().contains("row 2"));
}

#[test]
fn ten_views_are_the_five_places_twice() {
    let (image, input) = (Shape::new(3, 32, 32), Shape::new(3, 24, 24));
    let views = View::ten(View::centre(image, input), image, input);
    assert_eq!(views.len(), 10);
    assert_eq!((views[2].y, views[2].x), (4, 4));
    assert_eq!((views[9].y, views[9].x, views[9].flipped), (8, 8, true));
}

/// One channel of 3 x 3 pixels: 1 2 3 / 4 5 6 / 7 8 9.
fn nine(view: View, padding: Option<Padding>) -> Result<Vec<f32>, Error> {
    let image = Array3::from_shape_fn((1, 3, 3), |(_, y, x)| (3 * y + x + 1) as u8);
    let mut out = Array3::from_elem((1, 3, 3), f32::NAN);
    let preprocess = Preprocess { padding, ..plain() };
    preprocess.write(image.view(), view, out.view_mut())?;
    Ok(out.into_raw_vec_and_offset().0)
}

#[test]
fn padding_is_zero_or_the_image_mirrored() {
    let found = |view, padding| nine(view, Some(padding)).unwrap();
    assert_eq!(found(View::at(-1, 1), Padding::Zero), [0.0, 0.0, 0.0, 2.0, 3.0, 0.0, 5.0, 6.0, 0.0]);
    assert_eq!(found(View::at(-1, 1), Padding::Reflect), [5.0, 6.0, 5.0, 2.0, 3.0, 2.0, 5.0, 6.0, 5.0]);
    assert_eq!(found(View::at(2, -2).mirrored(), Padding::Reflect), [7.0, 8.0, 9.0, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
    assert!(nine(View::at(-1, 0), None).unwrap_err().to_string().contains("row -1"));
    assert!(nine(View::at(3, 0), Some(Padding::Reflect)).unwrap_err().to_string().contains("row 3"));
}

#[test]
fn cutout_blanks_and_colours_change() {
    let cutout = Some(Cutout { rows: (1, 9), columns: (0, 2) });
    let view = View { cutout, ..View::at(0, 0) };
    assert_eq!(nine(view, None).unwrap(), [1.0, 2.0, 3.0, 0.0, 0.0, 6.0, 0.0, 0.0, 9.0]);
    // The mean is 5: 2 (5 + 0.5 (x - 5)).
    let view = View { brightness: 2.0, contrast: 0.5, ..View::at(0, 0) };
    assert_eq!(nine(view, None).unwrap(), [6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0]);
}

#[test]
fn six_views_weigh_eight() {
    let side = Shape::new(3, 32, 32);
    let views = View::of_test(TestViews::Six, View::at(0, 0), side, side);
    assert_eq!(views.len(), 6);
    assert!((views.iter().map(|(_, weight)| weight).sum::<f32>() - 8.0).abs() < 1e-6);
    assert_eq!((views[5].0.y, views[5].0.x, views[5].0.flipped), (1, 1, true));
    assert_eq!(View::of_test(TestViews::Mirror, View::at(0, 0), side, side).len(), 2);
}

#[test]
fn deviation_range_and_order_are_of_the_networks_channels() {
    let image = Array3::from_shape_fn((3, 1, 2), |(c, _, x)| (10 * c + x) as u8);
    let mean = Array3::from_shape_fn((3, 1, 2), |(c, ..)| c as f32);
    let std = Some(arr1(&[1.0, 2.0, 4.0]));
    let preprocess = Preprocess { order: ChannelOrder::Bgr, mean: Some(mean), std, scale: 2.0, ..plain() };
    let mut out = Array3::zeros((3, 1, 2));
    preprocess.write(image.view(), View::at(0, 0), out.view_mut()).unwrap();
    assert_eq!(out.as_slice().unwrap(), [40.0, 42.0, 9.0, 10.0, -1.0, -0.5]);
    let preprocess = Preprocess { values: ValueRange::Unit, std: Some(arr1(&[0.5, 0.5, 0.5])), ..plain() };
    preprocess.write(image.view(), View::at(0, 0), out.view_mut()).unwrap();
    assert!(out.iter().zip(&image).all(|(x, pixel)| (x - f32::from(*pixel) / 127.5).abs() < 1e-6));
    let error = Preprocess { std: Some(arr1(&[1.0])), ..plain() }.write(image.view(), View::at(0, 0), out.view_mut());
    assert!(error.unwrap_err().to_string().contains("expected 3 numbers, found 1"));
}

#[test]
fn an_image_of_another_size_is_brought_to_the_networks_or_refused() {
    let image = Array3::from_elem((1, 9, 30), 8);
    let shape = Shape::new(1, 3, 3);
    let write = |spec: &InputSpec| {
        let mut out = Array3::zeros((1, 3, 3));
        let preprocess = Preprocess { transform: Some(InputTransform::new(spec, shape)), ..plain() };
        preprocess.write(image.view(), View::at(0, 0), out.view_mut()).map(|()| out)
    };
    let resize = Some(crate::recipe::Resize::ShorterSide(3));
    let found = write(&InputSpec { resize, ..InputSpec::default() }).unwrap();
    assert_eq!(found, Array3::from_elem((1, 3, 3), 8.0));
    let error = write(&InputSpec::default()).unwrap_err().to_string();
    assert!(error.contains("1x3x3") && error.contains("1x9x30") && error.contains("data.resize"), "{error}");
}
