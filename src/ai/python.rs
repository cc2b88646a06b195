//! Whether a text is a script from its first line to its last (Python's reference, chapter 2). This is no parser: it tells
//! scripts from what people and models say around them, and is sooner wrong about an odd script than about a sentence.

/// Modules that make a Python text a script for FreeCAD.
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

/// Words that begin a statement which has a block, and so a colon.
const COMPOUND: [&str; 12] =
    ["if", "elif", "else", "for", "while", "try", "except", "finally", "with", "def", "class", "async"];

/// Words that begin a statement of one line.
const SIMPLE: [&str; 5] = ["raise", "assert", "del", "global", "pass"];

/// The quotes of strings; three of them are looked for before one.
const QUOTES: [&str; 4] = ["\"\"\"", "'''", "\"", "'"];

/// Whether a line imports FreeCAD or one of its modules (section 7.11).
pub(super) fn uses_freecad(code: &str) -> bool {
    code.lines().map(str::trim_start).any(|line| {
        let Some(names) = line.strip_prefix("import ").or_else(|| line.strip_prefix("from ")) else { return false };
        let names = names.split([',', ' ', ';']).map(|name| name.split('.').next().unwrap_or_default());
        names.into_iter().any(|name| MODULES.contains(&name))
    })
}

/// Whether the text uses FreeCAD, each of its statements that is not indented begins as Python's do, and nothing is left
/// open at its end.
pub(super) fn is_script(text: &str) -> bool {
    let (mut open, mut in_block) = (Open::default(), false);
    for line in text.lines() {
        if !open.is_any() && !line.trim_start().is_empty() && !line.trim_start().starts_with('#') {
            if !line.starts_with([' ', '\t']) {
                in_block = false;
                if !begins_a_statement(line) {
                    return false;
                }
            } else if !in_block {
                return false;
            }
        }
        if !open.read(line) {
            return false;
        }
        in_block |= open.ends_in_colon && !open.is_any();
    }
    !open.is_any() && uses_freecad(text)
}

/// What goes on from one line to the next.
#[derive(Debug, Default)]
struct Open {
    /// The quotes of the string that has not ended.
    string: Option<&'static str>,
    /// How many brackets have not been closed.
    brackets: usize,
    /// The last line ended in a backslash.
    is_continued: bool,
    /// The last letter that was code is a colon.
    ends_in_colon: bool,
}

impl Open {
    fn is_any(&self) -> bool {
        self.string.is_some() || self.brackets > 0 || self.is_continued
    }

    /// Reads a line. Gives whether it can be one of Python's.
    fn read(&mut self, mut line: &str) -> bool {
        (self.is_continued, self.ends_in_colon) = (false, false);
        while let Some(letter) = line.chars().next() {
            let mut length = letter.len_utf8();
            match (self.string, letter) {
                // What follows ends neither the string nor the line.
                (_, '\\') => match line[length..].chars().next() {
                    Some(next) => length += next.len_utf8(),
                    None => self.is_continued = true,
                },
                (Some(quotes), _) if line.starts_with(quotes) => (self.string, length) = (None, quotes.len()),
                (Some(_), _) => {}
                (None, '#') => break,
                (None, '"' | '\'') => {
                    self.string = QUOTES.into_iter().find(|quotes| line.starts_with(quotes));
                    length = self.string.map_or(length, str::len);
                }
                (None, '(' | '[' | '{') => self.brackets += 1,
                (None, ')' | ']' | '}') if self.brackets == 0 => return false,
                (None, ')' | ']' | '}') => self.brackets -= 1,
                // No operators of Python's.
                (None, '`' | '?' | '$') => return false,
                _ => {}
            }
            if !letter.is_ascii_whitespace() {
                self.ends_in_colon = letter == ':' && self.string.is_none();
            }
            line = &line[length..];
        }
        // A string in single quotes ends in its line.
        self.is_continued || self.string.is_none_or(|quotes| quotes.len() == 3)
    }
}

