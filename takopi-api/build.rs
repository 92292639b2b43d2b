// Present because Cargo honours `links` only for packages with a build script.
fn main() {}
