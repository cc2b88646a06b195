//! The reference as a page: plain HTML without scripts, made from the document.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::document;
use super::html::{code, escape, prose, schema_name, type_of};
use crate::api::code::Code;
use crate::api::docs::endpoint::Tag;

pub fn page() -> String {
    let document = document();
    let mut html = String::new();
    let out = &mut html;
    head(out, &document);
    out.push_str("<main>\n");
    for tag in Tag::ALL {
        let endpoints: Vec<Endpoint<'_>> =
            endpoints(&document).filter(|endpoint| endpoint.operation["tags"][0] == tag.name()).collect();
        if endpoints.is_empty() {
            continue;
        }
        let name = tag.name();
        add(out, format_args!("<section id=\"{}\">\n<h2>{name}</h2>\n{}", slug(name), prose(tag.description())));
        for endpoint in &endpoints {
            write_endpoint(out, &document, endpoint);
        }
        out.push_str("</section>\n");
    }
    errors(out);
    schemas(out, &document);
    out.push_str("</main>\n</body>\n</html>\n");
    html
}

struct Endpoint<'a> {
    method: String,
    path: &'a str,
    operation: &'a Value,
}

impl Endpoint<'_> {
    fn id(&self) -> &str {
        self.operation["operationId"].as_str().unwrap_or_default()
    }
}

fn endpoints(document: &Value) -> impl Iterator<Item = Endpoint<'_>> {
    fields(&document["paths"]).flat_map(|(path, item)| {
        fields(item).map(move |(method, operation)| Endpoint { method: method.to_uppercase(), path, operation })
    })
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn head(out: &mut String, document: &Value) {
    out.push_str(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Partwright API</title>\n\
         <link rel=\"stylesheet\" href=\"/api.css\">\n</head>\n<body>\n<header>\n<h1>Partwright API</h1>\n",
    );
    out.push_str(&prose(document["info"]["description"].as_str().unwrap_or_default()));
    out.push_str("<p>For programs: <a href=\"/api/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>\n</header>\n");
    out.push_str("<nav aria-label=\"Endpoints\">\n");
    for tag in Tag::ALL {
        let mut endpoints =
            endpoints(document).filter(|endpoint| endpoint.operation["tags"][0] == tag.name()).peekable();
        if endpoints.peek().is_none() {
            continue;
        }
        add(out, format_args!("<h2><a href=\"#{}\">{}</a></h2>\n<ul>\n", slug(tag.name()), tag.name()));
        for endpoint in endpoints {
            let (id, method, path) = (endpoint.id(), &endpoint.method, escape(endpoint.path));
            let kind = slug(method);
            add(
                out,
                format_args!(
                    "<li><a href=\"#{id}\"><span class=\"method {kind}\">{method}</span> <code>{path}</code></a></li>\n"
                ),
            );
        }
        out.push_str("</ul>\n");
    }
    out.push_str("<h2><a href=\"#errors\">Errors</a></h2>\n<h2><a href=\"#schemas\">Types</a></h2>\n</nav>\n");
}

