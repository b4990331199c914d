//! Sizes of memory on the command line.

/// Parses a number of bytes with a unit.
///
/// # Errors
/// Advice on the right form, where the text is no size.
pub fn bytes(text: &str) -> std::result::Result<u64, String> {
    const UNITS: [(&str, f64); 13] = [
        ("kib", 1024.0),
        ("mib", 1_048_576.0),
        ("gib", 1_073_741_824.0),
        ("tib", 1_099_511_627_776.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("tb", 1e12),
        ("b", 1.0),
        ("k", 1e3),
        ("m", 1e6),
        ("g", 1e9),
        ("t", 1e12),
    ];
    let lower = text.trim().to_lowercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, size)| Some((lower.strip_suffix(name)?, *size)))
        .unwrap_or((&lower, 1.0));
    match number.trim().parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok((number * unit) as u64),
        _ => Err("give a number with a unit, such as 8G or 500MB".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("8GB"), Ok(8_000_000_000));
        assert_eq!(bytes("1.5 gib"), Ok(1_610_612_736));
        assert_eq!(bytes("500"), Ok(500));
        assert_eq!([bytes("2G"), bytes("800m")], [Ok(2_000_000_000), Ok(800_000_000)]);
        assert!(["", "GB", "-1GB", "much", "nanGB"].iter().all(|text| bytes(text).is_err()));
    }
}
