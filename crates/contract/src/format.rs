//! The formats of output files.

use std::str::FromStr;

use schemars::JsonSchema;

use super::{IdError, word_enum};

/// The base name of every output file. Other software relies on it.
pub const BASE_NAME: &str = "MyHeadlessModel";

word_enum! {
    /// An output format. As text it is spelled as in file names: `FCStd`, `STEP`, `STL`, `OBJ`, `GLB`, `PNG`.
    #[derive(PartialOrd, Ord, Hash, JsonSchema)]
    pub enum Format {
        /// FreeCAD document.
        FcStd = "FCStd",
        /// Exact shapes (ISO 10303-21).
        Step = "STEP",
        /// Mesh, binary STL.
        Stl = "STL",
        /// Mesh, Wavefront OBJ.
        Obj = "OBJ",
        /// Mesh with colours, binary glTF 2.0.
        Glb = "GLB",
        /// Picture.
        Png = "PNG",
    }
}

impl Format {
    /// `MyHeadlessModel.STEP` for [`Format::Step`].
    pub fn file_name(self) -> String {
        format!("{BASE_NAME}.{self}")
    }

    /// The media type stored with the file. All but FCStd's are registered with IANA.
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

impl FromStr for Format {
    type Err = IdError;

    /// Accepts any case, with or without a leading dot: `step`, `.STEP`, `fcstd`.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let name = text.strip_prefix('.').unwrap_or(text);
        let found = Self::ALL.into_iter().find(|format| format.as_str().eq_ignore_ascii_case(name));
        found.ok_or(IdError::new("a format is one of FCStd, STEP, STL, OBJ, GLB, PNG"))
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
        }
        for bad in ["", ".", "..step", "dxf", "step "] {
            assert!(bad.parse::<Format>().is_err(), "{bad:?}");
        }
    }
}
