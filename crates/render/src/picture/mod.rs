//! The PNG picture: an isometric view from the front, right and above, on a transparent background.
//!
//! - `camera`: where a point of the model lies in the picture
//! - `raster`: which triangle is seen where
//! - `light`: how bright a surface is
//! - `ink`: the thin dark lines along edges and outlines
//!
//! Everything is drawn at twice the size and averaged, one band of the picture after the other. First depth alone
//! decides which opaque triangle each sample shows; then only what is seen is lit, once a pixel where one triangle
//! fills it; then lines are inked over it; then see-through triangles are blended over that, from back to front, with
//! their own lines last.

mod camera;
mod ink;
mod light;
mod raster;

use camera::Camera;
use ink::{Ink, Line};
use raster::{BAND, Canvas, NOTHING, Plane, faces_viewer};

use super::surface::{Surface, Triangle};

/// Samples along each side of a pixel.
const SAMPLES: usize = 2;
/// The sizes that can be asked for, in pixels.
const SIZES: std::ops::RangeInclusive<u32> = 16..=1024;
/// How many samples may be filled, hidden ones too: less than a second's work, and a hundred times what a usual model
/// needs. A stranger's mesh could ask for hours.
const MOST_WORK: u64 = 500_000_000;

/// Draws `surface` into a square PNG of `size` pixels, held within 16 and 1024. None when there is nothing to see or
/// it would take too long.
pub fn draw(surface: &Surface, size: u32) -> Option<Vec<u8>> {
    let size = size.clamp(*SIZES.start(), *SIZES.end());
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

/// The picture's pixels, red, green, blue, alpha.
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
            canvas.hide_behind(*number, corners(&surface.triangles[*number as usize], &points));
        }
        light_what_is_seen(&mut canvas, surface, &points);
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

/// What is to be drawn, and in which bands of the picture.
struct Scene {
    lines: Vec<Line>,
    bands: Vec<Band>,
}

/// Numbers of triangles and lines, in the order in which to draw them.
#[derive(Clone, Default)]
struct Band {
    solid: Vec<u32>,
    solid_lines: Vec<u32>,
    /// See-through, from back to front.
    clear: Vec<u32>,
    clear_lines: Vec<u32>,
}

impl Scene {
    /// None when there is too much to draw.
    fn of(surface: &Surface, points: &[[f32; 3]], side: usize) -> Option<Self> {
        let mut scene = Self { lines: Vec::new(), bands: vec![Band::default(); side.div_ceil(BAND)] };
        let mut work_left = MOST_WORK;
        let opacity = |triangle: &Triangle| surface.palette[triangle.colour as usize][3];
        let mut clear: Vec<(f32, u32)> = Vec::new();
        for (number, triangle) in (0..).zip(&surface.triangles) {
            let corners = corners(triangle, points);
            work_left = work_left.checked_sub(raster::work(corners))?;
            if opacity(triangle) >= 1.0 {
                scene.across(rows(corners)).for_each(|band| band.solid.push(number));
            } else if opacity(triangle) > 0.0 {
                clear.push((corners.iter().map(|corner| corner[2]).sum(), number));
            }
        }
        clear.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (_, number) in clear {
            let corners = corners(&surface.triangles[number as usize], points);
            scene.across(rows(corners)).for_each(|band| band.clear.push(number));
        }
        for edge in &surface.edges {
            let opacity = opacity(&surface.triangles[edge.triangles[0] as usize]);
            let Some(line) = Line::along(edge, surface, points).filter(|_| opacity > 0.0) else { continue };
            work_left = work_left.checked_sub(line.work())?;
            let number = u32::try_from(scene.lines.len()).ok()?;
            for band in scene.across(line.rows()) {
                if opacity >= 1.0 { band.solid_lines.push(number) } else { band.clear_lines.push(number) }
            }
            scene.lines.push(line);
        }
        Some(scene)
    }

    /// The bands between two places down the picture.
    fn across(&mut self, [top, bottom]: [f32; 2]) -> impl Iterator<Item = &mut Band> {
        let last = self.bands.len() - 1;
        // The cast makes 0 of what is negative.
        let band = |row: f32| (row as usize / BAND).min(last);
        self.bands[band(top)..=band(bottom)].iter_mut()
    }
}

/// The first and the last place of a triangle down the picture.
fn rows([a, b, c]: [[f32; 3]; 3]) -> [f32; 2] {
    [a[1].min(b[1]).min(c[1]), a[1].max(b[1]).max(c[1])]
}

fn corners(triangle: &Triangle, points: &[[f32; 3]]) -> [[f32; 3]; 3] {
    triangle.corners.map(|corner| points[corner as usize])
}

/// The normal over a triangle, turned towards the viewer; none when it is seen from its side.
fn plane(surface: &Surface, triangle: &Triangle, corners: [[f32; 3]; 3]) -> Option<Plane> {
    let normals = triangle.corners.map(|corner| surface.vertices[corner as usize].normal);
    let outward = if faces_viewer(corners) { 1.0 } else { -1.0 };
    Plane::new(corners, normals.map(|normal| normal.map(|part| part * outward)))
}

/// Lights every opaque sample, a pixel's samples together where they show the same triangle.
fn light_what_is_seen(canvas: &mut Canvas, surface: &Surface, points: &[[f32; 3]]) {
    let mut known = NOTHING;
    let mut plane_of_known = None;
    let mut colour = [0.0; 4];
    // A flat triangle's light is the same everywhere.
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
