//! The file formats that a job leaves behind.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IdError;

/// The base name of every output file; fixed by the layout that other software reads.
pub const BASE_NAME: &str = "MyHeadlessModel";

/// An output format. As text it is spelled as in file names: `FCStd`, `STEP`, `STL`, `OBJ`, `GLB`, `PNG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Format {
    /// FreeCAD's own document.
    #[serde(rename = "FCStd")]
    FcStd,
    /// ISO 10303-21 boundary representation.
    #[serde(rename = "STEP")]
    Step,
    /// Binary STL mesh.
    #[serde(rename = "STL")]
    Stl,
    /// Wavefront OBJ mesh.
    #[serde(rename = "OBJ")]
    Obj,
    /// Binary glTF 2.0 mesh with colours.
    #[serde(rename = "GLB")]
    Glb,
    /// The picture.
    #[serde(rename = "PNG")]
    Png,
}

impl Format {
    /// Every format, in the order in which answers list them.
    pub const ALL: [Self; 6] = [Self::FcStd, Self::Step, Self::Stl, Self::Obj, Self::Glb, Self::Png];

    /// The extension and the name in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FcStd => "FCStd",
            Self::Step => "STEP",
            Self::Stl => "STL",
            Self::Obj => "OBJ",
            Self::Glb => "GLB",
            Self::Png => "PNG",
        }
    }

    /// `MyHeadlessModel.STEP` and the like.
    pub fn file_name(self) -> String {
        format!("{BASE_NAME}.{}", self.as_str())
    }

    /// The media type stored with the file, as registered with IANA where there is one.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::FcStd => "application/x-extension-fcstd",
            Self::Step => "model/step",
            Self::Stl => "model/stl",
            Self::Obj => "model/obj",
            Self::Glb => "model/gltf-binary",
            Self::Png => "image/png",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = IdError;

    /// In any case, with or without a leading dot: `step`, `.STEP`, `fcstd`.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let name = text.strip_prefix('.').unwrap_or(text);
        Self::ALL.into_iter().find(|format| format.as_str().eq_ignore_ascii_case(name)).ok_or_else(IdError::format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_case_with_or_without_a_dot() {
        for text in ["fcstd", "FCSTD", ".FCStd", "FCStd"] {
            assert_eq!(text.parse::<Format>().unwrap(), Format::FcStd);
        }
        for format in Format::ALL {
            assert_eq!(format.as_str().parse::<Format>().unwrap(), format);
            assert_eq!(serde_json::to_string(&format).unwrap(), format!("\"{format}\""));
        }
        for bad in ["", ".", "..step", "dxf", "step "] {
            assert!(bad.parse::<Format>().is_err(), "{bad:?}");
        }
    }
}
