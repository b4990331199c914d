//! The binary interface that a C header made by cbindgen describes.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::process::Command;

/// Interface that hosts are compiled against, item by item: `"field HrinetVolume.data"` is
/// `"offset 16, size 8, void *"`.
#[derive(Debug, Default, PartialEq)]
pub struct Abi(BTreeMap<String, String>);

/// How one item differs from an earlier version of the interface.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// New; hosts that do not know it need not.
    Added(String),
    /// A struct with `struct_size` is longer: `"struct HrinetVolume: size ... -> size ..."`.
    Grown(String),
    /// Removed, changed, or put where hosts of before have something else.
    Broken(String),
}

impl Change {
    pub fn breaks(&self) -> bool {
        matches!(self, Change::Broken(_))
    }
}

impl Abi {
    /// Reads a header; sizes and offsets come from the C compiler.
    pub fn of_header(header: &str) -> Abi {
        let mut items = BTreeMap::new();
        let mut layouts = String::new();
        let text = without_comments(header);
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("#define HRINET_")) {
            // The guard has no value.
            if let Some((name, value)) = line.split_once(' ') {
                items.insert(format!("macro HRINET_{name}"), value.trim().to_string());
            }
        }
        for statement in statements(&text) {
            read(&statement, &mut items, &mut layouts);
        }
        for line in run(header, &layouts).lines() {
            let (key, value) = line.split_once(" = ").unwrap();
            let item = items.entry(key.to_string()).or_default();
            // Of a field the type is known by now.
            *item = [value, item].join(", ").trim_end_matches(", ").to_string();
        }
        Abi(items)
    }

    /// Parses the text of `to_string`.
    pub fn parse(text: &str) -> Abi {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Abi(lines
            .map(|line| line.split_once(" = ").unwrap_or_else(|| panic!("not an item: {line}")))
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect())
    }

    /// The names of all functions.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.0.keys().filter_map(|key| key.strip_prefix("function "))
    }

    /// What is different from `before`.
    pub fn changes_since(&self, before: &Abi) -> Vec<Change> {
        let mut changes = Vec::new();
        for (key, old) in &before.0 {
            match self.0.get(key) {
                None => changes.push(Change::Broken(format!("{key} = {old} is gone"))),
                Some(new) if new == old => {}
                Some(new) => {
                    let what = format!("{key} = {old} -> {new}");
                    let extended = key.starts_with("struct ")
                        && before.has_struct_size(key)
                        && number(new, "size") > number(old, "size")
                        && number(new, "alignment") == number(old, "alignment");
                    changes.push(if extended { Change::Grown(what) } else { Change::Broken(what) });
                }
            }
        }
        for (key, new) in self.0.iter().filter(|(key, _)| !before.0.contains_key(*key)) {
            let what = format!("{key} = {new}");
            // Hosts of before have no bytes at the place, and say so by struct_size.
            let beyond = match before.struct_of(key) {
                Some(old) => {
                    number(new, "offset") >= number(&before.0[&old], "size")
                        && before.has_struct_size(&old)
                }
                None => true,
            };
            changes.push(if beyond { Change::Added(what) } else { Change::Broken(what) });
        }
        changes
    }

    /// The struct of a field, where there is such a struct.
    fn struct_of(&self, key: &str) -> Option<String> {
        let (name, _) = key.strip_prefix("field ")?.split_once('.')?;
        Some(format!("struct {name}")).filter(|key| self.0.contains_key(key))
    }

    fn has_struct_size(&self, key: &str) -> bool {
        let field = format!("{}.struct_size", key.replacen("struct ", "field ", 1));
        self.0.get(&field).is_some_and(|value| number(value, "offset") == Some(0))
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "# What compiled hosts rely on; tests/capi_abi.rs compares, and writes it.")?;
        self.0.iter().try_for_each(|(key, value)| writeln!(out, "{key} = {value}"))
    }
}

