// Present because Cargo honours `links` only for packages with a build script.
fn main() {
    // Without this it would run anew, and everything be compiled anew, after a change of any file of the package.
    println!("cargo::rerun-if-changed=build.rs");
}
