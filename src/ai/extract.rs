//! Finds the script in a model's answer. No line of it is changed: the model's own text runs.

use super::answer::{Ending, after_thoughts};
use super::code_block::{CodeBlock, code_blocks};

const MAX_SUGGESTIONS: usize = 3;

/// The longest suggestion, in characters.
const MAX_SUGGESTION: usize = 200;

/// The modules that make a Python text a script for FreeCAD.
const MODULES: [&str; 12] = [
    "FreeCAD",
    "FreeCADGui",
    "Part",
    "PartDesign",
    "Sketcher",
    "Draft",
    "Mesh",
    "MeshPart",
    "Import",
    "BOPTools",
    "Arch",
    "Spreadsheet",
];

/// The content of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extracted {
    Script {
        /// The script, line for line.
        code: String,
        /// The rest of the answer, without the suggestions.
        text: String,
        /// Possible next changes: the list below `Next:`, after the script.
        suggestions: Vec<String>,
    },
    /// The answer ends before its script does. No part of it may run.
    Truncated,
    /// The whole answer. It holds a script outside a closed code block, so its end is not known and it may not run.
    Unfenced(String),
    /// The whole answer. It has no script.
    Prose(String),
}

/// Finds the script of an answer.
///
/// - A script is a closed code block that imports FreeCAD or one of its modules.
/// - The last one counts: models show the whole script again after a change, and begin with what to install.
/// - A model's thoughts before its answer, up to `</think>`, are not part of it.
pub fn extract(answer: &str, ending: Ending) -> Extracted {
    let Some(answer) = after_thoughts(answer) else { return Extracted::Truncated };
    let blocks = code_blocks(answer);
    let whole = || answer.trim().to_owned();
    // A closed script before it may be complete, but the model meant to write another.
    if let Some(open) = blocks.last().filter(|block| !block.is_closed && may_be_python(block)) {
        if ending != Ending::Complete {
            return Extracted::Truncated;
        }
        if uses_freecad(&open.code) {
            return Extracted::Unfenced(whole());
        }
    }
    if let Some(script) = blocks.iter().rfind(|block| may_be_python(block) && uses_freecad(&block.code)) {
        let (before, after) = (&answer[..script.range.start], &answer[script.range.end..]);
        let (after, suggestions) = split_suggestions(after);
        let text = [before.trim(), after.trim()].join("\n\n").trim().to_owned();
        return Extracted::Script { code: script.code.clone(), text, suggestions };
    }
    if ending == Ending::Limited {
        Extracted::Truncated
    } else if blocks.is_empty() && uses_freecad(answer) {
        Extracted::Unfenced(whole())
    } else {
        Extracted::Prose(whole())
    }
}

fn may_be_python(block: &CodeBlock) -> bool {
    matches!(block.language.as_str(), "" | "python" | "python3" | "py" | "freecad" | "fcmacro")
}

/// Whether a line imports FreeCAD or one of its modules.
fn uses_freecad(code: &str) -> bool {
    code.lines().map(str::trim_start).any(|line| {
        let Some(names) = line.strip_prefix("import ").or_else(|| line.strip_prefix("from ")) else { return false };
        let mut names = names.split([',', ' ', ';']).map(|name| name.split('.').next().unwrap_or_default());
        names.any(|name| MODULES.contains(&name))
    })
}

