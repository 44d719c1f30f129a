//! What the author may have meant.

/// Words of more letters are like none.
const LONGEST: usize = 100;

/// The candidate most like a misspelt word, if one is like it at all; the first of several.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.chars().count();
            let allowed = (length.max(other) / 3).max(1);
            // Nobody writes such words, and comparing them would take as many operations as the product of their lengths.
            if length.max(other) > LONGEST || length.abs_diff(other) > allowed {
                return None;
            }
            let distance = distance(word, candidate);
            // A word of one letter is like none but its other case.
            let is_like = distance <= allowed
                && (length > 1 || word.to_lowercase() == candidate.to_lowercase());
            is_like.then_some((distance, candidate))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_like_others_of_nearly_their_length() {
        let candidates = ["sigmoid", "tanh", "T"];
        let find = |word| nearest(word, candidates);
        assert_eq!(find("sigmiod"), Some("sigmoid"));
        assert_eq!(find("tahn"), Some("tanh"));
        assert_eq!(find("t"), Some("T"));
        assert_eq!((find("s"), find("tan_of_h")), (None, None));
    }

    #[test]
    fn endless_words_are_like_none() {
        let words = ["a", "b"].map(|letter| letter.repeat(200_000));
        assert_eq!(nearest(&words[0], [words[1].as_str()]), None);
    }
}
