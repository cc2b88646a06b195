//! The PNG picture: an isometric view from the front, right and above, on a transparent background.
//!
//! - `camera`: projects points of the model into the picture
//! - `raster`: finds the triangle that each sample shows
//! - `light`: the brightness of a surface
//! - `ink`: the thin dark lines along edges and outlines
//!
//! The picture is drawn at twice its size and averaged, one band after the other. For each band:
//!
//! 1. Depth decides which opaque triangle each sample shows.
//! 2. The visible samples are lit, once per pixel if one triangle fills it.
//! 3. Lines are inked over them.
//! 4. Transparent triangles are blended over that, from back to front.
//! 5. The lines of the transparent triangles are inked.

mod camera;
mod ink;
mod light;
mod raster;

use camera::Camera;
use ink::{Ink, Line};
use raster::{BAND, Canvas, NOTHING, Plane, faces_viewer};

use crate::surface::{Surface, Triangle};

/// Samples along each side of a pixel.
const SAMPLES: usize = 2;
/// The possible sizes, in pixels.
const PICTURE_SIZES: std::ops::RangeInclusive<u32> = 16..=1024;
/// The limit of filled samples, hidden ones included: less than a second's work, and a hundred times the work of a
/// usual model. Without a limit, a hostile mesh could take hours.
const MAX_FILLED_SAMPLES: u64 = 500_000_000;

/// Draws `surface` into a square PNG of `size` pixels, from 16 to 1024. `None` if there is nothing to see or it would
/// take too long.
pub fn draw(surface: &Surface, size: u32) -> Option<Vec<u8>> {
    let size = size.clamp(*PICTURE_SIZES.start(), *PICTURE_SIZES.end());
    let pixels = paint(surface, size)?;
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, size, size);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels).ok()?;
    writer.finish().ok()?;
    Some(png)
}

/// Gives the pixels as red, green, blue and alpha.
fn paint(surface: &Surface, size: u32) -> Option<Vec<u8>> {
    let side = size as usize * SAMPLES;
    let camera = Camera::fitted(surface, side)?;
    let points: Vec<[f32; 3]> = surface.vertices.iter().map(|vertex| camera.place(vertex.position)).collect();
    let scene = Scene::of(surface, &points, side)?;
    let (mut canvas, mut ink) = (Canvas::new(side), Ink::new(side));
    let mut picture = Vec::with_capacity(side * side);
    for (top, band) in (0..side).step_by(BAND).zip(&scene.bands) {
        canvas.move_to(top);
        for number in &band.solid {
            canvas.draw_opaque(*number, corners(&surface.triangles[*number as usize], &points));
        }
        light_visible_samples(&mut canvas, surface, &points);
        band.solid_lines.iter().for_each(|line| ink.draw(&scene.lines[*line as usize], &canvas));
        ink.apply(&mut canvas, ink::SOLID);
        for number in &band.clear {
            let triangle = &surface.triangles[*number as usize];
            let corners = corners(triangle, &points);
            let colour = surface.palette[triangle.colour as usize];
            if let Some(plane) = plane(surface, triangle, corners) {
                canvas.blend(corners, |x, y| light::lit(colour, plane.at(x, y)));
            }
        }
        band.clear_lines.iter().for_each(|line| ink.draw(&scene.lines[*line as usize], &canvas));
        ink.apply(&mut canvas, ink::CLEAR);
        canvas.average_into(&mut picture);
    }
    Some(picture)
}

/// The lines, and the triangles and lines of each band.
struct Scene {
    lines: Vec<Line>,
    bands: Vec<Band>,
}

/// Numbers of triangles and lines, in the order of drawing.
#[derive(Clone, Default)]
struct Band {
    solid: Vec<u32>,
    solid_lines: Vec<u32>,
    /// Transparent triangles, from back to front.
    clear: Vec<u32>,
    clear_lines: Vec<u32>,
}

