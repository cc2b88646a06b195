//! An example with other parameters than its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use partwright::api::examples::read_source;

use crate::batch::Script;

/// Where the scripts are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/examples")
}

/// An example, as a person may have changed it.
pub struct Variant {
    /// The example's name.
    pub name: String,
    /// The script, under a name of its own.
    pub script: Script,
    parameters: BTreeMap<String, f64>,
}

impl Variant {
    /// The example with these parameters instead of its own.
    pub fn of(name: &str, changes: &[(&str, &str)]) -> Self {
        let mut script = std::fs::read_to_string(folder().join(name).with_extension("py")).unwrap();
        for (parameter, value) in changes {
            let start = format!("{parameter} = ");
            let line =
                script.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{name}: {parameter}"));
            let old = line[start.len()..].split_whitespace().next().unwrap();
            assert_ne!(old, *value, "{name}: {parameter} is that already");
            let changed = format!("{start}{value}{}", &line[start.len() + old.len()..]);
            script = script.replacen(line, &changed, 1);
        }
        let told = read_source(name, &script).unwrap();
        let parameters = told.parameters.into_iter().map(|parameter| (parameter.name, parameter.value)).collect();
        let named = changes.iter().map(|(parameter, value)| format!("_{parameter}_{value}")).collect::<String>();
        // The runner takes what follows a dot for an ending.
        let script = Script { name: format!("{name}{}", named.replace('.', ",")), text: script.into_bytes() };
        Self { name: name.to_owned(), script, parameters }
    }

    /// The same with more lines at its end.
    pub fn and(mut self, lines: &str) -> Self {
        self.script.text.extend_from_slice(lines.as_bytes());
        self
    }

    /// A parameter's value.
    pub fn value(&self, parameter: &str) -> f64 {
        *self.parameters.get(parameter).unwrap_or_else(|| panic!("{}: {parameter}", self.name))
    }
}
