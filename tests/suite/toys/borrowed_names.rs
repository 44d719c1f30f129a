/// What surrounds the cell has the names of its symbols.
#[allow(dead_code)]
const B: usize = 3;
/// A type that no value of the cell may be mistaken for.
#[allow(dead_code)]
#[derive(Debug)]
pub struct G;

cell! {
    /// Names that Rust, the surrounding code, the run-time library and the cell itself have for other things.
    pub cell Sweep {
        size   Element, T;
        input  x: [Element];
        param  Sweep: [T, Element];    S: [T, T];
        param  B, TAPE, None, Some, tile, rt, PROGRAM, SIMD: [T];

        G[t] = tanh(Sweep @ x[t] + S @ Simd[t-1] + B);
        Ok[t] = TAPE * G[t] + None * Ok[t-1] * tile;
        Simd[t] = Some * Ok[t] / (2 + G[t] * G[t]) + rt * PROGRAM * SIMD;
        output Simd;
    }
}
