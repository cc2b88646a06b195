//! An example with changed parameters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use partwright::api::examples::read_source;

use crate::batch::Script;

/// The folder of the examples.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/examples")
}

/// An example, changed as a person might change it.
pub struct Variant {
    pub name: String,
    /// The changed script, under a name of its own.
    pub script: Script,
    parameters: BTreeMap<String, f64>,
}

impl Variant {
    /// Replaces these parameters of the example.
    pub fn of(name: &str, changes: &[(&str, &str)]) -> Self {
        let mut script = std::fs::read_to_string(folder().join(name).with_extension("py")).unwrap();
        for (parameter, value) in changes {
            let start = format!("{parameter} = ");
            let line =
                script.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{name}: {parameter}"));
            let old = line[start.len()..].split_whitespace().next().unwrap();
            assert_ne!(old, *value, "{name}: {parameter} has this value already");
            let changed = format!("{start}{value}{}", &line[start.len() + old.len()..]);
            script = script.replacen(line, &changed, 1);
        }
        let source = read_source(name, &script).unwrap();
        let parameters = source.parameters.into_iter().map(|parameter| (parameter.name, parameter.value)).collect();
        let named = changes.iter().map(|(parameter, value)| format!("_{parameter}_{value}")).collect::<String>();
        // The runner would take the part after a dot as a file extension.
        let script = Script { name: format!("{name}{}", named.replace('.', ",")), text: script.into_bytes() };
        Self { name: name.to_owned(), script, parameters }
    }

    /// Appends lines to the script.
    pub fn and(mut self, lines: &str) -> Self {
        self.script.text.extend_from_slice(lines.as_bytes());
        self
    }

    /// The value of a parameter.
    pub fn value(&self, parameter: &str) -> f64 {
        *self.parameters.get(parameter).unwrap_or_else(|| panic!("{}: {parameter}", self.name))
    }
}
