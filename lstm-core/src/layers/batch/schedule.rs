//! How a recurrent layer goes through a batch: segments during which the same samples run.

use lstm_kernels::Columns;

use super::Batch;

/// How a recurrent layer goes through a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The samples, the longest first.
    pub order: Vec<usize>,
    pub segments: Vec<Segment>,
    /// Samples of no steps that begin anew: their final state is the initial one.
    pub idle: Vec<usize>,
    /// Whether the order is that of the batch.
    is_in_order: bool,
}

/// Steps during which the same samples run and none of them begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The first of its steps, in the order in which they are taken.
    pub first: usize,
    pub steps: usize,
    /// How many samples run, the first ones of the schedule's order.
    pub samples: usize,
    /// Samples that begin anew before it, by their places in the order.
    pub fresh: Vec<usize>,
}

impl Batch {
    /// How a recurrent layer goes through the batch, in segments of at most `longest` steps.
    pub(crate) fn schedule(&self, longest: usize) -> Schedule {
        let mut order: Vec<usize> = (0..self.samples).collect();
        order.sort_by_key(|&sample| std::cmp::Reverse(self.length(sample)));
        let steps = order.first().map_or(0, |&sample| self.length(sample));
        let (resets, idle): (Vec<_>, Vec<_>) = (self.resets_in_turn(&order).into_iter())
            .partition(|&(_, place)| self.length(order[place]) > 0);
        let idle = idle.into_iter().map(|(_, place)| order[place]).collect();
        let mut resets = resets.into_iter().peekable();
        let mut segments = Vec::new();
        let (mut first, mut samples) = (0, order.len());
        while first < steps {
            samples = order[..samples].partition_point(|&sample| self.length(sample) > first);
            let mut fresh = Vec::new();
            while let Some((_, place)) = resets.next_if(|&(turn, _)| turn == first) {
                fresh.push(place);
            }
            let shortest = self.length(order[samples - 1]);
            let next_reset = resets.peek().map_or(steps, |&(turn, _)| turn);
            let end = shortest
                .min(next_reset)
                .min(first.saturating_add(longest.max(1)));
            segments.push(Segment {
                first,
                steps: end - first,
                samples,
                fresh,
            });
            first = end;
        }
        let is_in_order = order.is_sorted();
        Schedule {
            order,
            segments,
            idle,
            is_in_order,
        }
    }

    /// Resets as (turn, place in `order`), by turn.
    fn resets_in_turn(&self, order: &[usize]) -> Vec<(usize, usize)> {
        let mut place = vec![0; self.samples];
        for (at, &sample) in order.iter().enumerate() {
            place[sample] = at;
        }
        let mut turns: Vec<_> = (self.all_resets())
            .map(|(step, sample)| {
                // Backwards, the boundary before `step` is met behind it.
                let turn = match self.is_reversed && step > 0 {
                    true => self.length(sample) - step,
                    false => step,
                };
                (turn, place[sample])
            })
            .collect();
        turns.sort_unstable();
        turns
    }

    /// Where the columns of a segment lie, if they lie as evenly as kernels take them.
    pub(crate) fn even_columns(&self, schedule: &Schedule, segment: &Segment) -> Option<Columns> {
        let length = |place: usize| self.length(schedule.order[place]);
        let begins_at_once = !self.is_reversed || length(0) == length(segment.samples - 1);
        if !schedule.is_in_order || !begins_at_once {
            return None;
        }
        let columns = match self.is_batch_major {
            true => Columns::batch_major(self.steps),
            false => Columns::time_major(self.samples),
        };
        let columns = match self.is_reversed {
            true => columns.reversed(length(0)),
            false => columns,
        };
        Some(columns.skip_steps(segment.first))
    }
}
