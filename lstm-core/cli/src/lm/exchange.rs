//! The exchange algorithm: every word in turn moves to the class in which a class bigram model finds the text most likely.
//! Kneser & Ney 1993, "Improved clustering techniques for class-based statistical language modelling"; Martin, Liermann &
//! Ney 1998, "Algorithms for bigram and trigram word clustering".
//!
//! The model is p(w | v) = p(class(w) | class(v)) p(w | class(w)) with relative frequencies, so the logarithm of the text's
//! probability is F = Σ f(N(g, h)) - Σ f(L(g)) - Σ f(R(h)) + Σ f(n(w)), where f(n) = n ln n, N counts pairs of classes, L
//! and R how often a class is the left or the right of a pair, and n how often a word is the right one.

use std::collections::BTreeMap;

use super::error::LmError;

/// How often words stand side by side.
pub struct Bigrams {
    /// For each word its right neighbours with their counts.
    right: Vec<BTreeMap<u32, u64>>,
    total: u64,
}

impl Bigrams {
    /// None so far, of so many words.
    pub fn new(words: usize) -> Self {
        Self {
            right: vec![BTreeMap::new(); words],
            total: 0,
        }
    }

    /// Counts a pair of words.
    pub fn add(&mut self, left: u32, right: u32) {
        *self.right[left as usize].entry(right).or_default() += 1;
        self.total += 1;
    }

    /// The perplexity at which the class bigram model of these classes finds its own text, however many they are: memory is taken
    /// for the pairs of classes that occur.
    pub fn perplexity(&self, class_of: &[u32]) -> f64 {
        let mut pairs = BTreeMap::<(u32, u32), u64>::new();
        let (mut left, mut right) = (BTreeMap::<u32, u64>::new(), BTreeMap::<u32, u64>::new());
        let mut words = vec![0; class_of.len()];
        for (&class, neighbours) in class_of.iter().zip(&self.right) {
            for (&word, &count) in neighbours {
                let other = class_of[word as usize];
                *pairs.entry((class, other)).or_default() += count;
                *left.entry(class).or_default() += count;
                *right.entry(other).or_default() += count;
                words[word as usize] += count;
            }
        }
        let classes = sum(pairs.into_values()) - sum(left.into_values()) - sum(right.into_values());
        perplexity(classes + sum(words), self.total)
    }
}

/// A word's neighbours other than itself.
#[derive(Default, Clone)]
struct Neighbours {
    right: Vec<(u32, u64)>,
    left: Vec<(u32, u64)>,
    /// How often it stands beside itself.
    itself: u64,
}

impl Neighbours {
    fn lefts(&self) -> u64 {
        self.itself + self.right.iter().map(|&(_, count)| count).sum::<u64>()
    }

    fn rights(&self) -> u64 {
        self.itself + self.left.iter().map(|&(_, count)| count).sum::<u64>()
    }
}

/// Classes in the course of being improved.
pub struct Exchange {
    words: Vec<Neighbours>,
    class_of: Vec<u32>,
    sizes: Vec<usize>,
    /// N(g, h) at `g * classes + h`.
    pairs: Vec<u64>,
    left: Vec<u64>,
    right: Vec<u64>,
    total: u64,
}

impl Exchange {
    /// Begins with a partition into `count` classes, none of which is empty.
    ///
    /// # Errors
    /// No memory for the counts of so many pairs of classes.
    pub fn new(bigrams: &Bigrams, class_of: Vec<u32>, count: usize) -> Result<Self, LmError> {
        let pairs = pairs(count)?;
        let mut words = vec![Neighbours::default(); class_of.len()];
        for (left, rights) in bigrams.right.iter().enumerate() {
            for (&right, &count) in rights {
                if left == right as usize {
                    words[left].itself = count;
                } else {
                    words[left].right.push((right, count));
                    words[right as usize].left.push((left as u32, count));
                }
            }
        }
        let mut exchange = Self {
            sizes: vec![0; count],
            pairs,
            left: vec![0; count],
            right: vec![0; count],
            total: bigrams.total,
            words,
            class_of,
        };
        for (word, neighbours) in exchange.words.iter().enumerate() {
            let class = exchange.class_of[word] as usize;
            exchange.sizes[class] += 1;
            exchange.left[class] += neighbours.lefts();
            exchange.right[class] += neighbours.rights();
            exchange.pairs[class * count + class] += neighbours.itself;
            for &(right, pairs) in &neighbours.right {
                exchange.pairs[class * count + exchange.class_of[right as usize] as usize] += pairs;
            }
        }
        Ok(exchange)
    }

