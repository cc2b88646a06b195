//! Binary glTF 2.0.
//!
//! A node and a mesh for each part, under a root that turns FreeCAD's millimetres and Z up into glTF's metres and Y
//! up, so that the vertices stay as they are. A primitive for each colour of a part; all primitives of a part share its
//! vertices. The binary chunk is all positions, then all normals, then the indices.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::mesh::Colour;
use super::surface::{Piece, Surface};

// The format's own numbers.
const F32: u32 = 5126;
const U16: u32 = 5123;
const U32: u32 = 5125;
const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;
const JSON_CHUNK: &[u8; 4] = b"JSON";
const BINARY_CHUNK: &[u8; 4] = b"BIN\0";

/// A position or a normal in bytes.
const VECTOR: usize = 12;

/// Writes `surface` as a GLB file: 36 bytes a triangle or less where it is curved, 60 on a box, 84 at the very most. The
/// same surface gives the same bytes. One without triangles gives a valid file that shows nothing. None when it would be
/// larger than `limit` bytes.
pub fn write(surface: &Surface, limit: u64) -> Option<Vec<u8>> {
    let vectors = 2 * surface.vertices.len() * VECTOR;
    // Before more memory is taken: each triangle has three indices of two bytes at least.
    if (vectors + surface.triangles.len() * 6) as u64 > limit {
        return None;
    }
    let mut document = Document::default();
    for piece in &surface.pieces {
        document.piece(surface, piece);
    }
    let indices = std::mem::take(&mut document.indices);
    // A multiple of four, as the format asks of each chunk: so are the indices of each accessor.
    let binary = vectors + indices.len();
    let mut text = document.finish(surface.vertices.len(), binary).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(4), b' ');
    let total = 12 + 8 + text.len() + if binary > 0 { 8 + binary } else { 0 };
    if total as u64 > limit {
        return None;
    }
    // In one piece: of a large model a copy would take as much again.
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

/// A length as the format has it. The mesh's limits keep the file below 4 GiB.
fn word(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// The JSON half while it grows.
#[derive(Default)]
struct Document {
    nodes: Vec<Value>,
    meshes: Vec<Value>,
    accessors: Vec<Value>,
    materials: Vec<Value>,
    /// Which material a colour of the palette has become.
    material_of: HashMap<u32, usize>,
    /// The indices' bytes; each accessor's start is a multiple of four.
    indices: Vec<u8>,
}

impl Document {
    fn piece(&mut self, surface: &Surface, piece: &Piece) {
        let position = self.vertices(surface, piece);
        let mut by_colour: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for triangle in &surface.triangles[piece.triangles.clone()] {
            by_colour.entry(triangle.colour).or_default().extend(triangle.corners);
        }
        let primitives: Vec<Value> = by_colour
            .into_iter()
            .map(|(colour, corners)| {
                let indices = self.corners(piece, &corners);
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

    /// The accessors of a part's positions and, after it, normals; the number of the first.
    fn vertices(&mut self, surface: &Surface, piece: &Piece) -> usize {
        let (mut min, mut max) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
        for vertex in &surface.vertices[piece.vertices.clone()] {
            for axis in 0..3 {
                min[axis] = min[axis].min(vertex.position[axis]);
                max[axis] = max[axis].max(vertex.position[axis]);
            }
        }
        let (count, offset) = (piece.vertices.len(), piece.vertices.start * VECTOR);
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

    /// The accessor of a primitive's indices, counted from the part's first vertex.
    fn corners(&mut self, piece: &Piece, corners: &[u32]) -> usize {
        let offset = self.indices.len();
        let corners = corners.iter().map(|corner| corner - u32::try_from(piece.vertices.start).unwrap_or(0));
        let count = corners.len();
        // 65,535 itself is not an index: the format keeps it for restarts.
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
        // A quarter turn about X, which lays Z on Y.
        let mut root = json!({"name": "Model", "rotation": [-half, 0.0, 0.0, half], "scale": [0.001, 0.001, 0.001]});
        let mut document = json!({"asset": asset, "scene": 0, "scenes": [{"nodes": [children.len()]}]});
        if !children.is_empty() {
            root["children"] = json!(children);
            let vectors = vertices * VECTOR;
            document["meshes"] = self.meshes.into();
            document["materials"] = self.materials.into();
            document["accessors"] = self.accessors.into();
            let view = |start: usize, end: usize, target: u32| json!({"buffer": 0, "byteOffset": start, "byteLength": end - start, "target": target});
            let mut views = [
                view(0, vectors, ARRAY_BUFFER),
                view(vectors, 2 * vectors, ARRAY_BUFFER),
                view(2 * vectors, length, ELEMENT_ARRAY_BUFFER),
            ];
            views[..2].iter_mut().for_each(|view| view["byteStride"] = json!(VECTOR));
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

/// An sRGB channel as the amount of light that it stands for.
fn linear(channel: f32) -> f32 {
    if channel <= 0.040_45 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use gltf::Gltf;
    use gltf::material::AlphaMode;

    use super::super::mesh::sample::{GREY, cube, tube};
    use super::super::mesh::{Mesh, Part};
    use super::*;

    fn written(parts: Vec<Part>) -> Gltf {
        let surface = Surface::of(&Mesh { parts });
        let bytes = write(&surface, u64::MAX).unwrap();
        assert_eq!(write(&surface, bytes.len() as u64).as_ref(), Some(&bytes));
        assert_eq!(write(&surface, bytes.len() as u64 - 1), None);
        assert_eq!(bytes.len() % 4, 0);
        // With validation, by an implementation that is not ours.
        Gltf::from_slice(&bytes).unwrap()
    }

    #[test]
    fn another_reader_finds_what_was_written() {
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
    fn triangles_and_normals_come_through() {
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
    fn the_root_turns_millimetres_into_metres_and_z_into_y() {
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
    fn a_round_mesh_is_far_smaller_than_flat_shading_makes_it() {
        let bytes = write(&Surface::of(&Mesh { parts: vec![tube(1000)] }), u64::MAX).unwrap().len();
        assert!(bytes < 2000 * 36, "{bytes}");
    }

    #[test]
    fn nothing_is_valid_too() {
        for parts in [vec![], vec![Part { triangles: vec![[0, 0, 1]], ..cube() }]] {
            let file = written(parts);
            assert_eq!(file.meshes().len(), 0);
            assert_eq!(file.nodes().len(), 1);
        }
    }
}
