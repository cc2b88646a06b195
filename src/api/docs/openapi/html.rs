//! Pieces of HTML: escaped text, the Markdown of descriptions, and a schema in a few words.

use serde_json::Value;

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Paragraphs and lists, with `code` and **strong** words.
pub(super) fn prose(text: &str) -> String {
    let mut html = String::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        if block.starts_with("- ") {
            let items = block.split("\n- ").map(|item| format!("<li>{}</li>\n", words(item.trim_start_matches("- "))));
            html += &format!("<ul>\n{}</ul>\n", items.collect::<String>());
        } else {
            html += &format!("<p>{}</p>\n", words(block));
        }
    }
    html
}

fn words(text: &str) -> String {
    between(&between(&escape(text), "`", "code"), "**", "strong")
}

/// The text between two marks becomes an element.
fn between(text: &str, mark: &str, element: &str) -> String {
    let mut parts = text.split(mark);
    let mut html = parts.next().unwrap_or_default().to_owned();
    while let Some(inner) = parts.next() {
        html += &format!("<{element}>{inner}</{element}>{}", parts.next().unwrap_or_default());
    }
    html
}

/// The name of a type that a schema refers to.
pub(super) fn schema_name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

/// A schema in a few words, as HTML.
pub(super) fn type_of(schema: &Value) -> String {
    if let Some(name) = schema_name(schema) {
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for options in ["oneOf", "anyOf"] {
        if let Some(options) = schema[options].as_array() {
            return options.iter().map(type_of).collect::<Vec<_>>().join(" or ");
        }
    }
    if schema.get("contentMediaType").is_some() {
        return "bytes".to_owned();
    }
    if let Some(one) = schema.get("const") {
        return code(&one.to_string());
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| code(&word.to_string())).collect::<Vec<_>>().join(", ");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".to_owned(),
    };
    let named = kinds.iter().map(|kind| match *kind {
        "array" => format!("list of {}", type_of(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("object of {}", type_of(&schema["additionalProperties"]))
        }
        kind => kind.to_owned(),
    });
    let limits = [("minimum", "from"), ("maximum", "to"), ("default", "default"), ("pattern", "pattern")];
    let limits = limits.iter().filter_map(|(name, word)| match schema.get(name)? {
        // A long pattern is for machines; the description explains it.
        Value::String(text) if text.len() > 40 => None,
        Value::String(text) => Some(format!(" {word} {}", code(text))),
        // Every unsigned number has this minimum.
        Value::Number(zero) if *name == "minimum" && zero.as_u64() == Some(0) => None,
        other => Some(format!(" {word} {other}")),
    });
    named.collect::<Vec<_>>().join(" or ") + &limits.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_escaped() {
        assert_eq!(
            prose("a `<b>` & **c**\n\n- x\n- y"),
            "<p>a <code>&lt;b&gt;</code> &amp; <strong>c</strong></p>\n<ul>\n<li>x</li>\n<li>y</li>\n</ul>\n"
        );
        assert_eq!(prose(" "), "");
    }
}