    /// The perplexity at which the class bigram model finds its own text.
    pub fn perplexity(&self) -> f64 {
        let counts = |counts: &[u64]| sum(counts.iter().copied());
        let classes = counts(&self.pairs) - counts(&self.left) - counts(&self.right);
        let words = sum(self.words.iter().map(Neighbours::rights));
        perplexity(classes + words, self.total)
    }

    /// Lets every word move once and returns how many did.
    pub fn round(&mut self) -> usize {
        (0..self.words.len())
            .filter(|&word| self.exchange(word))
            .count()
    }

    /// The class of each word.
    pub fn into_classes(self) -> Vec<u32> {
        self.class_of
    }

    /// Moves a word to its best class, and says whether that is another one.
    fn exchange(&mut self, word: usize) -> bool {
        let own = self.class_of[word] as usize;
        // A class never becomes empty, and a word without neighbours is at home anywhere.
        if self.sizes[own] == 1 || self.words[word].lefts() + self.words[word].rights() == 0 {
            return false;
        }
        let moved = Moved::of(self, word);
        self.shift(own, &moved, |count, by| *count -= by);
        let (mut best, mut best_gain) = (own, self.gain(own, &moved));
        for class in 0..self.sizes.len() {
            let gain = self.gain(class, &moved);
            // Equal gains differ by rounding; the word stays where it is then.
            if gain > best_gain + 1e-9 * best_gain.abs() {
                (best, best_gain) = (class, gain);
            }
        }
        self.shift(best, &moved, |count, by| *count += by);
        self.sizes[own] -= 1;
        self.sizes[best] += 1;
        // There are fewer classes than words, whose numbers fit.
        self.class_of[word] = best as u32;
        best != own
    }

    /// What F gains when the word, which is in no class, joins `class`.
    fn gain(&self, class: usize, moved: &Moved) -> f64 {
        let count = self.sizes.len();
        let added = |pairs: u64, by: u64| f(pairs + by) - f(pairs);
        let mut gain = 0.0;
        let mut inner = moved.itself;
        for &(other, by) in &moved.right {
            match other == class {
                true => inner += by,
                false => gain += added(self.pairs[class * count + other], by),
            }
        }
        for &(other, by) in &moved.left {
            match other == class {
                true => inner += by,
                false => gain += added(self.pairs[other * count + class], by),
            }
        }
        gain + added(self.pairs[class * count + class], inner)
            - added(self.left[class], moved.lefts)
            - added(self.right[class], moved.rights)
    }

    /// Takes the word's pairs out of a class, or puts them in.
    fn shift(&mut self, class: usize, moved: &Moved, change: impl Fn(&mut u64, u64)) {
        let count = self.sizes.len();
        for &(other, by) in &moved.right {
            change(&mut self.pairs[class * count + other], by);
        }
        for &(other, by) in &moved.left {
            change(&mut self.pairs[other * count + class], by);
        }
        change(&mut self.pairs[class * count + class], moved.itself);
        change(&mut self.left[class], moved.lefts);
        change(&mut self.right[class], moved.rights);
    }
}

/// A word's pairs, by the classes of its neighbours.
struct Moved {
    right: Vec<(usize, u64)>,
    left: Vec<(usize, u64)>,
    itself: u64,
    lefts: u64,
    rights: u64,
}

impl Moved {
    fn of(exchange: &Exchange, word: usize) -> Self {
        let neighbours = &exchange.words[word];
        let by_class = |neighbours: &[(u32, u64)]| {
            let mut classes = BTreeMap::<usize, u64>::new();
            for &(neighbour, count) in neighbours {
                let class = exchange.class_of[neighbour as usize] as usize;
                *classes.entry(class).or_default() += count;
            }
            classes.into_iter().collect()
        };
        Self {
            right: by_class(&neighbours.right),
            left: by_class(&neighbours.left),
            itself: neighbours.itself,
            lefts: neighbours.lefts(),
            rights: neighbours.rights(),
        }
    }
}

/// A zero for each pair of classes.
fn pairs(count: usize) -> Result<Vec<u64>, LmError> {
    let mut room = Vec::<u64>::new();
    match count.checked_mul(count) {
        Some(len) if room.try_reserve_exact(len).is_ok() => {
            drop(room);
            // Unlike what was reserved, this comes from the system as zeros, and takes memory where it is written to only.
            Ok(vec![0; len])
        }
        _ => Err(LmError::Options(format!(
            "there is no memory to count the pairs of {count} classes; use fewer --classes or --method frequency"
        ))),
    }
}

