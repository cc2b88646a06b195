//! The script in a model's answer, taken by the answer's structure: its fenced code blocks (CommonMark 0.31, section
//! 4.5). No line of a script is ever rewritten: what the model wrote is what runs.

use std::ops::Range;

use super::python::{is_script, uses_freecad};
use super::wire::Ending;

/// The most suggestions that are taken.
const MOST_SUGGESTIONS: usize = 3;

/// The longest suggestion, in characters.
const LONGEST_SUGGESTION: usize = 200;

/// What an answer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extracted {
    /// A script, and what was said around it.
    Script {
        /// The script, line for line.
        code: String,
        /// The rest of the answer, without script and suggestions.
        said: String,
        /// What the model suggests to change next: the list below `Next:`, after the script.
        suggestions: Vec<String>,
    },
    /// An answer that breaks off before its script was whole: nothing of it must be run.
    Truncated,
    /// No script: the whole answer is for the person to read.
    Prose(String),
}

/// Finds the script.
///
/// - A block counts as a script if it uses FreeCAD: it imports FreeCAD or one of its modules. Of several the last
///   counts: models show the whole script again once they have changed it, and say what to install before.
/// - A last block that is not closed breaks off, unless the model itself says that it was through: then it forgot the
///   fence, and the block is a script if it is Python to its end.
/// - An answer without any block is a script if it is Python from beginning to end, and the model says that it was through.
/// - What a model thinks aloud before its answer, up to `</think>`, is no part of it.
pub fn extract(answer: &str, ending: Ending) -> Extracted {
    let Some(answer) = after_thoughts(answer) else { return Extracted::Truncated };
    let blocks = blocks(answer);
    let scripts = || blocks.iter().filter(|block| block.may_be_python() && uses_freecad(&block.code));
    // A block that was whole before it may be what the person wanted; but the model meant to say more.
    if let Some(open) = blocks.last().filter(|block| !block.is_closed && block.may_be_python()) {
        if ending != Ending::Whole {
            return Extracted::Truncated;
        }
        // What was said after a script would run with it.
        if uses_freecad(&open.code) && !is_script(&open.code) {
            return Extracted::Prose(answer.trim().to_owned());
        }
    }
    if let Some(script) = scripts().next_back() {
        let (before, after) = (&answer[..script.range.start], &answer[script.range.end..]);
        let (after, suggestions) = next_steps(after);
        let said = [before.trim(), after.trim()].join("\n\n").trim().to_owned();
        return Extracted::Script { code: script.code.clone(), said, suggestions };
    }
    let is_bare = blocks.is_empty() && is_script(answer);
    if ending == Ending::Short || (is_bare && ending != Ending::Whole) {
        return Extracted::Truncated;
    }
    if is_bare {
        let code = with_end(answer.trim_matches(['\n', '\r']));
        return Extracted::Script { code, said: String::new(), suggestions: Vec::new() };
    }
    Extracted::Prose(answer.trim().to_owned())
}

/// The answer without what came before it; none where the thoughts never end. Where the model's own prompt opens them,
/// only their end shows.
pub(super) fn after_thoughts(answer: &str) -> Option<&str> {
    match answer.rsplit_once("</think>") {
        Some((_, said)) => Some(said),
        None if answer.trim_start().starts_with("<think>") => None,
        None => Some(answer),
    }
}

/// What stands before the line `Next:`, and the items of the list after it.
fn next_steps(text: &str) -> (&str, Vec<String>) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line
            .trim_matches(|letter: char| letter.is_whitespace() || "*#:".contains(letter))
            .eq_ignore_ascii_case("next")
        {
            let items = text[at + line.len()..].lines().map(str::trim).filter(|line| !line.is_empty());
            let items = items.map_while(|line| line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")));
            let items = items.map(|item| item.trim().chars().take(LONGEST_SUGGESTION).collect());
            return (&text[..at], items.take(MOST_SUGGESTIONS).collect());
        }
        at += line.len();
    }
    (text, Vec::new())
}

/// One fenced code block.
#[derive(Debug)]
struct Block {
    /// The first word after the fence, in lower case.
    language: String,
    code: String,
    is_closed: bool,
    /// Where it stands in the answer, fences included.
    range: Range<usize>,
}

impl Block {
    fn may_be_python(&self) -> bool {
        matches!(self.language.as_str(), "" | "python" | "python3" | "py" | "freecad" | "fcmacro")
    }
}

/// A fence that opened a block.
struct Fence<'a> {
    letter: char,
    length: usize,
    /// What stands before it.
    indent: &'a str,
}

/// How many columns further than the fence that opened a block the one that closes it may stand. One that stands deeper
/// is part of the block, such as of a text in a script.
const DEEPEST_CLOSE: usize = 3;