impl Scene {
    /// `None` if there is too much to draw.
    fn of(surface: &Surface, points: &[[f32; 3]], side: usize) -> Option<Self> {
        let mut scene = Self { lines: Vec::new(), bands: vec![Band::default(); side.div_ceil(BAND)] };
        let mut work_left = MAX_FILLED_SAMPLES;
        let opacity = |triangle: &Triangle| surface.palette[triangle.colour as usize][3];
        let mut clear: Vec<(f32, u32)> = Vec::new();
        for (number, triangle) in (0..).zip(&surface.triangles) {
            let corners = corners(triangle, points);
            work_left = work_left.checked_sub(raster::work(corners))?;
            if opacity(triangle) >= 1.0 {
                scene.bands_between(rows(corners)).for_each(|band| band.solid.push(number));
            } else if opacity(triangle) > 0.0 {
                clear.push((corners.iter().map(|corner| corner[2]).sum(), number));
            }
        }
        clear.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (_, number) in clear {
            let corners = corners(&surface.triangles[number as usize], points);
            scene.bands_between(rows(corners)).for_each(|band| band.clear.push(number));
        }
        for edge in &surface.edges {
            let opacity = opacity(&surface.triangles[edge.triangles[0] as usize]);
            let Some(line) = Line::along(edge, surface, points).filter(|_| opacity > 0.0) else { continue };
            work_left = work_left.checked_sub(line.work())?;
            let number = u32::try_from(scene.lines.len()).ok()?;
            for band in scene.bands_between(line.rows()) {
                if opacity >= 1.0 { band.solid_lines.push(number) } else { band.clear_lines.push(number) }
            }
            scene.lines.push(line);
        }
        Some(scene)
    }

    /// The bands between two vertical positions.
    fn bands_between(&mut self, [top, bottom]: [f32; 2]) -> impl Iterator<Item = &mut Band> {
        let last = self.bands.len() - 1;
        // The cast turns negative values into 0.
        let band = |row: f32| (row as usize / BAND).min(last);
        self.bands[band(top)..=band(bottom)].iter_mut()
    }
}

/// The vertical extent of a triangle.
fn rows([a, b, c]: [[f32; 3]; 3]) -> [f32; 2] {
    [a[1].min(b[1]).min(c[1]), a[1].max(b[1]).max(c[1])]
}

fn corners(triangle: &Triangle, points: &[[f32; 3]]) -> [[f32; 3]; 3] {
    triangle.corners.map(|corner| points[corner as usize])
}

/// The normal over a triangle, turned towards the viewer. `None` if the triangle is edge-on.
fn plane(surface: &Surface, triangle: &Triangle, corners: [[f32; 3]; 3]) -> Option<Plane> {
    let normals = triangle.corners.map(|corner| surface.vertices[corner as usize].normal);
    let outward = if faces_viewer(corners) { 1.0 } else { -1.0 };
    Plane::new(corners, normals.map(|normal| normal.map(|part| part * outward)))
}

/// Lights every opaque sample, and the samples of a pixel together if they show the same triangle.
fn light_visible_samples(canvas: &mut Canvas, surface: &Surface, points: &[[f32; 3]]) {
    let mut known = NOTHING;
    let mut plane_of_known = None;
    let mut colour = [0.0; 4];
    // The light on a flat triangle is the same everywhere.
    let mut flat = None;
    canvas.light(|number, x, y| {
        if known != number {
            let triangle = &surface.triangles[number as usize];
            known = number;
            plane_of_known = plane(surface, triangle, corners(triangle, points));
            colour = surface.palette[triangle.colour as usize];
            flat = plane_of_known
                .as_ref()
                .filter(|plane| plane.is_level())
                .map(|plane| light::lit(colour, plane.at(x, y)));
        }
        if let Some(pixel) = flat {
            return pixel;
        }
        plane_of_known.as_ref().map_or([0; 4], |plane| light::lit(colour, plane.at(x, y)))
    });
}

#[cfg(test)]
mod tests;