/// The perplexity of a text of `total` pairs from the logarithm F of its probability.
fn perplexity(log: f64, total: u64) -> f64 {
    (-log / total.max(1) as f64).exp()
}

fn sum(counts: impl IntoIterator<Item = u64>) -> f64 {
    counts.into_iter().map(f).sum()
}

/// n ln n, and its limit 0 at 0.
fn f(count: u64) -> f64 {
    match count {
        0 => 0.0,
        count => count as f64 * (count as f64).ln(),
    }
}

#[cfg(test)]
mod tests {
    use lstm_core::Rng;

    use super::*;

    /// The perplexity by the definition, from a text and the classes alone.
    fn perplexity(text: &[u32], class_of: &[u32]) -> f64 {
        let class = |word: u32| class_of[word as usize];
        let pairs: Vec<_> = text.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let count =
            |is: &dyn Fn(u32, u32) -> bool| pairs.iter().filter(|&&(v, w)| is(v, w)).count() as f64;
        let log: f64 = (pairs.iter())
            .map(|&(v, w)| {
                let together = count(&|a, b| class(a) == class(v) && class(b) == class(w));
                let left = count(&|a, _| class(a) == class(v));
                let right = count(&|_, b| class(b) == class(w));
                let word = count(&|_, b| b == w);
                (together / left * word / right).ln()
            })
            .sum();
        (-log / pairs.len() as f64).exp()
    }

    fn bigrams(text: &[u32], words: usize) -> Bigrams {
        let mut bigrams = Bigrams::new(words);
        text.windows(2)
            .for_each(|pair| bigrams.add(pair[0], pair[1]));
        bigrams
    }

    #[test]
    fn counts_stay_those_of_the_definition_and_the_text_becomes_likelier() {
        let mut rng = Rng::new(2);
        let text: Vec<u32> = (0..300)
            .map(|_| (rng.unit() * rng.unit() * 12.0) as u32)
            .collect();
        let bigrams = bigrams(&text, 12);
        let class_of: Vec<u32> = (0..12).map(|word| word % 3).collect();
        let mut exchange = Exchange::new(&bigrams, class_of, 3).unwrap();
        let mut before = exchange.perplexity();
        let mut moves = 0;
        for _ in 0..6 {
            moves += exchange.round();
            let after = exchange.perplexity();
            // Some hundred roundings of sums near 1000.
            let expected = perplexity(&text, &exchange.class_of);
            assert!((after - expected).abs() < 1e-10, "{after} {expected}");
            let sparse = bigrams.perplexity(&exchange.class_of);
            assert!((sparse - expected).abs() < 1e-10, "{sparse} {expected}");
            assert!(after <= before + 1e-10);
            before = after;
        }
        assert!(moves > 0);
        assert!(exchange.sizes.iter().all(|&size| size > 0));
    }

    /// 2^48 counts of 8 bytes are more than processors can address, 2^64 more than can be numbered.
    #[test]
    fn memory_is_taken_for_the_pairs_that_occur_or_refused() {
        let bigrams = bigrams(&[0, 1, 0, 1, 1], 2);
        let few = bigrams.perplexity(&[0, 1]);
        assert_eq!(bigrams.perplexity(&[u32::MAX - 1, u32::MAX]), few);
        for count in [1 << 24, 1 << 32] {
            let error = Exchange::new(&bigrams, vec![0, 1], count).err().unwrap();
            let text = error.to_string();
            assert!(text.contains("--method frequency"), "{text}");
        }
    }

    #[test]
    fn words_that_are_used_alike_end_in_one_class() {
        // Even words are followed by odd ones and odd ones by even ones, each by any: two classes say all there is.
        let mut rng = Rng::new(4);
        let text: Vec<u32> = (0..2000).map(|t| 2 * rng.below(4) as u32 + t % 2).collect();
        let bigrams = bigrams(&text, 8);
        let mut exchange = Exchange::new(&bigrams, vec![0, 0, 0, 0, 1, 1, 1, 1], 2).unwrap();
        while exchange.round() > 0 {}
        let classes = exchange.into_classes();
        for word in 0..8 {
            assert_eq!(classes[word] == classes[0], word % 2 == 0, "{classes:?}");
        }
    }
}
