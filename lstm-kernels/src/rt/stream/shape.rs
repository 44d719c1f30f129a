//! The numbers of a plan that follow from sizes known to the compiler.

use super::plan::{MAX_GROUPS, PassPlan, Plan, Product, Turn, blocks_per_turn, writes_padding};
use super::sizes::{Sizes, completed};
use crate::Cell;
use crate::rt::element::Element;
use crate::rt::pass::{MAX_ROWS, max_rows};
use crate::rt::program::{Operand, Pass, Program, Segment};
use crate::rt::tile::MAX_RUNS;

/// Passes that can be unrolled.
pub(super) const MAX_PASSES: usize = 4;

/// Products of a turn that can be unrolled.
pub(super) const MAX_PRODUCTS: usize = 8;

/// Accumulator rows of a turn that can be unrolled.
pub(super) const MAX_SUMS: usize = 64;

/// Numbers of a product.
#[derive(Clone, Copy)]
pub(super) struct ProductShape {
    /// Lane vectors side by side.
    pub rows: usize,
    /// For each run pieces of the vector and the length of each.
    pub runs: [(usize, usize); MAX_RUNS],
    /// How many runs there are.
    pub count: usize,
    /// The accumulator row of each lane vector, from the first of its block on.
    pub places: [usize; MAX_ROWS],
}

/// Numbers of a pass.
#[derive(Clone, Copy)]
pub(super) struct PassShape {
    /// Blocks that each turn takes.
    pub blocks: usize,
    /// Whether the products add to what is there.
    pub adds: bool,
    /// Accumulator rows of a group.
    pub rows: usize,
    /// Accumulator rows of a block.
    pub block_rows: usize,
    /// Accumulator rows of a turn.
    pub all_rows: usize,
    pub products: [ProductShape; MAX_PRODUCTS],
    pub product_count: usize,
    /// Groups of units of a turn.
    pub groups: usize,
    pub cells: usize,
    /// Lanes that the equations may write, the same in all groups; 0 if they differ.
    pub valid: usize,
}

/// Numbers of a step.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub passes: [PassShape; MAX_PASSES],
    pub count: usize,
    /// Whether the step has no more of anything than can be unrolled.
    pub fits: bool,
}

const NO_PRODUCT: ProductShape = ProductShape {
    rows: 1,
    runs: [(0, 0); MAX_RUNS],
    count: 0,
    places: [0; MAX_ROWS],
};

const NO_PASS: PassShape = PassShape {
    blocks: 1,
    adds: false,
    rows: 0,
    block_rows: 0,
    all_rows: 0,
    products: [NO_PRODUCT; MAX_PRODUCTS],
    product_count: 0,
    groups: 0,
    cells: 1,
    valid: 0,
};

impl Shape {
    /// The shape of a cell's step for registers of so many lanes, of which a tile accumulates `max_rows` side by side.
    ///
    /// The same rules as those of the layout; [`Shape::matches`] holds the two against each other.
    pub const fn new(
        program: &Program,
        inputs: usize,
        sizes: &[usize],
        lanes: usize,
        max_rows: usize,
    ) -> Self {
        let mut shape = Shape {
            passes: [NO_PASS; MAX_PASSES],
            count: program.forward.len(),
            fits: program.forward.len() <= MAX_PASSES,
        };
        let mut index = 0;
        while shape.fits && index < shape.count {
            let pass = &program.forward[index];
            match PassShape::new(program, pass, inputs, sizes, lanes, max_rows) {
                Some(pass) => shape.passes[index] = pass,
                None => shape.fits = false,
            }
            index += 1;
        }
        shape
    }

    /// Whether a plan for registers of so many lanes has these numbers.
    pub fn matches<T: Element>(&self, plan: &Plan<T>, lanes: usize) -> bool {
        let passes = self.passes.iter().zip(&plan.passes);
        self.fits
            && self.count == plan.passes.len()
            && passes
                .into_iter()
                .all(|(shape, pass)| shape.matches(pass, lanes))
    }
}

