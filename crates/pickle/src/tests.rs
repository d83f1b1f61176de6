use super::*;

const RECORDED: Rules = Rules { what: "a checkpoint", objects: Objects::Recorded };
const REFUSED: Rules = Rules { what: "a batch", objects: Objects::Refused };

/// A dictionary with one key, `a`, whose value these steps make.
fn with_value(steps: &[u8]) -> Vec<u8> {
    [&b"\x80\x02}U\x01a"[..], steps, b"s."].concat()
}

/// An array of Python 2's numpy: shape as steps, type and bytes.
fn array(shape: &[u8], kind: &str, is_fortran: bool, bytes: &[u8]) -> Vec<u8> {
    let flag: &[u8] = if is_fortran { b"\x88" } else { b"\x89" };
    let length = [bytes.len() as u8];
    let start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01";
    let dtype = [
        &b"cnumpy\ndtype\nU\x02"[..],
        kind.as_bytes(),
        b"K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
    ];
    [&start[..], shape, &dtype.concat(), flag, b"U", &length, bytes, b"tb"].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn objects_of_old_and_new_classes_are_read_and_never_instantiated() {
    for (steps, module, arguments) in [
        // Python 2's old-style classes, in binary and as text.
        (&b"(coptions\nOption\nK\x07o}U\x05valueK\x80sb"[..], "options", 1),
        (b"(K\x07ioptions\nOption\n}U\x05valueK\x80sb", "options", 1),
        (b"coptions\nOption\n)\x81}U\x05valueK\x80sb", "options", 0),
        (b"\x8c\x07options\x8c\x06Option\x93)}\x92}U\x05valueK\x80sb", "options", 0),
        (b"cos\nsystem\nU\x04true\x85R}U\x05valueK\x80sb", "os", 1),
    ] {
        let bytes = with_value(steps);
        let pickle = parse(&bytes, RECORDED).unwrap();
        let Some(Value::Record(record)) = pickle.key("a") else { panic!("{:?}", pickle.key("a")) };
        assert_eq!(&*record.module, module.as_bytes());
        assert_eq!(record.arguments.len(), arguments);
        assert_eq!(pickle.entry(pickle.key("a").unwrap(), "value"), Some(&Value::Int(128)), "{steps:?}");
        assert!(parse(&bytes, REFUSED).is_err(), "{steps:?}");
    }
}

#[test]
fn a_dictionary_of_a_class_keeps_its_items() {
    let bytes = with_value(b"ccollections\nOrderedDict\n)\x81(U\x01xK\x01U\x01yK\x02u");
    let pickle = parse(&bytes, RECORDED).unwrap();
    let Some(Value::Record(record)) = pickle.key("a") else { panic!() };
    let items: Vec<_> = record.items.iter().map(|&id| pickle.get(id)).collect();
    assert!(items[0].is_text("x") && items[3] == &Value::Int(2), "{items:?}");
}

#[test]
fn values_that_contain_themselves_are_read() {
    let bytes = b"\x80\x02}q\x00U\x04selfh\x00s.";
    let pickle = parse(bytes, RECORDED).unwrap();
    assert!(std::ptr::eq(pickle.key("self").unwrap(), pickle.root()));
}

#[test]
fn floating_numbers_are_read_in_both_orders() {
    let shape = b"K\x02K\x03\x86";
    let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    for (is_fortran, expected) in [(false, numbers), (true, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0])] {
        let bytes = with_value(&array(shape, "f4", is_fortran, &floats(&numbers)));
        let pickle = parse(&bytes, REFUSED).unwrap();
        let Some(Value::Array(array)) = pickle.key("a") else { panic!() };
        assert_eq!((array.shape.as_slice(), array.floats().unwrap()), (&[2, 3][..], expected.to_vec()));
        assert_eq!(array.numbers(), None);
    }
    let doubles: Vec<u8> = [0.5_f64, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let bytes = with_value(&array(b"K\x02\x85", "f8", false, &doubles));
    let pickle = parse(&bytes, REFUSED).unwrap();
    let Some(Value::Array(array)) = pickle.key("a") else { panic!() };
    assert_eq!(array.floats(), Some(vec![0.5, -2.0]));
    for (steps, expected) in [(&b"G\x3f\xe0\x00\x00\x00\x00\x00\x00"[..], 0.5), (b"F-1e-05\n", -1e-5)] {
        let bytes = with_value(steps);
        assert_eq!(parse(&bytes, REFUSED).unwrap().key("a"), Some(&Value::Float(expected)));
    }
}

#[test]
fn what_grows_without_bound_is_refused() {
    let error = |steps: &[u8]| parse(&with_value(steps), RECORDED).unwrap_err().to_string();
    assert!(error(&b"(".repeat(10_001)).contains("10000 open marks"));
    let many = [&b"("[..], &b"K\x01".repeat(17), b"tq\x01cmain\nX\nh\x01R"].concat();
    assert!(error(&many).contains("17 arguments"), "{}", error(&many));
    let long = ["c", &"m".repeat(1_100), "\nX\n)R"].concat();
    assert!(error(long.as_bytes()).contains("long name"));
    let wrong = array(b"K\x03K\x03\x86", "f4", false, &floats(&[1.0; 6]));
    assert!(error(&wrong).contains("24 bytes for the shape [3, 3]"), "{}", error(&wrong));
    assert!(error(b"U\x01xQ").contains("a reference to something outside"));
}

proptest::proptest! {
    #[test]
    fn any_change_of_a_byte_is_read_or_refused(at in 0_usize..300, value in proptest::num::u8::ANY) {
        let object = b"(coptions\nOption\nK\x07oq\x01}U\x05valueK\x80sb0";
        let mut bytes = with_value(&[&object[..], &array(b"K\x02K\x03\x86", "f4", true, &floats(&[1.0; 6]))].concat());
        let length = bytes.len();
        bytes[at % length] = value;
        for rules in [RECORDED, REFUSED] {
            // Whatever comes of it, it comes back: no panic, no endless loop.
            if let Ok(pickle) = parse(&bytes, rules)
                && let Some(Value::Array(array)) = pickle.key("a")
            {
                let _ = (array.numbers(), array.floats());
            }
        }
    }
}