fn write_endpoint(out: &mut String, document: &Value, endpoint: &Endpoint<'_>) {
    let Endpoint { method, path, operation } = endpoint;
    let (id, path, kind) = (endpoint.id(), escape(path), slug(method));
    add(
        out,
        format_args!(
            "<article id=\"{id}\">\n<h3><a href=\"#{id}\"><span class=\"method {kind}\">{method}</span> \
             <code>{path}</code></a></h3>\n"
        ),
    );
    let summary = operation["summary"].as_str().unwrap_or_default();
    add(out, format_args!("<p class=\"summary\">{}.</p>\n", escape(&capital(summary))));
    out.push_str(&prose(operation["description"].as_str().unwrap_or_default()));
    add(out, format_args!("<p class=\"who\">{}</p>\n", credentials(&operation["security"])));
    if let Some(parameters) = operation["parameters"].as_array() {
        out.push_str(
            "<h4>Parameters</h4>\n<table>\n<thead><tr><th>Name</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead>\n\
             <tbody>\n",
        );
        for parameter in parameters {
            let text = |field: &str| escape(parameter[field].as_str().unwrap_or_default());
            let description = prose(parameter["description"].as_str().unwrap_or_default());
            let kind = type_of(&parameter["schema"]);
            add(
                out,
                format_args!(
                    "<tr><td><code>{}</code></td><td>{}</td><td>{kind}</td><td>{description}</td></tr>\n",
                    text("name"),
                    text("in"),
                ),
            );
        }
        out.push_str("</tbody>\n</table>\n");
    }
    if operation["requestBody"].is_object() {
        out.push_str("<h4>Body</h4>\n");
        contents(out, &operation["requestBody"]["content"]);
    }
    out.push_str("<h4>Responses</h4>\n<dl>\n");
    for (status, response) in fields(&operation["responses"]) {
        add(out, format_args!("<dt><code>{status}</code></dt>\n<dd>\n"));
        out.push_str(&prose(response["description"].as_str().unwrap_or_default()));
        let headers: Vec<String> = fields(&response["headers"]).map(|(name, _)| code(name)).collect();
        if headers.len() > 1 {
            add(out, format_args!("<p class=\"headers\">Headers: {}</p>\n", headers.join(", ")));
        }
        contents(out, &response["content"]);
        out.push_str("</dd>\n");
    }
    out.push_str("</dl>\n<h4>Example</h4>\n");
    add(out, format_args!("<pre><code>{}</code></pre>\n</article>\n", escape(&curl(document, endpoint))));
}

/// Bodies by media type; errors have their own chapter.
fn contents(out: &mut String, contents: &Value) {
    for (media_type, content) in fields(contents).filter(|(media_type, _)| *media_type != "application/problem+json") {
        let kind = type_of(&content["schema"]);
        add(out, format_args!("<p>{}: {kind}</p>\n", code(media_type)));
        out.push_str(&prose(content["schema"]["description"].as_str().unwrap_or_default()));
        let example = match &content["example"] {
            Value::String(text) => text.clone(),
            // Binary content has no example.
            Value::Null => String::new(),
            other => serde_json::to_string_pretty(other).unwrap_or_default(),
        };
        if example.len() > 2 {
            add(
                out,
                format_args!(
                    "<details><summary>Example</summary>\n<pre><code>{}</code></pre></details>\n",
                    escape(&example)
                ),
            );
        }
    }
}

/// The accepted credentials, from the security requirements.
fn credentials(security: &Value) -> &'static str {
    let first = security[0].as_object().and_then(|ways| ways.keys().next()).map(String::as_str);
    match first {
        None => "For everybody.",
        Some("runner") => "For runners: <code>Authorization: Bearer RUNNER_TOKEN</code>.",
        Some("admin") => {
            "For admins: <code>Authorization: Bearer ADMIN_TOKEN</code>, or a token or session of an admin."
        }
        Some(_) => "For users: <code>Authorization: Bearer TOKEN</code>, or a browser's session.",
    }
}

