//! Paths of the programs that the tests start. `tools/env.sh` sets them in the environment.

use std::fs::File;
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

/// A free loopback port. No other test gets it while this process lives.
pub fn free_port() -> u16 {
    reserve(&[0])
}

/// Distinct free ports whose port 10,000 above is free too: SeaweedFS uses it for gRPC.
pub fn free_port_pairs<const N: usize>() -> [u16; N] {
    [(); N].map(|()| reserve(&[0, GRPC_OFFSET]))
}

const GRPC_OFFSET: u16 = 10_000;

/// Below the ports that the kernel gives to outgoing connections (32,768 and above), also with [`GRPC_OFFSET`] added. A
/// port from the kernel's range can be taken between this choice and the start of the program.
const PORTS: std::ops::Range<u16> = 10_000..20_000;

/// Reserves a port, and those at `offsets` from it, by file locks that the test programs of this machine share.
fn reserve(offsets: &[u16]) -> u16 {
    let folder = std::env::temp_dir().join("partwright-test-ports");
    std::fs::create_dir_all(&folder).unwrap();
    let take = |port: u16| {
        let file = File::create(folder.join(port.to_string())).unwrap();
        let is_free = file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok();
        is_free.then_some(file)
    };
    let first = PORTS.start + u16::try_from(std::process::id() % u32::from(PORTS.end - PORTS.start)).unwrap();
    for port in (first..PORTS.end).chain(PORTS.start..first) {
        if let Some(locks) = offsets.iter().map(|offset| take(port + offset)).collect::<Option<Vec<_>>>() {
            // The locks last as long as this process.
            std::mem::forget(locks);
            return port;
        }
    }
    panic!("no port from {} to {} is free", PORTS.start, PORTS.end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_is_not_given_twice() {
        let pairs: [u16; 20] = free_port_pairs();
        let mut ports: Vec<u16> = pairs.iter().flat_map(|port| [*port, port + GRPC_OFFSET]).collect();
        ports.extend((0..20).map(|_| free_port()));
        let count = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), count);
    }
}