impl PassShape {
    fn matches<T: Element>(&self, pass: &PassPlan<T>, lanes: usize) -> bool {
        let turn = |turn: &Turn<T>| {
            let mut products = self.products.iter().zip(&turn.products);
            self.product_count == turn.products.len()
                && products.all(|(shape, product)| shape.matches(product, lanes))
                && self.groups == turn.groups.len()
                && turn.groups.iter().all(|group| {
                    let is_valid = self.valid == 0 || group.valid == self.valid;
                    is_valid && group.cells == self.cells
                })
        };
        self.blocks == pass.blocks
            && self.adds == pass.adds
            && self.block_rows * lanes == pass.block_stride
            && pass.turns.iter().all(turn)
    }
}

impl ProductShape {
    fn matches<T: Element>(&self, product: &Product<T>, lanes: usize) -> bool {
        let runs = self.runs.iter().zip(&product.runs);
        let places = self.places.iter().zip(&product.places);
        self.rows == product.rows
            && self.count == product.count
            && runs
                .take(self.count)
                .all(|(&shape, run)| shape == (run.planes, run.k))
            && places
                .take(self.rows)
                .all(|(&row, &place)| row * lanes == place)
    }
}

impl PassShape {
    const fn new(
        program: &Program,
        pass: &Pass,
        inputs: usize,
        sizes: &[usize],
        lanes: usize,
        max_rows: usize,
    ) -> Option<Self> {
        let lead = &program.leads[pass.lead];
        let units = sizes[lead.axis];
        let cells = cells(program, pass.lead, sizes);
        let all_groups = units.div_ceil(lanes);
        let rows = pass.rows.len(cells);
        let mut groups = max_rows / at_least_one(rows);
        if groups < 1 {
            groups = 1;
        }
        if groups > all_groups {
            groups = all_groups;
        }
        let blocks = all_groups.div_ceil(groups);
        let mut shape = PassShape { cells, ..NO_PASS };
        let is_one_tile = is_one_tile(pass, cells);
        shape.adds = !is_one_tile;
        let mut most = 1;
        let mut rank = 0;
        while rank < pass.segments.len() {
            let segment = ranked(program, pass, sizes, rank);
            let run = extent(program, segment.operand, inputs, sizes);
            let all = groups * targets(segment, cells);
            let chunks = all.div_ceil(max_rows);
            let (mut chunk, mut before) = (0, 0);
            while chunk < chunks {
                let chunk_rows = (all - before).div_ceil(chunks - chunk);
                if chunk_rows > most {
                    most = chunk_rows;
                }
                let (at, run_at) = match is_one_tile {
                    true => (chunk, rank),
                    false => (shape.product_count, 0),
                };
                if at >= MAX_PRODUCTS || run_at >= MAX_RUNS || chunk_rows > MAX_ROWS {
                    return None;
                }
                let product = &mut shape.products[at];
                product.rows = chunk_rows;
                product.runs[run_at] = run;
                product.count = run_at + 1;
                let mut member = 0;
                while member < chunk_rows {
                    let (group, index) = (
                        (before + member) / targets(segment, cells),
                        (before + member) % targets(segment, cells),
                    );
                    product.places[member] = group * rows + target(segment, cells, index);
                    member += 1;
                }
                if at >= shape.product_count {
                    shape.product_count = at + 1;
                }
                before += chunk_rows;
                chunk += 1;
            }
            rank += 1;
        }
        shape.blocks = blocks_per_turn(most, groups, blocks);
        shape.rows = rows;
        shape.block_rows = groups * rows;
        shape.all_rows = shape.blocks * groups * rows;
        // The last block may have fewer groups than the others.
        shape.groups = shape.blocks * groups;
        shape.valid = match units % lanes {
            0 => lanes,
            _ if writes_padding(program, cells) => lanes,
            _ if all_groups == 1 => units,
            _ => 0,
        };
        let is_even = blocks * groups == all_groups;
        if shape.groups > MAX_GROUPS
            || shape.all_rows > MAX_SUMS
            || (!is_even && blocks > shape.blocks)
        {
            return None;
        }
        if !is_even {
            shape.groups = all_groups;
        }
        Some(shape)
    }
}

const fn at_least_one(count: usize) -> usize {
    if count == 0 { 1 } else { count }
}

const fn cells(program: &Program, lead: usize, sizes: &[usize]) -> usize {
    match program.leads[lead].block {
        Some(block) => sizes[block],
        None => 1,
    }
}

