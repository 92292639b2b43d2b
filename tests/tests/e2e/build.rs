//! `takopi build`, with the real Cargo and without a network. One test builds the real takopi; the others a vendored one
//! of thirty lines, which answers what a build asks and takes a second to compile.

use std::fs;
use std::path::{Path, PathBuf};

use takopi_tests::{Ended, Sandbox};

use crate::sandbox;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Cargo, its registry and its toolchain are the machine's.
fn run(sandbox: &Sandbox, args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| env!("CARGO").to_owned());
    let home = PathBuf::from(std::env::var("HOME").unwrap());
    let home_of = |variable: &str, folder: &str| {
        std::env::var_os(variable).map_or_else(|| home.join(folder), PathBuf::from)
    };
    let tools = Path::new(&cargo).parent().unwrap().display();
    sandbox
        .command(args)
        .env("PATH", format!("{tools}:/usr/bin:/bin"))
        .env("CARGO_HOME", home_of("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", home_of("RUSTUP_HOME", ".rustup"))
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO", &cargo)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
        .into()
}

fn write(sandbox: &Sandbox, path: &str, text: &str) {
    let path = sandbox.work().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A package of the sandbox.
fn package(sandbox: &Sandbox, folder: &str, name: &str, version: &str, rest: &str, lib: &str) {
    let manifest = format!("[package]\nname = '{name}'\nversion = '{version}'\nedition = '2024'\n{rest}");
    write(sandbox, &format!("{folder}/Cargo.toml"), &manifest);
    write(sandbox, &format!("{folder}/src/lib.rs"), lib);
}

const PLUGIN: &str = "pub static TAKOPI_PLUGIN: takopi_api::Distribution = takopi_api::Distribution(env!(\"CARGO_PKG_NAME\"), env!(\"CARGO_PKG_VERSION\"));";

const LITTLE_TAKOPI: &str = r##"
pub struct Host(Vec<&'static takopi_api::Distribution>);
impl Host {
    pub fn new() -> Self { Self(Vec::new()) }
    pub fn bundle(mut self, plugin: &'static takopi_api::Distribution) -> Self { self.0.push(plugin); self }
    pub fn run(self) -> std::process::ExitCode {
        let args: Vec<String> = std::env::args().skip(1).take_while(|arg| arg != "--config").collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        match args[..] {
            ["--version"] => println!(env!("CARGO_PKG_VERSION")),
            ["plugins", "--check"] => {}
            ["plugins", "--json"] => {
                let each = |make: fn(&takopi_api::Distribution) -> String| {
                    self.0.iter().map(|plugin| make(plugin)).collect::<Vec<_>>().join(",")
                };
                println!(
                    r#"{{"distributions":[{}],"groups":[{{"kind":"engine","backends":[{}]}}]}}"#,
                    each(|p| format!(r#"{{"name":"{}","version":"{}","origin":"bundle"}}"#, p.0, p.1)),
                    each(|p| format!(r#"{{"id":"x","distribution":"{}","version":"{}"}}"#, p.0, p.1)),
                );
            }
            _ => println!("ran {args:?}"),
        }
        std::process::ExitCode::SUCCESS
    }
}
"##;

/// A sandbox in which all that is published lies in a folder: the little takopi, and two engines, of which one is old.
fn vendored() -> Sandbox {
    let sandbox = sandbox();
    let published = |name: &str, version: &str, rest: &str, lib: &str| {
        let folder = format!("vendor/{name}-{version}");
        package(&sandbox, &folder, name, version, rest, lib);
        write(&sandbox, &format!("{folder}/.cargo-checksum.json"), "{\"files\":{}}");
        folder
    };
    for version in ["0.0.1", VERSION] {
        let links = "links = 'takopi-api'\nbuild = 'build.rs'\n";
        let folder = published(
            "takopi-api",
            version,
            links,
            "pub struct Distribution(pub &'static str, pub &'static str);",
        );
        write(&sandbox, &format!("{folder}/build.rs"), "fn main() {}");
    }
    let needs = |version: &str| format!("[dependencies]\ntakopi-api = '{version}'\n");
    published("takopi", VERSION, &needs(VERSION), LITTLE_TAKOPI);
    published("takopi-engine-zed", "1.2.3", &needs(VERSION), PLUGIN);
    published("takopi-engine-old", "0.9.0", &needs("=0.0.1"), PLUGIN);
    let settings = "[source.crates-io]\nreplace-with = 'here'\n[source.here]\ndirectory = 'vendor'\n";
    write(&sandbox, ".cargo/config.toml", settings);
    sandbox
}

#[track_caller]
fn fails(ended: &Ended, expected: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

#[test]
fn published_and_own_plugins_are_built_from_vendored_sources() {
    let sandbox = vendored();
    package(
        &sandbox,
        "mine",
        "my-plugin",
        "0.3.0",
        "[lib]\nname = 'other'\n[dependencies]\ntakopi-api = '*'\n",
        PLUGIN,
    );
    let args = [
        "build",
        "--offline",
        "--with",
        "takopi-engine-zed@1.2",
        "--with",
        "./mine",
        "--profile",
        "dev",
        "-o",
        "bin",
    ];
    let built = run(&sandbox, &args, &[]);
    assert_eq!(built.code, Some(0), "{built:?}");
    assert!(built.stdout.starts_with(&format!("bin: takopi {VERSION}, dev, ")), "{}", built.stdout);
    assert!(built.stdout.contains("\n  engine x (takopi-engine-zed 1.2.3)\n"), "{}", built.stdout);
    assert!(built.stderr.contains("Compiling my-plugin v0.3.0"), "{}", built.stderr);

    // The next build finds what the last one left.
    let again = run(&sandbox, &args, &[]);
    assert_eq!((again.code, again.stdout), (Some(0), built.stdout));
    assert!(!again.stderr.contains("Compiling"), "{}", again.stderr);
    let ok = format!("ok: bin has takopi {VERSION} and 2 plugins, as promised\n");
    assert_eq!(run(&sandbox, &["build", "check", "bin"], &[]).stdout, ok);
}

#[test]
fn in_the_folder_of_a_plugin_it_is_built_and_run() {
    let sandbox = vendored();
    package(&sandbox, ".", "my-plugin", "0.3.0", "[dependencies]\ntakopi-api = '*'\n", PLUGIN);
    let ran = run(&sandbox, &["build", "--offline", "--with", ".", "--run", "--", "chat", "--debug"], &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "ran [\"chat\", \"--debug\"]\n"), "{}", ran.stderr);
    assert!(!sandbox.work().join("takopi").exists());
}

#[test]
fn two_versions_of_the_api_are_told_in_one_sentence() {
    let sandbox = vendored();
    fs::write(sandbox.work().join("bin"), "the one before").unwrap();
    let old = run(&sandbox, &["build", "--offline", "--with", "takopi-engine-old", "-o", "bin"], &[]);
    fails(&old, "takopi-engine-old 0.9.0 needs takopi-api 0.0.1");
    fails(&old, &format!("takopi {VERSION} needs takopi-api {VERSION}"));
    fails(
        &old,
        ": one binary has one takopi-api\nhint: take a version of takopi-engine-old that needs the newer",
    );
    assert_eq!(fs::read_to_string(sandbox.work().join("bin")).unwrap(), "the one before");
}

#[test]
fn what_can_not_be_built_is_named() {
    let sandbox = vendored();
    let api = "[dependencies]\ntakopi-api = '*'\n";
    package(&sandbox, "bad", "my-bad", "0.1.0", api, "fn");
    package(&sandbox, "none", "my-none", "0.1.0", api, "");
    let with =
        |plugin: &str| run(&sandbox, &["build", "--offline", "--profile", "dev", "--with", plugin], &[]);
    fails(&with("./bad"), "error: `my-bad` does not compile\n");
    fails(&with("./none"), "error: `my_none` exports no TAKOPI_PLUGIN: it is no plugin of takopi\n");
    fails(&with("takopi-engine-zad"), "error: there is no package `takopi-engine-zad`\n");
    fails(
        &with("takopi-engine-zed@7"),
        "error: no version fits takopi-engine-zed = \"^7\": there is 1.2.3\n",
    );
    let feature = run(&sandbox, &["build", "--offline", "-F", "engine-none"], &[]);
    fails(&feature, "`takopi` has no feature `engine-none`");
}

#[test]
fn a_crate_to_keep_is_written_once_and_holds_its_binaries_to_it() {
    let sandbox = vendored();
    let new = ["build", "new", "own", "--with", "takopi-engine-zed@=1.2.3"];
    let written = run(&sandbox, &new, &[]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let again = run(&sandbox, &new, &[]);
    assert_eq!((again.code, again.stderr.lines().next()), (Some(2), Some("error: own is not empty")));

    let built = run(
        &sandbox,
        &["build", "--offline", "--profile", "dev", "--with", "takopi-engine-zed", "-o", "bin"],
        &[],
    );
    assert_eq!(built.code, Some(0), "{built:?}");
    let check = |manifest: &str| run(&sandbox, &["build", "check", "bin", "--manifest", manifest], &[]);
    assert_eq!(check("own").code, Some(0), "{:?}", check("own"));
    package(&sandbox, "mine", "my-plugin", "0.3.0", "", "");
    let other = run(&sandbox, &["build", "new", "other", "--with", "./mine", "--takopi", "9.9.9"], &[]);
    assert_eq!(other.code, Some(0), "{other:?}");
    assert!(
        fs::read_to_string(sandbox.work().join("other/Cargo.toml")).unwrap().contains("path = \"../mine\"")
    );
    let told = check("other");
    assert_eq!(told.code, Some(1));
    let expected = format!(
        "error: bin is not what other says\n  takopi: {VERSION} is in it, and =9.9.9 was asked for\n  my-plugin: not in it\n  \
         takopi-engine-zed 1.2.3: in it, and nobody asked for it\n"
    );
    assert_eq!(told.stderr, expected);
}

#[test]
fn without_cargo_it_says_how_to_get_it() {
    let sandbox = sandbox();
    let ended: Ended =
        sandbox.command(&["build", "--with", "x"]).env("PATH", "/nowhere").output().unwrap().into();
    fails(&ended, "error: there is no Cargo here");
    fails(&ended, "hint: install Rust 1.");
}

#[test]
fn a_configuration_says_what_to_build() {
    let sandbox = sandbox();
    sandbox.config("default_engine = 'acme'\n[transports.terminal]\n[projects.a]\npath = '/a'\ndefault_engine = 'acne'\n");
    let ended = sandbox.run(&["build", "from-config"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.stdout,
        "takopi build --no-default-features --features engine-acme,transport-terminal\n"
    );
    assert!(ended.stderr.contains("(projects.a.default_engine); did you mean `acme`?"), "{}", ended.stderr);
}

/// What is compiled goes where this test was compiled to: what both need is there already.
#[test]
fn the_real_takopi_is_built_with_a_plugin_of_a_folder() {
    const PLUGIN: &str = r#"
        use takopi_api::async_trait;
        use takopi_api::command::{CommandBackend, CommandContext};
        use takopi_api::error::Error;
        use takopi_api::message::OutgoingMessage;

        struct Hello;

        #[async_trait]
        impl CommandBackend for Hello {
            fn id(&self) -> &str { "hello" }
            fn description(&self) -> &str { "say hello" }
            async fn handle(&self, _: CommandContext) -> Result<Option<OutgoingMessage>, Error> { Ok(None) }
        }

        fn new() -> Hello { Hello }

        takopi_api::plugin! { command "hello" => new }
    "#;
    let sandbox = sandbox();
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    // The published API is asked for, as a plugin from elsewhere does; it gets that of the folder.
    let needs = format!("[dependencies]\ntakopi-api = '{VERSION}'\n");
    package(&sandbox, "mine", "my-plugin", "0.3.0", &needs, PLUGIN);
    let program = Path::new(env!("CARGO_BIN_EXE_takopi-all"));
    let target = program.parent().unwrap().parent().unwrap().to_str().unwrap();
    let args = [
        "build",
        "--takopi",
        workspace,
        "--no-default-features",
        "-F",
        "engine-acme",
        "--with",
        "./mine",
        "--offline",
        "--profile",
        "dev",
        "-o",
        "takopi",
    ];
    let built = run(&sandbox, &args, &[("CARGO_TARGET_DIR", target)]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    let backends =
        format!("\n  engine acme (takopi-engine-acme {VERSION})\n  command hello (my-plugin 0.3.0)\n");
    assert!(built.stdout.starts_with(&format!("takopi: takopi {VERSION}, dev, ")), "{}", built.stdout);
    assert!(built.stdout.ends_with(&backends), "{}", built.stdout);

    let own =
        Sandbox::new(sandbox.work().join("takopi").to_str().unwrap(), env!("CARGO_BIN_EXE_fake-engine"));
    let check = own.run(&["plugins", "--check"]);
    assert_eq!(check.stdout, "ok: 2 bundled, 2 linked, 2 backends\n");
    assert_eq!(own.run(&["plugins", "--load"]).code, Some(0));
    let answered = own.run(&["acme", "hello"]);
    assert_eq!(answered.code, Some(0), "{answered:?}");
}