fn blocks(answer: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Fence<'_>> = None;
    let mut at = 0;
    for line in answer.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let text = line.trim_end_matches(['\n', '\r']);
        match (&open, blocks.last_mut()) {
            (Some(fence), Some(block)) => {
                block.range.end = at;
                if closes(text, fence) {
                    block.is_closed = true;
                    open = None;
                } else {
                    // As much of each line's indentation as the fence has belongs to the list that it stands in.
                    let shared = line.bytes().zip(fence.indent.bytes()).take_while(|(ours, its)| ours == its).count();
                    block.code.push_str(&line[shared..]);
                }
            }
            _ => {
                if let Some((fence, language)) = opens(text) {
                    blocks.push(Block { language, code: String::new(), is_closed: false, range: start..at });
                    open = Some(fence);
                }
            }
        }
    }
    for block in &mut blocks {
        block.code = with_end(&block.code);
    }
    blocks
}

/// The fence that a line opens a block with, and the block's language. Deeper indented ones count too: models put
/// blocks into lists.
fn opens(line: &str) -> Option<(Fence<'_>, String)> {
    let (indent, bare) = indented(line);
    let letter = bare.chars().next().filter(|letter| matches!(letter, '`' | '~'))?;
    let length = bare.chars().take_while(|other| *other == letter).count();
    let info = bare[length..].trim();
    if length < 3 || (letter == '`' && info.contains('`')) {
        return None;
    }
    let language = info.split([' ', '{', ',', ':']).next().unwrap_or_default().to_ascii_lowercase();
    Some((Fence { letter, length, indent }, language))
}

fn closes(line: &str, fence: &Fence<'_>) -> bool {
    let (indent, bare) = indented(line.trim_end());
    let is_fence = bare.len() >= fence.length && bare.chars().all(|letter| letter == fence.letter);
    is_fence && columns(indent) <= columns(fence.indent) + DEEPEST_CLOSE
}

/// What a line is indented by, and the rest of it.
fn indented(line: &str) -> (&str, &str) {
    line.split_at(line.len() - line.trim_start_matches([' ', '\t']).len())
}

/// How far that is: a tab leads to the next multiple of four (section 2.2).
fn columns(indent: &str) -> usize {
    indent.bytes().fold(0, |column, byte| if byte == b'\t' { column / 4 * 4 + 4 } else { column + 1 })
}

