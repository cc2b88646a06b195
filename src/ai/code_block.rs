//! Fenced code blocks of a text (CommonMark 0.31, section 4.5).

use std::ops::Range;

/// How many columns deeper than its opening fence a closing fence may stand. A deeper one is part of the block, for
/// example of a docstring.
const MAX_CLOSING_INDENT: usize = 3;

/// One fenced code block.
#[derive(Debug)]
pub(super) struct CodeBlock {
    /// The first word after the opening fence, in lower case.
    pub language: String,
    /// The lines between the fences, unchanged but for the indentation of the opening fence.
    pub code: String,
    /// Whether there is a closing fence.
    pub is_closed: bool,
    /// The block's place in the text, fences included.
    pub range: Range<usize>,
}

/// The blocks of a text, in their order.
pub(super) fn code_blocks(text: &str) -> Vec<CodeBlock> {
    let mut blocks: Vec<CodeBlock> = Vec::new();
    let mut open: Option<Fence<'_>> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        match (&open, blocks.last_mut()) {
            (Some(fence), Some(block)) => {
                block.range.end = at;
                if fence.is_closed_by(line) {
                    block.is_closed = true;
                    open = None;
                } else {
                    // A block inside a list is indented as a whole.
                    let shared = line.bytes().zip(fence.indent.bytes()).take_while(|(ours, its)| ours == its).count();
                    block.code.push_str(&line[shared..]);
                }
            }
            _ => {
                if let Some((fence, language)) = Fence::open(line) {
                    blocks.push(CodeBlock { language, code: String::new(), is_closed: false, range: start..at });
                    open = Some(fence);
                }
            }
        }
    }
    if let Some(block) = blocks.last_mut().filter(|block| !block.code.is_empty() && !block.code.ends_with('\n')) {
        block.code.push('\n');
    }
    blocks
}

/// The fence that opened a block.
struct Fence<'a> {
    character: char,
    length: usize,
    /// The white space before it.
    indent: &'a str,
}

impl<'a> Fence<'a> {
    /// The fence that this line opens a block with, and the block's language. The standard allows three spaces before a
    /// fence; this allows any indentation, because models put blocks into lists.
    fn open(line: &'a str) -> Option<(Self, String)> {
        let (indent, rest) = split_indent(line);
        let character = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = rest.chars().take_while(|c| *c == character).count();
        let info = rest[length..].trim();
        if length < 3 || (character == '`' && info.contains('`')) {
            return None;
        }
        let language = info.split([' ', '{', ',', ':']).next().unwrap_or_default().to_ascii_lowercase();
        Some((Self { character, length, indent }, language))
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let (indent, rest) = split_indent(line.trim_end());
        let is_fence = rest.len() >= self.length && rest.chars().all(|c| c == self.character);
        is_fence && columns(indent) <= columns(self.indent) + MAX_CLOSING_INDENT
    }
}

fn split_indent(line: &str) -> (&str, &str) {
    line.split_at(line.len() - line.trim_start_matches([' ', '\t']).len())
}

/// The width of an indentation. A tab leads to the next multiple of four (section 2.2).
fn columns(indent: &str) -> usize {
    indent.bytes().fold(0, |column, byte| if byte == b'\t' { column / 4 * 4 + 4 } else { column + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "import FreeCAD as App\n\nwidth = 10.0  # mm\nif width:\n    print(\"```\")\n";

    fn only(text: &str) -> CodeBlock {
        let mut blocks = code_blocks(text);
        assert_eq!(blocks.len(), 1, "{text}: {blocks:?}");
        blocks.remove(0)
    }

    #[test]
    fn every_form_of_fence() {
        for (open, close, language) in [
            ("```python", "```", "python"),
            ("```", "```", ""),
            ("~~~py", "~~~~", "py"),
            ("````Python:box.py title=\"x\"", "````", "python"),
            ("```python", "   ```", "python"),
            ("```python", "  `````  ", "python"),
        ] {
            let text = format!("Here it is:\n\n{open}\n{CODE}{close}\n\nDone.");
            let block = only(&text);
            assert_eq!(
                (block.code.as_str(), block.language.as_str(), block.is_closed),
                (CODE, language, true),
                "{open}"
            );
            assert_eq!((&text[..block.range.start], &text[block.range.end..]), ("Here it is:\n\n", "\nDone."));
        }
        let open = only("```python\nx = 1");
        assert_eq!((open.code.as_str(), open.is_closed), ("x = 1\n", false));
    }

    #[test]
    fn lines_stay_as_they_are() {
        let lines = CODE.replace('\n', "\r\n");
        assert_eq!(only(&format!("```python\r\n{lines}```\r\n")).code, lines);
    }

    #[test]
    fn the_fences_indentation_is_removed() {
        for indent in ["   ", "\t"] {
            let lines =
                CODE.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{indent}{line}\n") });
            let text = format!("1. Run this:\n\n{indent}```python\n{}{indent}```\n2. Done", lines.collect::<String>());
            assert_eq!(only(&text).code, CODE);
        }
        assert_eq!(only(&format!("Run this:\n\t```python\n{CODE}\t```\nDone")).code, CODE);
    }

    #[test]
    fn a_fence_in_a_docstring_closes_nothing() {
        for fence in ["    ```", "\t```", "  \t````", "    ```\n    again\n    ```"] {
            let code =
                format!("import Part\ndef box():\n    \"\"\"Use it like this:\n{fence}\n    box()\n    \"\"\"\n");
            assert_eq!(only(&format!("```python\n{code}```\nDone")).code, code, "{fence}");
        }
    }
}
