//! Which language a file is written in, by its name. A new one is a row.

use std::path::Path;

/// What a file without a row counts as.
pub(crate) const OTHER: &str = "Other";

/// The language, its extensions, and names that it has without one; all in lower case.
const LANGUAGES: &[(&str, &[&str], &[&str])] = &[
    ("Assembly", &["asm", "s"], &[]),
    ("C", &["c", "h"], &[]),
    ("C#", &["cs", "csx"], &[]),
    ("C++", &["cc", "cpp", "cxx", "hh", "hpp", "hxx", "ipp"], &[]),
    ("CMake", &["cmake"], &["cmakelists.txt"]),
    ("CSS", &["css", "less", "sass", "scss"], &[]),
    ("CSV", &["csv", "tsv"], &[]),
    ("Clojure", &["clj", "cljc", "cljs", "edn"], &[]),
    ("Dart", &["dart"], &[]),
    ("Dockerfile", &["dockerfile"], &["dockerfile", "containerfile"]),
    ("Elixir", &["ex", "exs"], &[]),
    ("Elm", &["elm"], &[]),
    ("Erlang", &["erl", "hrl"], &[]),
    ("F#", &["fs", "fsi", "fsx"], &[]),
    ("Fortran", &["f", "f90", "f95"], &[]),
    ("Go", &["go"], &[]),
    ("GraphQL", &["gql", "graphql"], &[]),
    ("HTML", &["htm", "html"], &[]),
    ("Haskell", &["hs", "lhs"], &[]),
    ("INI", &["cfg", "conf", "ini"], &[".editorconfig"]),
    ("JSON", &["json", "json5", "jsonc", "jsonl"], &[]),
    ("Java", &["java"], &[]),
    ("JavaScript", &["cjs", "js", "jsx", "mjs"], &[]),
    ("Julia", &["jl"], &[]),
    ("Kotlin", &["kt", "kts"], &[]),
    ("Lua", &["lua"], &[]),
    ("Makefile", &["mk"], &["gnumakefile", "makefile"]),
    ("Markdown", &["markdown", "md", "mdx"], &[]),
    ("Nix", &["nix"], &[]),
    ("OCaml", &["ml", "mli"], &[]),
    ("Objective-C", &["m", "mm"], &[]),
    ("PHP", &["php"], &[]),
    ("Perl", &["pl", "pm"], &[]),
    ("PowerShell", &["ps1", "psm1"], &[]),
    ("Protocol Buffers", &["proto"], &[]),
    ("Python", &["py", "pyi"], &[]),
    ("R", &["r"], &[]),
    ("Ruby", &["rake", "rb"], &["gemfile", "rakefile"]),
    ("Rust", &["rs"], &[]),
    ("SQL", &["sql"], &[]),
    ("SVG", &["svg"], &[]),
    ("Scala", &["sbt", "scala"], &[]),
    ("Shell", &["bash", "fish", "sh", "zsh"], &[]),
    ("Svelte", &["svelte"], &[]),
    ("Swift", &["swift"], &[]),
    ("TOML", &["toml"], &[]),
    ("Terraform", &["tf", "tfvars"], &[]),
    ("Text", &["rst", "txt"], &["license", "readme"]),
    ("TypeScript", &["cts", "mts", "ts", "tsx"], &[]),
    ("Vue", &["vue"], &[]),
    ("XML", &["xml", "xsd", "xsl"], &[]),
    ("YAML", &["yaml", "yml"], &[]),
    ("Zig", &["zig", "zon"], &[]),
];

/// The language of a file.
pub(crate) fn of(path: &Path) -> &'static str {
    let lower = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().to_lowercase());
    let name = lower(path.file_name()).unwrap_or_default();
    let extension = lower(path.extension()).unwrap_or_default();
    LANGUAGES
        .iter()
        .find(|(_, _, names)| names.contains(&name.as_str()))
        .or_else(|| LANGUAGES.iter().find(|(_, extensions, _)| extensions.contains(&extension.as_str())))
        .map_or(OTHER, |(language, _, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_name() {
        let rows = [
            ("src/main.rs", "Rust"),
            ("a/B.PY", "Python"),
            ("Makefile", "Makefile"),
            ("CMakeLists.txt", "CMake"),
            ("notes.txt", "Text"),
            ("LICENSE", "Text"),
            ("a.unknown", OTHER),
            ("", OTHER),
        ];
        for (path, language) in rows {
            assert_eq!(of(Path::new(path)), language, "{path}");
        }
    }

    #[test]
    fn no_extension_and_no_name_has_two_languages() {
        let mut all: Vec<_> = LANGUAGES.iter().flat_map(|(_, extensions, _)| extensions.iter()).collect();
        let mut names: Vec<_> = LANGUAGES.iter().flat_map(|(_, _, names)| names.iter()).collect();
        for list in [&mut all, &mut names] {
            list.sort();
            assert!(list.windows(2).all(|pair| pair[0] != pair[1]), "{list:?}");
        }
        assert!(LANGUAGES.is_sorted_by_key(|(language, _, _)| language));
    }
}