/// The text before the line `Next:`, and the items of the list after it.
fn split_suggestions(text: &str) -> (&str, Vec<String>) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_matches(|c: char| c.is_whitespace() || "*#:".contains(c)).eq_ignore_ascii_case("next") {
            let items = text[at + line.len()..].lines().map(str::trim).filter(|line| !line.is_empty());
            let items = items.map_while(|line| line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")));
            let items = items.map(|item| item.trim().chars().take(MAX_SUGGESTION).collect());
            return (&text[..at], items.take(MAX_SUGGESTIONS).collect());
        }
        at += line.len();
    }
    (text, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "import FreeCAD as App\n\nwidth = 10.0  # mm\n";

    fn script(answer: &str) -> (String, String) {
        match extract(answer, Ending::Complete) {
            Extracted::Script { code, text, .. } => (code, text),
            other => panic!("{other:?}: {answer}"),
        }
    }

    #[test]
    fn one_block_with_text_around() {
        let answer = format!("Here it is:\n\n```python\n{CODE}```\n\nChange `width` to taste.");
        assert_eq!(script(&answer), (CODE.to_owned(), "Here it is:\n\nChange `width` to taste.".to_owned()));
    }

    #[test]
    fn the_last_block_that_uses_freecad() {
        let shell = "```bash\npip install freecad\n```\n";
        let first = "```python\nimport Part\nx = 1\n```\n";
        let second = "```python\nimport FreeCAD, Part\nx = 2\n```\n";
        let snippet = "For example:\n```python\nwidth = 20\n```\n";
        let answer = format!("{shell}{first}Better:\n{second}{snippet}");
        assert_eq!(script(&answer).0, "import FreeCAD, Part\nx = 2\n");
    }

    #[test]
    fn a_script_outside_a_closed_block_does_not_run() {
        let open = format!("Here:\n```python\n{CODE}");
        for answer in [
            CODE,
            "Here is the script for your bracket:\n\nimport FreeCAD as App\nimport Part\nwidth = 10",
            "Sure!\nimport Part\nwidth = 10\n\nNext:\n- Add holes\n- Round",
            &open,
            &format!("{open}\nChange `width` to taste."),
            &format!("{open}box = Part.makeBox("),
            &format!("```python\nimport Part\n```\nBetter:\n{open}"),
        ] {
            assert_eq!(extract(answer, Ending::Complete), Extracted::Unfenced(answer.trim().to_owned()));
        }
        assert_eq!(extract(CODE, Ending::Unknown), Extracted::Unfenced(CODE.trim().to_owned()));
    }

    #[test]
    fn an_answer_without_a_script_is_prose() {
        for answer in [
            "I can only help with CAD models.",
            "",
            "Which thread do you need?\n```\nM6 or M8\n```",
            "```json\n{\"import\": \"FreeCAD\"}\n```",
            "```bash\nfrom FreeCAD import x\n```",
        ] {
            for ending in [Ending::Complete, Ending::Unknown] {
                assert_eq!(extract(answer, ending), Extracted::Prose(answer.trim().to_owned()));
            }
        }
    }

    #[test]
    fn a_truncated_script_does_not_run() {
        let open = format!("Here:\n```python\n{CODE}");
        for ending in [Ending::Limited, Ending::Unknown] {
            assert_eq!(extract(&open, ending), Extracted::Truncated);
            assert_eq!(extract(&format!("```python\n{CODE}```\n{open}"), ending), Extracted::Truncated);
            assert_eq!(extract("```python\n# A box", ending), Extracted::Truncated);
        }
        assert_eq!(extract(CODE, Ending::Limited), Extracted::Truncated);
        // Only the explanation is truncated.
        let text = "Here:\n\nThe width can".to_owned();
        assert_eq!(
            extract(&format!("{open}```\nThe width can"), Ending::Limited),
            Extracted::Script { code: CODE.to_owned(), text, suggestions: Vec::new() }
        );
        assert!(matches!(extract(&format!("{open}```\n"), Ending::Unknown), Extracted::Script { .. }));
        assert_eq!(extract("First I have to think about", Ending::Limited), Extracted::Truncated);
        assert_eq!(extract("", Ending::Limited), Extracted::Truncated, "all tokens went into hidden thoughts");
    }

    #[test]
    fn thoughts_are_not_part_of_the_answer() {
        let draft = "<think>\nPerhaps:\n```python\nimport Part\nx = 0\n```\nor else\n";
        let answer = format!("Here:\n```python\n{CODE}```\n");
        assert_eq!(script(&format!("{draft}</think>\n{answer}")), (CODE.to_owned(), "Here:".to_owned()));
        assert_eq!(script(&format!("```python\nimport Part\n</think>\n{answer}")).0, CODE);
        assert_eq!(extract(draft, Ending::Complete), Extracted::Truncated, "the thoughts do not end");
    }

    #[test]
    fn suggestions_are_the_list_below_next() {
        let list = |after: &str| match extract(&format!("A box.\n```python\n{CODE}```\n{after}"), Ending::Complete) {
            Extracted::Script { text, suggestions, .. } => (text, suggestions),
            other => panic!("{other:?}"),
        };
        for head in ["Next:", "**Next:**", "## next"] {
            let (text, suggestions) =
                list(&format!("- `width` is its width\n\n{head}\n\n- Add holes\n* Round the edges\n"));
            assert_eq!(text, "A box.\n\n- `width` is its width");
            assert_eq!(suggestions, ["Add holes", "Round the edges"]);
        }
        assert_eq!(list("- one\n").1, Vec::<String>::new());
        assert_eq!(list("Next:\n- 1\n- 2\n- 3\n- 4\n").1.len(), MAX_SUGGESTIONS);
        assert_eq!(list("Next:\n- 1\nAnd so on.\n").1, ["1"]);
    }
}