/// The request with `curl`, from the examples. `$PARTWRIGHT` is the service's address, `$TOKEN` the caller's token.
fn curl(document: &Value, endpoint: &Endpoint<'_>) -> String {
    let mut path = endpoint.path.to_owned();
    let mut options = String::new();
    let mut query: Vec<String> = Vec::new();
    for parameter in endpoint.operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let example = match &parameter["example"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &example),
            // The example starts at the first page.
            Some("query") if name != "cursor" => query.push(format!("{name}={example}")),
            // Other headers are optional, and their examples mean nothing.
            Some("header") if name == "Idempotency-Key" => {
                add(&mut options, format_args!(" \\\n  -H '{name}: {example}'"));
            }
            _ => {}
        }
    }
    if endpoint.operation["security"][0].as_object().is_some_and(|way| !way.is_empty()) {
        options.push_str(" \\\n  -H \"Authorization: Bearer $TOKEN\"");
    }
    let switches = endpoint.operation["responses"]["101"].is_object();
    if switches {
        options.push_str(
            " \\\n  -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \\\n  \
                          -H 'Sec-WebSocket-Key: cGFydHdyaWdodHBhcnR3cg=='",
        );
    }
    let bodies = &endpoint.operation["requestBody"]["content"];
    if bodies["text/x-python"].is_object() {
        options.push_str(" \\\n  -H 'Content-Type: text/x-python' --data-binary @script.py");
    } else if let Some((media_type, content)) = fields(bodies).next() {
        let body = content["example"].to_string().replace('\'', "'\\''");
        add(&mut options, format_args!(" \\\n  -H 'Content-Type: {media_type}' \\\n  -d '{body}'"));
    }
    let base = document["servers"][0]["url"].as_str().unwrap_or_default().trim_end_matches('/');
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let method = match endpoint.method.as_str() {
        "GET" if switches => "--include --no-buffer ".to_owned(),
        "GET" => String::new(),
        method => format!("-X {method} "),
    };
    format!("curl {method}\"$PARTWRIGHT{base}{path}{query}\"{options}")
}

fn errors(out: &mut String) {
    out.push_str(
        "<section id=\"errors\">\n<h2>Errors</h2>\n\
         <p>Each is <code>application/problem+json</code>, a <a href=\"#schema-Problem\">Problem</a>.</p>\n<table>\n\
         <thead><tr><th>Status</th><th>Code</th><th>When</th></tr></thead>\n<tbody>\n",
    );
    for code in Code::ALL {
        let (word, status) = (code.as_str(), code.status().as_u16());
        add(
            out,
            format_args!(
                "<tr id=\"error-{word}\"><td>{status}</td><td><code>{word}</code></td><td>{}</td></tr>\n",
                prose(code.when()),
            ),
        );
    }
    out.push_str("</tbody>\n</table>\n</section>\n");
}

fn schemas(out: &mut String, document: &Value) {
    out.push_str("<section id=\"schemas\">\n<h2>Types</h2>\n");
    for (name, schema) in fields(&document["components"]["schemas"]) {
        add(out, format_args!("<article id=\"schema-{name}\">\n<h3><a href=\"#schema-{name}\">{name}</a></h3>\n"));
        out.push_str(&prose(schema["description"].as_str().unwrap_or_default()));
        if schema["properties"].is_object() {
            properties(out, schema);
        } else {
            add(out, format_args!("<p>{}</p>\n", type_of(schema)));
        }
        for options in ["oneOf", "anyOf"] {
            for option in
                schema[options].as_array().into_iter().flatten().filter(|option| schema_name(option).is_none())
            {
                out.push_str(&prose(option["description"].as_str().unwrap_or_default()));
                properties(out, option);
            }
        }
        out.push_str("</article>\n");
    }
    out.push_str("</section>\n");
}

fn properties(out: &mut String, schema: &Value) {
    if !schema["properties"].is_object() {
        return;
    }
    let required = schema["required"].as_array();
    out.push_str("<table>\n<thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead>\n<tbody>\n");
    for (name, field) in fields(&schema["properties"]) {
        let always = required.is_some_and(|required| required.iter().any(|other| other == name));
        let description = prose(field["description"].as_str().unwrap_or_default());
        let kind = type_of(field);
        let may_lack = if always { "" } else { " <em>may be missing</em>" };
        let name = escape(name);
        add(
            out,
            format_args!("<tr><td><code>{name}</code></td><td>{kind}{may_lack}</td><td>{description}</td></tr>\n"),
        );
    }
    out.push_str("</tbody>\n</table>\n");
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn slug(text: &str) -> String {
    text.to_lowercase()
}

/// Writing to a `String` cannot fail.
fn add(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}
