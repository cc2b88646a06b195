//! Reads an example from its script:
//!
//! ```python
//! # Its title
//! # What it makes, in one or more lines.
//!
//! import FreeCAD as App
//!
//! WIDTH = 60.0  # mm, what it is
//! ```

use crate::api::views::example::{Example, ExampleParameter};

/// The units of parameters.
const UNITS: [&str; 4] = ["mm", "degrees", "percent", "count"];

/// A script without the form of an example: the line, from 1, and the problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct SourceError {
    line: usize,
    problem: &'static str,
}

/// Reads the example `name` from its script.
///
/// # Errors
/// If the script does not begin with its title and its description, if it has no parameters, if they are not in one
/// block after the imports, or if one is not a number or has no unit.
pub fn read_source(name: &str, script: &str) -> Result<Example, SourceError> {
    let mut lines = (1..).zip(script.lines()).peekable();
    let mut head = Vec::new();
    while let Some((_, text)) = lines.next_if(|(_, line)| line.starts_with("# ")) {
        head.push(text.trim_start_matches("# ").trim_end());
    }
    let [title, about @ ..] = head.as_slice() else { return Err(wrong(1, "the title is missing")) };
    if about.is_empty() {
        return Err(wrong(2, "the description is missing"));
    }
    let is_import = |line: &str| line.starts_with("import ") || line.starts_with("from ");
    while lines.next_if(|(_, line)| line.is_empty() || is_import(line)).is_some() {}
    let mut parameters = Vec::new();
    while let Some((number, line)) = lines.next_if(|(_, line)| !line.is_empty()) {
        parameters.push(parameter(line).map_err(|problem| wrong(number, problem))?);
    }
    if parameters.is_empty() {
        return Err(wrong(head.len() + 1, "there are no parameters after the imports"));
    }
    if let Some((number, _)) = lines.find(|(_, line)| line.starts_with(|first: char| first.is_ascii_uppercase())) {
        return Err(wrong(number, "this parameter is not in the block of parameters"));
    }
    Ok(Example {
        name: name.to_owned(),
        title: (*title).to_owned(),
        description: about.join(" "),
        parameters,
        script: script.to_owned(),
        picture_url: format!("/api/examples/{name}/picture"),
    })
}

/// `NAME = 1.0  # unit, what it is`.
fn parameter(line: &str) -> Result<ExampleParameter, &'static str> {
    let (name, rest) =
        line.split_once(" = ").ok_or("this block may only contain parameters of the form NAME = number")?;
    let is_named = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_named || !name.starts_with(|first: char| first.is_ascii_uppercase()) {
        return Err("a parameter's name has only capital letters, digits and underscores");
    }
    let (value, comment) =
        rest.split_once("  # ").ok_or("a parameter needs a comment with its unit, after two spaces")?;
    let (unit, about) = comment.split_once(", ").unwrap_or((comment, ""));
    if !UNITS.contains(&unit) {
        return Err("a comment begins with the unit: mm, degrees, percent or count");
    }
    let value = value.parse().ok().filter(|value: &f64| value.is_finite()).ok_or("a parameter's value is a number")?;
    Ok(ExampleParameter { name: name.to_owned(), value, unit: unit.to_owned(), about: about.to_owned() })
}

fn wrong(line: usize, problem: &'static str) -> SourceError {
    SourceError { line, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "# Plate\n# A plate\n# with holes.\n\nimport math\n\nimport Part\nfrom FreeCAD import Vector\n\n\
                          WIDTH = 60.0  # mm, along X\nHOLES = 4  # count\n\nwide = 2 * WIDTH\n";

    #[test]
    fn reads_title_description_and_parameters() {
        let plate = read_source("plate", SCRIPT).unwrap();
        assert_eq!((plate.title.as_str(), plate.description.as_str()), ("Plate", "A plate with holes."));
        assert_eq!((plate.script.as_str(), plate.picture_url.as_str()), (SCRIPT, "/api/examples/plate/picture"));
        let parameters: Vec<_> = plate.parameters.iter().map(|p| (&*p.name, p.value, &*p.unit, &*p.about)).collect();
        assert_eq!(parameters, [("WIDTH", 60.0, "mm", "along X"), ("HOLES", 4.0, "count", "")]);
    }

    #[test]
    fn errors_name_the_line() {
        for (from, to, line) in [
            ("# Plate\n# A plate\n# with holes.\n", "", 1),
            ("# A plate\n# with holes.\n", "", 2),
            ("WIDTH = 60.0  # mm, along X\nHOLES = 4  # count\n\n", "\n", 11),
            ("60.0  # mm, along X", "60.0", 10),
            ("# mm, along", "# inch, along", 10),
            ("60.0  #", "2 * 30  #", 10),
            ("60.0  #", "inf  #", 10),
            ("HOLES = 4", "holes = 4", 11),
            ("HOLES = 4", "_4 = 4", 11),
            ("HOLES = 4", "HOLES += 4", 11),
            ("wide = 2", "WIDE = 2", 13),
        ] {
            let script = SCRIPT.replace(from, to);
            assert_ne!(script, SCRIPT, "{from}");
            assert_eq!(read_source("plate", &script).unwrap_err().line, line, "{from:?} → {to:?}");
        }
    }
}
