//! Prints where the build put the generated header; `make header` copies it to `include/`.

fn main() {
    println!("{}", pointcard::HEADER_PATH);
}
