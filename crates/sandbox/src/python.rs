//! The Python side, packed into this program.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Pairs each name with the text of its file.
macro_rules! python_files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../python/", $name)))),*]
    };
}

/// The files that run inside FreeCAD. They are part of this program, so the two always fit together.
const PYTHON_FILES: &[(&str, &str)] = python_files![
    "partwright/__init__.py",
    "partwright/blocked_paths.py",
    "partwright/boolean_faces.py",
    "partwright/boxes.py",
    "partwright/colours.py",
    "partwright/compare.py",
    "partwright/copy_object_patch.py",
    "partwright/documents.py",
    "partwright/export.py",
    "partwright/failure.py",
    "partwright/formats.py",
    "partwright/geometry.py",
    "partwright/gui.py",
    "partwright/gui_document.py",
    "partwright/gui_modules.py",
    "partwright/jail.py",
    "partwright/job.py",
    "partwright/mesh_file.py",
    "partwright/null_object.py",
    "partwright/placed_shapes.py",
    "partwright/process.py",
    "partwright/recorder.py",
    "partwright/report.py",
    "partwright/results.py",
    "partwright/script.py",
    "partwright/script_outputs.py",
    "partwright/selection.py",
    "partwright/snapshot.py",
    "partwright/step_colours.py",
    "partwright/widget_values.py",
    "partwright/widgets.py",
    "zygote.py",
];

/// Writes all files below `directory`. Scripts' processes may read them.
pub(crate) fn write_python_files(directory: &Path) -> io::Result<()> {
    for (name, text) in PYTHON_FILES {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
            fs::set_permissions(parent, Permissions::from_mode(0o755))?;
        }
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o644))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_python_file_is_packed() {
        fn collect(directory: &Path, base: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                let path = entry.path();
                let name = entry.file_name().to_string_lossy().into_owned();
                if path.is_dir() && name != "tests" && name != "__pycache__" {
                    collect(&path, base, found);
                } else if name.ends_with(".py") {
                    found.push(path.strip_prefix(base).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        let mut found = Vec::new();
        collect(&base, &base, &mut found);
        found.sort();
        let mut packed: Vec<&str> = PYTHON_FILES.iter().map(|(name, _)| *name).collect();
        packed.sort_unstable();
        assert_eq!(found, packed);
    }
}
