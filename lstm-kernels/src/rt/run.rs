//! What the products of a tile read: stretches of panels and vectors.

use std::ops::Range;

use pulp::Simd;

use super::buffer::CACHE_LINE;
use super::prefetch::{Asked, Coming};
use super::tile::{MAX_SAMPLES, at_once_of, lines_in};

/// A stretch of k: a panel and the vectors that it multiplies.
#[derive(Debug, Clone, Copy)]
pub struct Run<T> {
    /// Contiguous pieces of the vector.
    pub planes: usize,
    /// The length of each.
    pub k: usize,
    /// The panel: for each k the chunk's lane vectors.
    pub panel: *const T,
    /// From the panel of one block of groups to the next.
    pub panel_stride: usize,
    /// The vector of the first sample.
    pub vector: *const T,
    /// From one piece of a vector to the next.
    pub plane_stride: usize,
    /// From one sample's vector to the next.
    pub vector_stride: isize,
    /// From the panel to what will be read next, in bytes.
    pub next: usize,
    /// For so many turns of tiles that is asked for.
    pub turns_asked: usize,
    /// What the next tile asks for.
    pub asked: Asked<T>,
    /// Whether the panel comes from so far that a tile of few samples has to ask for it.
    pub is_far: bool,
}

impl<T> Run<T> {
    /// A stretch of no length.
    pub const NONE: Self = Run {
        planes: 1,
        k: 0,
        panel: std::ptr::null(),
        panel_stride: 0,
        vector: std::ptr::null(),
        plane_stride: 0,
        vector_stride: 0,
        next: 0,
        turns_asked: 0,
        asked: Asked::only(std::ptr::null()),
        is_far: false,
    };

    /// The panel and the vectors of a plane, of a panel with so many numbers for each k.
    #[inline(always)]
    pub fn plane(&self, plane: usize, panel_numbers: usize) -> (*const T, Vectors<T>) {
        let vector = self.vector.wrapping_add(plane * self.plane_stride);
        let stride = self.vector_stride;
        let vectors = Vectors {
            places: [0, 3, 4].map(|sample| vector.wrapping_offset(sample * stride)),
            stride,
        };
        let panel = self.panel.wrapping_add(plane * self.k * panel_numbers);
        (panel, vectors)
    }

    /// Some of its pieces, or a part of one, of a panel with so many numbers for each k.
    #[inline(always)]
    pub fn part(&self, planes: Range<usize>, k: Range<usize>, panel_numbers: usize) -> Self {
        let (first, panel) = (planes.start, planes.start * self.k + k.start);
        let end = (planes.end - 1) * self.k + k.end;
        Run {
            planes: planes.len(),
            k: k.len(),
            panel: (self.panel).wrapping_add(panel * panel_numbers),
            vector: (self.vector).wrapping_add(first * self.plane_stride + k.start),
            asked: Asked::only(self.panel),
            next: match end == self.planes * self.k {
                true => (self.next).wrapping_sub(panel * panel_numbers * size_of::<T>()),
                false => (end - panel) * panel_numbers * size_of::<T>(),
            },
            ..*self
        }
    }

    /// Decides what the next tile asks for: what the strip needs soon, as long as there is any, and then what will be read next. The
    /// tiles of a strip ask for that together, each for some cache lines of every part of it: a processor that sees several parts read at
    /// once looks further ahead.
    #[inline(always)]
    pub fn ask<S: Simd>(&mut self, coming: &mut Coming<T>) {
        let turns = self.planes * (self.k / const { at_once_of::<S>(MAX_SAMPLES) });
        self.asked = match coming.hand_out(turns, const { lines_in::<S>(MAX_SAMPLES) }) {
            Some(asked) => asked,
            None => {
                let before = self.turns_asked * CACHE_LINE;
                self.turns_asked += turns;
                Asked {
                    place: (self.panel).wrapping_byte_add(self.next.wrapping_add(before)),
                    line: self.planes * self.k * CACHE_LINE,
                    turn: CACHE_LINE,
                    turns,
                }
            }
        };
    }

    /// Goes on to the samples behind so many, which are those of a tile.
    #[inline(always)]
    pub fn pass_on(&mut self, samples: usize) {
        self.vector = (self.vector).wrapping_offset(samples as isize * self.vector_stride);
    }

    /// Goes back by so many samples, and on to the next block.
    #[inline(always)]
    pub fn next_block(&mut self, samples: usize) {
        self.vector = (self.vector).wrapping_offset(-(samples as isize) * self.vector_stride);
        self.panel = self.panel.wrapping_add(self.panel_stride);
        self.turns_asked = 0;
    }
}

/// The vectors of the samples of a tile, at some k. Three places and one distance reach all of them, as an address is a place
/// plus once or twice a distance.
#[derive(Debug, Clone, Copy)]
pub struct Vectors<T> {
    /// Those of the first sample, of the fourth and of the fifth.
    places: [*const T; 3],
    /// From one sample's vector to the next.
    stride: isize,
}

impl<T> Vectors<T> {
    #[inline(always)]
    pub fn of_sample(&self, sample: usize) -> *const T {
        let [first, fourth, fifth] = self.places;
        match sample {
            0..3 => first.wrapping_offset(sample as isize * self.stride),
            3 => fourth,
            _ => fifth.wrapping_offset((sample - 4) as isize * self.stride),
        }
    }

    /// Goes so many k on.
    #[inline(always)]
    pub fn advance(&mut self, k: usize) {
        for place in &mut self.places {
            *place = place.wrapping_add(k);
        }
    }
}
