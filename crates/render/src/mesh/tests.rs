use super::sample::{GREY, cube, file, tube};
use super::*;

fn two_parts() -> Vec<Part> {
    let red = [1.0, 0.0, 0.0, 0.5];
    vec![Part { label: "Würfel".to_owned(), runs: vec![(4, red), (8, GREY)], ..cube() }, tube(12)]
}

#[test]
fn a_written_file_is_read_back() {
    assert_eq!(parse(&file(&two_parts())).unwrap().parts, two_parts());
    assert_eq!(parse(&file(&[])).unwrap().parts, []);
}

#[test]
fn colours_are_clamped() {
    let part = Part { base: [-1.0, 0.5, 2.0, 7.0], ..cube() };
    assert_eq!(parse(&file(&[part])).unwrap().parts[0].base, [0.0, 0.5, 1.0, 1.0]);
}

#[test]
fn values_out_of_bounds_are_refused() {
    type Spoil = fn(&mut Part);
    let spoils: [(&str, Spoil); 8] = [
        ("corner that does not exist", |part| part.triangles[3][1] = 8),
        ("coordinate is not finite", |part| part.vertices[7][2] = f32::NAN),
        ("coordinate is not finite", |part| part.vertices[0][0] = f32::INFINITY),
        ("colour is not finite", |part| part.base[3] = f32::NAN),
        ("colour is not finite", |part| part.runs = vec![(12, [f32::INFINITY; 4])]),
        ("do not cover", |part| part.runs = vec![(11, GREY)]),
        ("do not cover", |part| part.runs = vec![(u32::MAX, GREY), (13, GREY)]),
        ("more than 4096 bytes in a label", |part| part.label = "x".repeat(4097)),
    ];
    for (problem, spoil) in spoils {
        let mut part = cube();
        spoil(&mut part);
        let error = parse(&file(&[part])).unwrap_err().to_string();
        assert!(error.contains(problem), "{problem}: {error}");
    }
}

#[test]
fn counts_are_limited() {
    let whole = file(&two_parts());
    let counts = [4, 8, 12 + 7 + 16, 12 + 7 + 16 + 4 + 8 * 12];
    for at in counts {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = parse(&bytes).unwrap_err().to_string();
        assert!(error.contains("a count is larger than the file"), "{at}: {error}");
    }
    let runs = Part { runs: vec![(0, GREY); 100_001], ..cube() };
    assert!(matches!(parse(&file(&[runs])), Err(MeshError::TooLarge { of: "colour runs", .. })));
    let colour = |number: u16| (0, [f32::from(number) / 65_536.0, 0.0, 0.0, 1.0]);
    let runs: Vec<_> = (0..20_001).map(colour).chain([(12, GREY)]).collect();
    assert!(matches!(parse(&file(&[Part { runs, ..cube() }])), Err(MeshError::TooLarge { of: "colours", .. })));
    let many = vec![Part { vertices: Vec::new(), triangles: Vec::new(), ..cube() }; 10_001];
    assert!(matches!(parse(&file(&many)), Err(MeshError::TooLarge { of: "parts", .. })));
    // In two parts, because the limit is for the sum.
    let half = Part { triangles: vec![[0, 1, 2]; 1_000_001], ..cube() };
    assert!(matches!(parse(&file(&[half.clone(), half])), Err(MeshError::TooLarge { of: "triangles", .. })));
    let half = Part { vertices: vec![[0.0; 3]; 1_500_001], ..cube() };
    assert!(matches!(parse(&file(&[half.clone(), half])), Err(MeshError::TooLarge { of: "vertices", .. })));
}

#[test]
fn missing_and_extra_bytes_are_refused() {
    let whole = file(&two_parts());
    for length in 0..whole.len() {
        assert!(parse(&whole[..length]).is_err(), "{length}");
    }
    let mut longer = whole;
    longer.push(0);
    assert!(parse(&longer).unwrap_err().to_string().contains("bytes after the last part"));
}

/// A damaged file is refused or drawn.
#[test]
fn no_damage_panics() {
    let whole = file(&two_parts());
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    let mut drawn = 0;
    for _ in 0..1_000 {
        let mut bytes = whole.clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            bytes[at] ^= 1 << next(8);
        }
        if next(8) == 0 {
            bytes.truncate(next(whole.len()));
        }
        drawn += usize::from(crate::draw(bytes, 16, u64::MAX).is_ok());
    }
    // Most bits belong to coordinates, colours or indices.
    assert!(drawn > 100, "{drawn}");
}
