//! Binary glTF 2.0.
//!
//! Each part has a node and a mesh. Their root node converts FreeCAD's millimetres and Z up to glTF's metres and Y up,
//! so the vertices stay as they are. Each colour of a part is a primitive; all primitives of a part share its vertices.
//! The binary chunk has all positions, then all normals, then the indices.
//!
//! The format: glTF 2.0, <https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html>, section 4.4 for GLB.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::mesh::Colour;
use crate::surface::{Piece, Surface};

// The numbers of the format.
const F32: u32 = 5126;
const U16: u32 = 5123;
const U32: u32 = 5125;
const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
const JSON_CHUNK: &[u8; 4] = b"JSON";
const BINARY_CHUNK: &[u8; 4] = b"BIN\0";

/// The size of a position or a normal.
const VECTOR_BYTES: usize = 12;

/// Writes `surface` as a GLB file, or gives `None` if it would be larger than `limit` bytes.
///
/// A triangle takes 36 bytes or less on a curved surface, 60 on a box, and 84 at most. The same surface gives the same
/// bytes. Without triangles the file is valid and shows nothing.
pub fn write(surface: &Surface, limit: u64) -> Option<Vec<u8>> {
    let vectors = 2 * surface.vertices.len() * VECTOR_BYTES;
    // Checked before it takes more memory: each triangle has three indices of at least two bytes.
    if (vectors + surface.triangles.len() * 6) as u64 > limit {
        return None;
    }
    let mut document = Document::default();
    for piece in &surface.pieces {
        document.add_piece(surface, piece);
    }
    let indices = std::mem::take(&mut document.indices);
    // The format requires a multiple of four for each chunk. The indices of each accessor are padded to one.
    let binary = vectors + indices.len();
    let mut text = document.finish(surface.vertices.len(), binary).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let total = 12 + 8 + text.len() + if binary > 0 { 8 + binary } else { 0 };
    if total as u64 > limit {
        return None;
    }
    // Allocated once: a copy of a large model would take as much memory again.
    let mut file = Vec::with_capacity(total);
    file.extend_from_slice(b"glTF");
    file.extend(2_u32.to_le_bytes());
    file.extend(word(total));
    file.extend(word(text.len()));
    file.extend_from_slice(JSON_CHUNK);
    file.extend(text);
    if binary > 0 {
        file.extend(word(binary));
        file.extend_from_slice(BINARY_CHUNK);
        file.extend(surface.vertices.iter().flat_map(|vertex| vertex.position).flat_map(f32::to_le_bytes));
        file.extend(surface.vertices.iter().flat_map(|vertex| vertex.normal).flat_map(f32::to_le_bytes));
        file.extend(indices);
    }
    Some(file)
}