/// Pieces of a vector, and the length of each.
const fn extent(
    program: &Program,
    operand: Operand,
    inputs: usize,
    sizes: &[usize],
) -> (usize, usize) {
    match operand {
        Operand::Input => (1, inputs),
        Operand::Forward { lead, slot, .. } | Operand::Error { lead, slot, .. } => (
            slot.len(cells(program, lead, sizes)),
            sizes[program.leads[lead].axis],
        ),
    }
}

/// How many rows of a unit a segment adds to.
const fn targets(segment: &Segment, cells: usize) -> usize {
    let (mut count, mut index) = (0, 0);
    while index < segment.products.len() {
        count += segment.products[index].row.len(cells);
        index += 1;
    }
    count
}

/// The row of a unit that the target of an index is.
const fn target(segment: &Segment, cells: usize, mut index: usize) -> usize {
    let mut product = 0;
    while product < segment.products.len() {
        let row = segment.products[product].row;
        if index < row.len(cells) {
            return row.index(cells) + index;
        }
        index -= row.len(cells);
        product += 1;
    }
    0
}

/// Whether all segments of a pass add to all rows, in the same order.
const fn is_one_tile(pass: &Pass, cells: usize) -> bool {
    if pass.segments.is_empty() || pass.segments.len() > MAX_RUNS {
        return false;
    }
    let first = pass.segments[0].products;
    let mut segment = 0;
    while segment < pass.segments.len() {
        let products = pass.segments[segment].products;
        if products.len() != first.len() {
            return false;
        }
        let mut index = 0;
        while index < products.len() {
            let (a, b) = (products[index].row, first[index].row);
            if a.index(cells) != b.index(cells) || a.len(cells) != b.len(cells) {
                return false;
            }
            index += 1;
        }
        segment += 1;
    }
    // Every row is there if as many different ones are.
    targets(&pass.segments[0], cells) == pass.rows.len(cells)
}

/// The segment of a pass that is multiplied at a rank: the input, then columns as they lie in memory.
const fn ranked<'a>(
    program: &Program,
    pass: &'a Pass,
    sizes: &[usize],
    rank: usize,
) -> &'a Segment {
    let mut index = 0;
    while index < pass.segments.len() {
        let key = key(program, pass.segments[index].operand, sizes);
        let (mut before, mut other) = (0, 0);
        while other < pass.segments.len() {
            let other_key = self::key(program, pass.segments[other].operand, sizes);
            if other_key < key || (other_key == key && other < index) {
                before += 1;
            }
            other += 1;
        }
        if before == rank {
            return &pass.segments[index];
        }
        index += 1;
    }
    &pass.segments[0]
}

/// What segments are sorted by.
const fn key(program: &Program, operand: Operand, sizes: &[usize]) -> u128 {
    let (kind, lead, time, slot) = match operand {
        Operand::Input => return 0,
        Operand::Forward {
            lead,
            slot,
            previous,
        } => (1, lead, previous, slot),
        Operand::Error { lead, slot, next } => (2, lead, next, slot),
    };
    let index = slot.index(cells(program, lead, sizes));
    (kind << 120) | ((lead as u128) << 72) | ((time as u128) << 64) | index as u128
}

/// The shape of the cell `C` with the sizes `Z` under an instruction set, as a constant.
pub(super) struct ShapeOf<C, T, S, Z>(std::marker::PhantomData<(C, T, S, Z)>);

impl<C: Cell, T: Element, S: pulp::Simd, Z: Sizes> ShapeOf<C, T, S, Z> {
    /// The shape; unfit for sizes that the compiler does not know.
    pub const SHAPE: Shape = match completed(&C::SPEC, Z::SIZES) {
        Some(sizes) => {
            let mut inputs = 1;
            let mut axis = 0;
            while axis < C::SPEC.input.axes.len() {
                inputs *= sizes[C::SPEC.input.axes[axis]];
                axis += 1;
            }
            let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
            let max_rows = max_rows(S::REGISTER_COUNT);
            Shape::new(&C::PROGRAM, inputs, &sizes, lanes, max_rows)
        }
        None => Shape {
            passes: [NO_PASS; MAX_PASSES],
            count: 0,
            fits: false,
        },
    };
}
