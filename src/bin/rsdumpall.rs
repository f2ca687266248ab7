//! The `rsdumpall` command; everything it does lives in the library.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