/// A length in the file. The limits of the mesh keep the file below 4 GiB.
fn word(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// The JSON chunk, while it grows.
#[derive(Default)]
struct Document {
    nodes: Vec<Value>,
    meshes: Vec<Value>,
    accessors: Vec<Value>,
    materials: Vec<Value>,
    /// The number of the material by the colour's number in the palette.
    material_of: HashMap<u32, usize>,
    /// The bytes of all indices. Each accessor starts at a multiple of four.
    indices: Vec<u8>,
}

impl Document {
    fn add_piece(&mut self, surface: &Surface, piece: &Piece) {
        let position = self.add_vertices(surface, piece);
        let mut by_colour: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for triangle in &surface.triangles[piece.triangles.clone()] {
            by_colour.entry(triangle.colour).or_default().extend(triangle.corners);
        }
        let primitives: Vec<Value> = by_colour
            .into_iter()
            .map(|(colour, corners)| {
                let indices = self.add_indices(piece, &corners);
                let material = self.material(surface, colour);
                json!({
                    "attributes": {"POSITION": position, "NORMAL": position + 1},
                    "indices": indices,
                    "material": material,
                })
            })
            .collect();
        self.nodes.push(json!({"name": piece.label, "mesh": self.meshes.len()}));
        self.meshes.push(json!({"name": piece.label, "primitives": primitives}));
    }

    /// Adds the accessors of a part's positions and normals, and gives the number of the first.
    fn add_vertices(&mut self, surface: &Surface, piece: &Piece) -> usize {
        let (mut min, mut max) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
        for vertex in &surface.vertices[piece.vertices.clone()] {
            for axis in 0..3 {
                min[axis] = min[axis].min(vertex.position[axis]);
                max[axis] = max[axis].max(vertex.position[axis]);
            }
        }
        let (count, offset) = (piece.vertices.len(), piece.vertices.start * VECTOR_BYTES);
        let mut accessor = json!({
            "bufferView": 0, "byteOffset": offset, "componentType": F32, "count": count, "type": "VEC3",
            "min": min, "max": max,
        });
        self.accessors.push(accessor.clone());
        if let Value::Object(fields) = &mut accessor {
            fields.retain(|name, _| name != "min" && name != "max");
        }
        accessor["bufferView"] = json!(1);
        self.accessors.push(accessor);
        self.accessors.len() - 2
    }

    /// Adds the accessor of a primitive's indices, which count from the part's first vertex.
    fn add_indices(&mut self, piece: &Piece, corners: &[u32]) -> usize {
        let offset = self.indices.len();
        let corners = corners.iter().map(|corner| corner - u32::try_from(piece.vertices.start).unwrap_or(0));
        let count = corners.len();
        // 65,535 is not a valid index: the format reserves it for restarts.
        let kind = if piece.vertices.len() <= usize::from(u16::MAX) {
            self.indices.extend(corners.flat_map(|corner| u16::try_from(corner).unwrap_or(0).to_le_bytes()));
            self.indices.resize(self.indices.len().next_multiple_of(4), 0);
            U16
        } else {
            self.indices.extend(corners.flat_map(u32::to_le_bytes));
            U32
        };
        self.accessors.push(json!({
            "bufferView": 2, "byteOffset": offset, "componentType": kind, "count": count, "type": "SCALAR",
        }));
        self.accessors.len() - 1
    }

    fn material(&mut self, surface: &Surface, colour: u32) -> usize {
        *self.material_of.entry(colour).or_insert_with(|| {
            self.materials.push(material(surface.palette[colour as usize]));
            self.materials.len() - 1
        })
    }

    fn finish(mut self, vertices: usize, length: usize) -> Value {
        let asset = json!({"version": "2.0", "generator": "Partwright"});
        let children: Vec<usize> = (0..self.nodes.len()).collect();
        let half = std::f64::consts::FRAC_1_SQRT_2;
        // A quarter turn about X turns Z into Y.
        let mut root = json!({"name": "Model", "rotation": [-half, 0.0, 0.0, half], "scale": [0.001, 0.001, 0.001]});
        let mut document = json!({"asset": asset, "scene": 0, "scenes": [{"nodes": [children.len()]}]});
        if !children.is_empty() {
            root["children"] = json!(children);
            let vectors = vertices * VECTOR_BYTES;
            document["meshes"] = self.meshes.into();
            document["materials"] = self.materials.into();
            document["accessors"] = self.accessors.into();
            let view = |start: usize, end: usize, target: u32| json!({"buffer": 0, "byteOffset": start, "byteLength": end - start, "target": target});
            let mut views = [
                view(0, vectors, ARRAY_BUFFER),
                view(vectors, 2 * vectors, ARRAY_BUFFER),
                view(2 * vectors, length, ELEMENT_ARRAY_BUFFER),
            ];
            views[..2].iter_mut().for_each(|view| view["byteStride"] = json!(VECTOR_BYTES));
            document["bufferViews"] = json!(views);
            document["buffers"] = json!([{"byteLength": length}]);
        }
        self.nodes.push(root);
        document["nodes"] = self.nodes.into();
        document
    }
}

fn material([red, green, blue, alpha]: Colour) -> Value {
    let mut material = json!({
        "pbrMetallicRoughness": {
            "baseColorFactor": [linear(red), linear(green), linear(blue), alpha],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.6,
        },
        "doubleSided": true,
    });
    if alpha < 1.0 {
        material["alphaMode"] = json!("BLEND");
    }
    material
}

/// Converts an sRGB channel to linear light (IEC 61966-2-1).
fn linear(channel: f32) -> f32 {
    if channel <= 0.040_45 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use gltf::Gltf;
    use gltf::material::AlphaMode;

    use super::*;
    use crate::mesh::sample::{GREY, cube, tube};
    use crate::mesh::{Mesh, Part};

    fn written(parts: Vec<Part>) -> Gltf {
        let surface = Surface::of(&Mesh { parts });
        let bytes = write(&surface, u64::MAX).unwrap();
        assert_eq!(write(&surface, bytes.len() as u64).as_ref(), Some(&bytes));
        assert_eq!(write(&surface, bytes.len() as u64 - 1), None);
        assert_eq!(bytes.len() % 4, 0);
        // Another implementation reads and validates it.
        Gltf::from_slice(&bytes).unwrap()
    }

    #[test]
    fn another_reader_finds_the_same_parts() {
        let red = [1.0, 0.0, 0.0, 0.5];
        let part = Part { label: "Würfel \"1\"".to_owned(), runs: vec![(3, red), (9, GREY)], ..cube() };
        let file = written(vec![part, tube(16)]);
        let root = file.default_scene().unwrap().nodes().next().unwrap();
        let names: Vec<_> = root.children().map(|node| node.name().unwrap().to_owned()).collect();
        assert_eq!(names, ["Würfel \"1\"", "Tube"]);

        let meshes: Vec<_> = file.meshes().collect();
        let primitives: Vec<_> = meshes[0].primitives().collect();
        let sizes: Vec<_> = primitives.iter().map(|primitive| primitive.indices().unwrap().count()).collect();
        assert_eq!(sizes, [9, 27]);
        assert_eq!(primitives[0].bounding_box().min, [0.0; 3]);
        assert_eq!(primitives[0].bounding_box().max, [10.0; 3]);
        let material = primitives[0].material();
        assert_eq!(material.alpha_mode(), AlphaMode::Blend);
        assert!(material.double_sided());
        assert_eq!(material.pbr_metallic_roughness().base_color_factor(), red);
        let grey = primitives[1].material();
        assert_eq!(grey.alpha_mode(), AlphaMode::Opaque);
        let light = grey.pbr_metallic_roughness().base_color_factor()[0];
        assert!((light - 0.603_8).abs() < 1e-3, "{light}");
        assert_eq!(file.materials().len(), 2, "parts share a material");
    }

    #[test]
    fn triangles_and_normals_are_preserved() {
        let file = written(vec![cube(), tube(16)]);
        for (mesh, triangles) in file.meshes().zip([12, 32]) {
            let primitive = mesh.primitives().next().unwrap();
            let reader = primitive.reader(|_| file.blob.as_deref());
            let positions: Vec<_> = reader.read_positions().unwrap().collect();
            let normals: Vec<_> = reader.read_normals().unwrap().collect();
            let corners: Vec<_> = reader.read_indices().unwrap().into_u32().collect();
            assert_eq!(corners.len(), triangles * 3);
            for corner in corners.chunks_exact(3) {
                let [a, b, c] = [corner[0], corner[1], corner[2]].map(|corner| positions[corner as usize]);
                let along = |p: [f32; 3]| [p[0] - a[0], p[1] - a[1], p[2] - a[2]];
                let ([ux, uy, uz], [vx, vy, vz]) = (along(b), along(c));
                let face = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
                let normal = normals[corner[0] as usize];
                let length = normal.iter().map(|part| part * part).sum::<f32>();
                assert!((length - 1.0).abs() < 1e-5);
                assert!(face.iter().zip(normal).map(|(a, b)| a * b).sum::<f32>() > 0.0, "outward like its face");
            }
        }
    }

    #[test]
    fn the_root_converts_units_and_axes() {
        let file = written(vec![cube()]);
        let root = file.default_scene().unwrap().nodes().next().unwrap();
        let columns = root.transform().matrix();
        let up = columns[2];
        assert!((up[1] - 0.001).abs() < 1e-9 && up[0].abs() < 1e-9 && up[2].abs() < 1e-9, "{up:?}");
        let away = columns[1];
        assert!((away[2] + 0.001).abs() < 1e-9, "{away:?}");
    }

    #[test]
    fn small_meshes_have_small_indices() {
        use gltf::accessor::DataType;
        for (sides, kind) in [(32_000, DataType::U16), (33_000, DataType::U32)] {
            let file = written(vec![tube(sides)]);
            let primitive = file.meshes().next().unwrap().primitives().next().unwrap();
            assert_eq!(primitive.indices().unwrap().data_type(), kind);
        }
    }

    #[test]
    fn a_round_mesh_is_small() {
        let bytes = write(&Surface::of(&Mesh { parts: vec![tube(1000)] }), u64::MAX).unwrap().len();
        assert!(bytes < 2000 * 36, "{bytes}");
    }

    #[test]
    fn an_empty_mesh_gives_a_valid_file() {
        for parts in [vec![], vec![Part { triangles: vec![[0, 0, 1]], ..cube() }]] {
            let file = written(parts);
            assert_eq!(file.meshes().len(), 0);
            assert_eq!(file.nodes().len(), 1);
        }
    }
}
