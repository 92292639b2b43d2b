//! Tables as text, in columns: a message has no entity for a table.

use pulldown_cmark::Alignment;
use unicode_width::UnicodeWidthStr;

/// Cells that are wider than this do not widen their column.
const WIDEST: usize = 40;

/// Between two columns.
const GAP: &str = "  ";

/// Rows below each other, the first one apart from the others as their header.
pub(super) fn lay_out(rows: &[Vec<String>], alignments: &[Alignment]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            if widths.len() == column {
                widths.push(0);
            }
            let width = cell.width();
            if width <= WIDEST {
                widths[column] = width.max(widths[column]);
            }
        }
    }
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        // Blanks are written only before a cell: a row that ends in empty cells costs nothing.
        let mut owed = 0;
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let room = width.saturating_sub(cell.width());
            let before = match alignments.get(column) {
                Some(Alignment::Right) => room,
                Some(Alignment::Center) => room / 2,
                _ => 0,
            };
            if !cell.is_empty() {
                text.extend(std::iter::repeat_n(' ', owed + before));
                text.push_str(cell);
                owed = room - before + GAP.len();
            } else {
                owed += width + GAP.len();
            }
        }
        text.push('\n');
        if index == 0 {
            for (column, width) in widths.iter().enumerate() {
                text.push_str(if column == 0 { "" } else { GAP });
                text.extend(std::iter::repeat_n('─', *width));
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[&[&str]], alignments: &[Alignment], expected: &str) {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect();
        assert_eq!(lay_out(&rows, alignments), expected);
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        check(&[&["file", "ü"], &["a.rs", "1"], &["b", ""]], &[], "file  ü\n────  ─\na.rs  1\nb");
        check(&[&["", "名前"], &["a", "x"]], &[], "   名前\n─  ────\na  x");
        check(&[], &[], "");
    }

    #[test]
    fn cells_stand_where_their_column_says() {
        let alignments = [Alignment::Right, Alignment::Center, Alignment::Left];
        check(
            &[&["num", "mid", "x"], &["1", "a", "y"]],
            &alignments,
            "num  mid  x\n───  ───  ─\n  1   a   y",
        );
    }

    #[test]
    fn a_long_cell_does_not_widen_the_others() {
        let long = "x".repeat(1000);
        check(&[&["a", "b"], &[&long, "c"]], &[], &format!("a  b\n─  ─\n{long}  c"));
    }
}
