//! Paths of the programs that the tests start. `tools/env.sh` sets them in the environment.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// The path in the variable `name`.
pub fn tool(name: &str) -> PathBuf {
    let path = std::env::var_os(name).map(PathBuf::from);
    let path = path.unwrap_or_else(|| panic!("{name} is not set: run `make test`, or `source tools/env.sh` first"));
    assert!(path.exists(), "{name}: {} does not exist; `make test` installs and builds it", path.display());
    path
}

/// The root of the work tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file of the stack tests.
pub fn own_file(name: &str) -> PathBuf {
    root().join("tests/stack").join(name)
}

/// One of the scripts in `scripts/`, named without its extension.
pub fn script(name: &str) -> String {
    let path = own_file("scripts").join(format!("{name}.py"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A free loopback port.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Distinct free ports whose port 10,000 above is free too: SeaweedFS uses it for gRPC.
pub fn free_port_pairs<const N: usize>() -> [u16; N] {
    // Keep every port bound until the last is found.
    let mut held = Vec::new();
    [(); N].map(|()| {
        loop {
            let first = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = first.local_addr().unwrap().port();
            let second = port.checked_add(10_000).and_then(|port| TcpListener::bind(("127.0.0.1", port)).ok());
            let is_pair = second.is_some();
            held.push((first, second));
            if is_pair {
                return port;
            }
        }
    })
}
