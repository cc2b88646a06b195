//! The published pictures of the examples: the runner's own, reduced in size.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use png::{ColorType, Compression, Decoder, Encoder, Filter, Transformations};

/// Their width and height in pixels.
const PUBLISHED_SIZE: usize = 384;

/// Two pictures of one model differ by at most this share: FreeCAD's version and the machine move edges by parts of a
/// pixel.
pub const MAX_DIFFERENCE: f64 = 0.001;

/// Colours that differ by more than this, of 255, count as different. A palette changes them less.
const COLOUR_TOLERANCE: f64 = 24.0;

/// A square picture of red, green, blue and alpha.
pub struct Picture {
    size: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Reads a PNG.
    pub fn read(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut decoder = Decoder::new(BufReader::new(file));
        // Also reads files with a palette.
        decoder.set_transformations(Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.color_type, info.width), (ColorType::Rgba, info.height), "{}", path.display());
        Self { size: info.width as usize, pixels }
    }

    /// Reduces it to the published size. Each pixel is the mean of the area that it covers.
    pub fn shrunk(&self) -> Self {
        let scale = self.size as f64 / PUBLISHED_SIZE as f64;
        // The pixels that one of the smaller ones covers along a side, each with the covered share.
        let covered = |at: usize| {
            let (start, end) = (at as f64 * scale, (at + 1) as f64 * scale);
            (start as usize..self.size.min(end.ceil() as usize))
                .map(move |pixel| (pixel, end.min(pixel as f64 + 1.0) - start.max(pixel as f64)))
                .collect::<Vec<_>>()
        };
        let sides: Vec<_> = (0..PUBLISHED_SIZE).map(covered).collect();
        let mut pixels = Vec::with_capacity(PUBLISHED_SIZE * PUBLISHED_SIZE * 4);
        for rows in &sides {
            for columns in &sides {
                let (mut colour, mut alpha, mut area) = ([0.0; 3], 0.0, 0.0);
                for (row, height) in rows {
                    for (column, width) in columns {
                        let pixel = &self.pixels[(row * self.size + column) * 4..][..4];
                        let share = height * width;
                        let opacity = f64::from(pixel[3]) * share;
                        area += share;
                        alpha += opacity;
                        for (sum, part) in colour.iter_mut().zip(pixel) {
                            *sum += f64::from(*part) * opacity;
                        }
                    }
                }
                pixels.extend(colour.map(|sum| if alpha > 0.0 { (sum / alpha).round() as u8 } else { 0 }));
                pixels.push((alpha / area).round() as u8);
            }
        }
        Self { size: PUBLISHED_SIZE, pixels }
    }

    /// Writes a small PNG, with at most 256 colours.
    pub fn write(&self, path: &Path) {
        let size = u32::try_from(self.size).unwrap();
        let palette = Palette::of(&self.pixels);
        let mut encoder = Encoder::new(File::create(path).unwrap(), size, size);
        encoder.set_color(ColorType::Indexed);
        encoder.set_palette(palette.colours.iter().flat_map(|colour| colour[..3].to_owned()).collect::<Vec<u8>>());
        encoder.set_trns(palette.colours.iter().map(|colour| colour[3]).collect::<Vec<u8>>());
        encoder.set_compression(Compression::High);
        // In a palette, the numbers of neighbouring pixels are unrelated.
        encoder.set_filter(Filter::NoFilter);
        let numbers: Vec<u8> = self.pixels.chunks_exact(4).map(|pixel| palette.number[pixel]).collect();
        encoder.write_header().unwrap().write_image_data(&numbers).unwrap();
    }

    /// The share of pixels that look different on white, among those that are not empty in both.
    pub fn difference(&self, other: &Self) -> f64 {
        if self.size != other.size {
            return 1.0;
        }
        let (mut different, mut all) = (0.0, 0.0);
        for (one, other) in self.pixels.chunks_exact(4).zip(other.pixels.chunks_exact(4)) {
            if one[3] == 0 && other[3] == 0 {
                continue;
            }
            let on_white = |pixel: &[u8], part: usize| {
                let opacity = f64::from(pixel[3]) / 255.0;
                f64::from(pixel[part]) * opacity + 255.0 * (1.0 - opacity)
            };
            all += 1.0;
            if (0..3).any(|part| (on_white(one, part) - on_white(other, part)).abs() > COLOUR_TOLERANCE) {
                different += 1.0;
            }
        }
        different / f64::max(all, 1.0)
    }
}

/// At most 256 colours that represent a picture, by median cut: a box of all colours is divided again and again along
/// its longest side, and each box becomes its mean.
struct Palette<'a> {
    colours: Vec<[u8; 4]>,
    number: HashMap<&'a [u8], u8>,
}

impl<'a> Palette<'a> {
    fn of(pixels: &'a [u8]) -> Self {
        let mut counts: BTreeMap<&[u8], usize> = BTreeMap::new();
        pixels.chunks_exact(4).for_each(|pixel| *counts.entry(pixel).or_default() += 1);
        let mut boxes: Vec<Vec<(&[u8], usize)>> = vec![counts.into_iter().collect()];
        // The longest side of a box, and its length.
        let side = |colours: &[(&[u8], usize)]| {
            let spread = |part: &usize| {
                let values = || colours.iter().map(|(colour, _)| colour[*part]);
                values().max().unwrap_or(0) - values().min().unwrap_or(0)
            };
            let longest = (0..4).max_by_key(spread).unwrap_or(0);
            (longest, usize::from(spread(&longest)))
        };
        while boxes.len() < 256 {
            let gain = |colours: &[(&[u8], usize)]| {
                let count: usize = colours.iter().map(|(_, count)| count).sum();
                side(colours).1 * side(colours).1 * count.isqrt()
            };
            let (at, best) =
                boxes.iter().map(|colours| gain(colours)).enumerate().max_by_key(|(_, gain)| *gain).unwrap();
            if best == 0 {
                break;
            }
            let mut colours = boxes.swap_remove(at);
            let part = side(&colours).0;
            colours.sort_by_key(|(colour, _)| colour[part]);
            let half: usize = colours.iter().map(|(_, count)| count).sum::<usize>() / 2;
            let mut seen = 0;
            let middle = colours
                .iter()
                .take_while(|(_, count)| {
                    seen += count;
                    seen <= half
                })
                .count();
            let rest = colours.split_off(middle.clamp(1, colours.len() - 1));
            boxes.extend([colours, rest]);
        }
        let mut palette = Self { colours: Vec::new(), number: HashMap::new() };
        for (number, colours) in (0_u8..=255).zip(&boxes) {
            let count: usize = colours.iter().map(|(_, count)| count).sum();
            let mean =
                |part: usize| colours.iter().map(|(colour, count)| usize::from(colour[part]) * count).sum::<usize>();
            palette.colours.push([0, 1, 2, 3].map(|part| u8::try_from((mean(part) + count / 2) / count).unwrap()));
            palette.number.extend(colours.iter().map(|(colour, _)| (*colour, number)));
        }
        palette
    }
}