/// The number after a word: `size` of `"offset 16, size 8, void *"`.
fn number(value: &str, word: &str) -> Option<usize> {
    value.split(", ").find_map(|part| part.strip_prefix(word)?.trim().parse().ok())
}

fn without_comments(header: &str) -> String {
    let mut text = String::new();
    let mut rest = header;
    while let Some((code, comment)) = rest.split_once("/*") {
        text += code;
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    text += rest;
    text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).fold(
        String::new(),
        |mut text, line| {
            text += line;
            text.push('\n');
            text
        },
    )
}

/// Declarations, each on one line with single blanks and without its semicolon.
fn statements(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim_start().starts_with('#'))
        .filter(|line| !line.contains("extern \"C\"") && line.trim() != "}")
        .flat_map(|line| [line, " "])
        .collect();
    let mut all = vec![String::new()];
    let mut depth = 0;
    for character in code.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        all.last_mut().unwrap().push(character);
    }
    let squeeze = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    all.iter().map(squeeze).filter(|statement| !statement.is_empty()).collect()
}

/// Adds what a declaration declares, and to `layouts` the C statements that print its layout.
fn read(statement: &str, items: &mut BTreeMap<String, String>, layouts: &mut String) {
    let Some(definition) = statement.strip_prefix("typedef ") else {
        let (start, arguments) = statement.split_once('(').expect(statement);
        let (result, name) = declared(start);
        let arguments = types(arguments.strip_suffix(')').expect(statement));
        items.insert(format!("function {name}"), format!("{result} ({arguments})"));
        return;
    };
    if let Some((fields, name)) =
        definition.strip_prefix("struct {").and_then(|rest| rest.rsplit_once('}'))
    {
        let name = name.trim();
        writeln!(
            layouts,
            "printf(\"struct {name} = size %zu, alignment %zu\\n\", sizeof({name}), \
             _Alignof({name}));"
        )
        .unwrap();
        for field in fields.split(';').filter(|field| !field.trim().is_empty()) {
            let (kind, field) = declared(field.split('[').next().unwrap_or_default());
            items.insert(format!("field {name}.{field}"), kind.to_string());
            writeln!(
                layouts,
                "printf(\"field {name}.{field} = offset %zu, size %zu\\n\", \
                 offsetof({name}, {field}), sizeof((({name} *)0)->{field}));"
            )
            .unwrap();
        }
    } else if let Some((result, rest)) = definition.split_once("(*") {
        let (name, arguments) = rest.split_once(")(").expect(statement);
        let arguments = types(arguments.strip_suffix(')').expect(statement));
        items.insert(format!("callback {name}"), format!("{} ({arguments})", result.trim()));
    } else {
        let (kind, name) = declared(definition);
        items.insert(format!("type {name}"), kind.to_string());
    }
}

/// Type and name of `"const char *name"`.
fn declared(text: &str) -> (&str, &str) {
    let text = text.trim();
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    let name = text.rfind(|character| !is_name(character)).map_or(0, |before| before + 1);
    (text[..name].trim(), &text[name..])
}

/// The types of parameters, without their names.
fn types(parameters: &str) -> String {
    let types = parameters.split(',').map(|parameter| match parameter.trim() {
        "void" => "void",
        parameter => declared(parameter).0,
    });
    types.collect::<Vec<_>>().join(", ")
}

/// What statements print in a C program that includes the header.
fn run(header: &str, statements: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("header.h"), header).unwrap();
    let source = format!(
        "#include \"header.h\"\n#include <stdio.h>\nint main(void) {{\n{statements}return 0;\n}}\n"
    );
    std::fs::write(at("print.c"), source).unwrap();
    let built =
        Command::new("cc").arg("-std=c11").arg(at("print.c")).arg("-o").arg(at("print")).status();
    assert!(built.unwrap().success(), "the header does not compile");
    String::from_utf8(Command::new(at("print")).output().unwrap().stdout).unwrap()
}