fn begins_a_statement(line: &str) -> bool {
    if line.starts_with(['"', '\'', '@']) {
        return true;
    }
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    let end = line.bytes().position(|byte| !is_of_name(byte) && byte != b'.').unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    match name {
        "import" => return imports(rest),
        "from" => return rest.split_once(" import ").is_some_and(|(module, _)| words(module) == 1),
        _ if COMPOUND.contains(&name) => return rest.contains([':', '(', '[', '{']) || rest.ends_with('\\'),
        _ if SIMPLE.contains(&name) => return rest.is_empty() || rest.starts_with([' ', ';', '(', '#']),
        _ => {}
    }
    if name.is_empty() {
        // Several names that are given values at once.
        return rest.starts_with(['(', '[']) && rest.contains('=');
    }
    // A call or an item follows its name at once, as it never does in a sentence.
    if rest.starts_with(['(', '[']) {
        return true;
    }
    let rest = rest.trim_start();
    match rest.bytes().next() {
        Some(b',') => rest.contains('='),
        Some(b':') => rest[1..].split_once('=').is_some_and(|(kind, _)| words(kind) == 1),
        _ => rest.trim_start_matches(['+', '-', '*', '/', '%', '|', '&', '^', '@', '<', '>']).starts_with('='),
    }
}

/// Whether these are modules, with commas between, each perhaps under another name.
fn imports(modules: &str) -> bool {
    let modules = modules.split(['#', ';']).next().unwrap_or_default();
    modules.split(',').all(|module| match words(module) {
        1 => true,
        3 => module.contains(" as "),
        _ => false,
    })
}

fn words(text: &str) -> usize {
    text.split_ascii_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts() {
        for statement in [
            "# A box",
            "\"\"\"A box.\n\nIt is 10 mm wide, isn't it?\n\"\"\"",
            "import math, os.path as path; import sys  # and so on",
            "from math import (\n    pi,\n    sin,\n)",
            "width = 10.0  # mm, isn't it?",
            "größe: float = 3",
            "width, height = 1, 2",
            "(width, height) = 1, 2",
            "box.Shape.Name = 'it\\'s'",
            "points[0] = App.Vector(0, 0,\n0)",
            "points += [1]",
            "height //= 2",
            "doc.recompute()",
            "print(\"```\")",
            "if width:\n    height = 1\n# between\n\n    depth = 2\nelse:\n\tpass",
            "for edge in (1,\n2):\n    print(edge)",
            "def area(\nwidth,\n):\n    '''Of\nit.'''\n    return width",
            "@cache\nclass Box:\n    pass",
            "width = 1 + \\\nheight",
            "text = 'a\\\nb'",
            "raise ValueError('no')",
            "pass",
        ] {
            for script in [format!("import Part\n{statement}\n"), format!("{statement}\r\nimport FreeCAD as App\r\n")] {
                assert!(is_script(&script), "{script}");
            }
            assert!(!is_script(statement), "it uses no FreeCAD: {statement}");
        }
    }

    #[test]
    fn the_examples() {
        let mut count = 0;
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/examples")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "py") {
                let script = std::fs::read_to_string(&path).unwrap();
                assert!(is_script(&script), "{}", path.display());
                assert!(!is_script(&format!("{script}\nHave fun!\n")) && !is_script(&format!("Here it is:\n{script}")));
                count += 1;
            }
        }
        assert!(count >= 8, "{count}");
    }

    #[test]
    fn sentences() {
        for said in [
            "Here is the script for your bracket:",
            "Sorry, I cannot do this (FreeCAD 0.20 has no gears).",
            "You could start like this:",
            "Sure!",
            "Sure",
            "Next:",
            "- Add holes",
            "* Round = better",
            "1. Add holes",
            "Note: the width = 10 mm.",
            "Part (the module) makes = solids.",
            "(Of course.)",
            "`width` = 10 mm",
            "import this and run it",
            "from here on it is a flange",
            "if you want holes",
            "with rounded edges",
            "width = as you like it?",
            "The part's width = 10.",
            "    indented, as it were",
            "```",
            "points = [",
            "points = ]",
            "\"\"\"It never ends.",
        ] {
            for text in [format!("{said}\n\nimport Part\nx = 1\n"), format!("import Part\nx = 1\n\n{said}\n")] {
                assert!(!is_script(&text), "{text}");
            }
        }
    }
}
