//! What cells are called. Type, file and, where it has one of its own, the name that the command `lstm` gives it all lead to
//! a cell, with or without hyphens, underscores and capitals.

/// The type of a cell and the name by which `lstm` and the field know it, where that is another one.
const SHORT: [(&str, &str); 5] = [
    ("ElmanRnn", "elman"),
    ("ElmanRnn", "rnn"),
    ("GruResetAfter", "gru"),
    ("PeepholeLstm", "peephole"),
    ("ProjectionLstm", "lstm-projection"),
];

/// Whether the cell of a type is called so.
pub fn is_called(cell: &str, name: &str) -> bool {
    let name = plain(name);
    plain(cell) == name || short(cell).any(|short| plain(short) == name)
}

/// The names of a cell that are not made from its type.
pub fn short(cell: &str) -> impl Iterator<Item = &'static str> {
    let of_cell = SHORT.iter().filter(move |(other, _)| *other == cell);
    of_cell.map(|&(_, short)| short)
}

/// File names are types in snake case, so both are one without what stands between words.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|sign| !matches!(sign, '-' | '_'));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_called_as_by_the_command_lstm() {
        let table = include_str!("../../lstm-core/cli/src/cells.rs");
        let (_, rest) = table.split_once("\ncells! {\n").unwrap();
        let (table, _) = rest.split_once("\n}").unwrap();
        for row in table.lines() {
            let words: Vec<_> = row.split_whitespace().collect();
            let [name, cell, file] =
                [words[0], words[1], words[2]].map(|word| word.trim_matches('"'));
            let stem = file.trim_end_matches(".rs");
            for called in [name, cell, stem] {
                assert!(is_called(cell, called), "SHORT lacks {called} for {cell}");
            }
        }
        assert!(!is_called("Lstm", "lstm-1997") && !is_called("Lstm1997", "lstm"));
    }
}