/// The same, with the line's end that a file has.
fn with_end(code: &str) -> String {
    if code.is_empty() || code.ends_with('\n') { code.to_owned() } else { format!("{code}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "import FreeCAD as App\n\nwidth = 10.0  # mm\nif width:\n    print(\"```\")\n";

    fn script(answer: &str) -> (String, String) {
        match extract(answer, Ending::Whole) {
            Extracted::Script { code, said, .. } => (code, said),
            other => panic!("{other:?}: {answer}"),
        }
    }

    #[test]
    fn one_block_with_prose_around() {
        for (open, close) in
            [("```python", "```"), ("```", "```"), ("~~~py", "~~~~"), ("````Python:box.py title=\"x\"", "````")]
        {
            let answer = format!("Here it is:\n\n{open}\n{CODE}{close}\n\nChange `width` to taste.");
            let (code, said) = script(&answer);
            assert_eq!(code, CODE, "{open}");
            assert_eq!(said, "Here it is:\n\nChange `width` to taste.");
        }
    }

    #[test]
    fn windows_lines_and_indentation_stay_as_they_are() {
        let lines = CODE.replace('\n', "\r\n");
        assert_eq!(script(&format!("```python\r\n{lines}```\r\n")).0, lines);
        let indented: String =
            CODE.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("   {line}\n") }).collect();
        assert_eq!(script(&format!("1. Run this:\n\n   ```python\n{indented}   ```\n2. Done")).0, CODE);
    }

    #[test]
    fn a_fence_in_a_text_of_the_script_ends_nothing() {
        let code = "import Part\n\n\ndef part():\n    \"\"\"Makes it:\n\n    ```\n    part()\n    ```\n    \"\"\"\n";
        assert_eq!(script(&format!("```python\n{code}```\n")).0, code);
    }

    #[test]
    fn of_several_the_last_that_uses_freecad() {
        let shell = "```bash\npip install freecad\n```\n";
        let first = "```python\nimport Part\nx = 1\n```\n";
        let second = "```python\nimport FreeCAD, Part\nx = 2\n```\n";
        let snippet = "For example:\n```python\nwidth = 20\n```\n";
        let answer = format!("{shell}{first}Better:\n{second}{snippet}");
        assert_eq!(script(&answer).0, "import FreeCAD, Part\nx = 2\n");
    }

    #[test]
    fn without_any_fence() {
        assert_eq!(script(CODE), (CODE.to_owned(), String::new()));
        assert_eq!(script(&format!("\n{}", CODE.trim_end())).0, CODE);
        for prose in [
            "You can import Part and then make a box with it.\nimport Part",
            "Here is the script for your bracket:\n\nimport FreeCAD as App\nimport Part\nwidth = 10",
            "Sorry, I cannot do this (FreeCAD 0.20 has no gears).\nYou could start like this:\nimport Part",
            "Sure!\nimport Part\nwidth = 10\n\nNext:\n- Add holes\n- Round",
        ] {
            assert_eq!(extract(prose, Ending::Whole), Extracted::Prose(prose.to_owned()));
        }
        assert_eq!(extract(CODE, Ending::Unsaid), Extracted::Truncated, "nobody knows whether it is whole");
    }

    #[test]
    fn tabs_before_fences_are_indentation() {
        let indented: String = CODE.lines().map(|line| format!("\t{line}\n")).collect();
        let answer = format!("1. Run this:\n\n\t```python\n{indented}\t```\n2. Done");
        assert_eq!(script(&answer), (CODE.to_owned(), "1. Run this:\n\n2. Done".to_owned()));
        assert_eq!(script(&format!("Run this:\n\t```python\n{CODE}\t```\nDone")).0, CODE);
    }

    #[test]
    fn a_fence_in_a_text_of_the_script_does_not_end_it() {
        for fence in ["    ```", "\t```", "  \t````", "    ```\n    again\n    ```"] {
            let code = format!("import Part\ndef box():\n    \"\"\"Used so:\n{fence}\n    box()\n    \"\"\"\n");
            assert_eq!(script(&format!("```python\n{code}```\nDone")), (code.clone(), "Done".to_owned()), "{fence}");
        }
        for fence in ["```", "   ```", "  `````  "] {
            assert_eq!(script(&format!("```python\n{CODE}{fence}\nDone")).1, "Done", "{fence}");
        }
    }

    #[test]
    fn what_is_no_script_is_prose() {
        for answer in [
            "I can only help with CAD models.",
            "",
            "Which thread do you need?\n```\nM6 or M8\n```",
            "```json\n{\"import\": \"FreeCAD\"}\n```",
            "```bash\nfrom FreeCAD import x\n```",
        ] {
            for ending in [Ending::Whole, Ending::Unsaid] {
                assert_eq!(extract(answer, ending), Extracted::Prose(answer.trim().to_owned()));
            }
        }
    }

    #[test]
    fn what_breaks_off_is_not_run() {
        let open = format!("Here:\n```python\n{CODE}");
        for ending in [Ending::Short, Ending::Unsaid] {
            assert_eq!(extract(&open, ending), Extracted::Truncated);
            assert_eq!(extract(&format!("```python\n{CODE}```\n{open}"), ending), Extracted::Truncated);
            assert_eq!(extract("```python\n# A box", ending), Extracted::Truncated);
            assert_eq!(extract(CODE, ending), Extracted::Truncated);
        }
        assert_eq!(script(&open).0, CODE, "a forgotten fence");
        for more in ["\nChange `width` to taste.", "\nNext:\n- Add holes", "box = Part.makeBox("] {
            for before in ["", "```python\nimport Part\n```\nBetter:\n"] {
                let answer = format!("{before}{open}{more}");
                assert_eq!(extract(&answer, Ending::Whole), Extracted::Prose(answer), "prose would run");
            }
        }
        // The explanation was cut, not the script.
        let said = "Here:\n\nThe width can".to_owned();
        assert_eq!(
            extract(&format!("{open}```\nThe width can"), Ending::Short),
            Extracted::Script { code: CODE.to_owned(), said, suggestions: Vec::new() }
        );
        assert!(matches!(extract(&format!("{open}```\n"), Ending::Unsaid), Extracted::Script { .. }));
        assert_eq!(extract("First I have to think about", Ending::Short), Extracted::Truncated);
        assert_eq!(extract("", Ending::Short), Extracted::Truncated, "it thought where nobody hears it");
    }

    #[test]
    fn thoughts_are_no_answer() {
        let draft = "<think>\nPerhaps:\n```python\nimport Part\nx = 0\n```\nor else\n";
        let answer = format!("Here:\n```python\n{CODE}```\n");
        assert_eq!(script(&format!("{draft}</think>\n{answer}")), (CODE.to_owned(), "Here:".to_owned()));
        assert_eq!(script(&format!("```python\nimport Part\n</think>\n{answer}")).0, CODE);
        assert_eq!(extract(draft, Ending::Whole), Extracted::Truncated, "they never end");
    }

    #[test]
    fn suggestions_are_the_list_below_next() {
        let list = |after: &str| match extract(&format!("A box.\n```python\n{CODE}```\n{after}"), Ending::Whole) {
            Extracted::Script { said, suggestions, .. } => (said, suggestions),
            other => panic!("{other:?}"),
        };
        for head in ["Next:", "**Next:**", "## next"] {
            let (said, suggestions) =
                list(&format!("- `width` is its width\n\n{head}\n\n- Add holes\n* Round the edges\n"));
            assert_eq!(said, "A box.\n\n- `width` is its width");
            assert_eq!(suggestions, ["Add holes", "Round the edges"]);
        }
        assert_eq!(list("- one\n").1, Vec::<String>::new());
        assert_eq!(list("Next:\n- 1\n- 2\n- 3\n- 4\n").1.len(), MOST_SUGGESTIONS);
        assert_eq!(list("Next:\n- 1\nAnd so on.\n").1, ["1"]);
    }
}
