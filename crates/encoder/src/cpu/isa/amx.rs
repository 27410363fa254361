//! AMX tiles in bf16: one instruction multiplies 16 × 32 by 32 × 16.
//!
//! The instructions have no stable intrinsics, so they are written as assembly. **Source**: Intel 64 and IA-32
//! Architectures Software Developer's Manual, volume 1 chapter 18 and volume 2, `TDPBF16PS`, `LDTILECFG`.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _mm512_set1_ps};

use super::bf16::{self, interleave, store, transpose};
use super::vector::V512;
use super::{Isa, Panel, Part, Rows, Tile, sixteen};
use crate::cpu::element::Bf16;
use crate::kernel::Kernel;

/// A processor with AMX-BF16, Intel since Sapphire Rapids, on a Linux that lets this process use the tiles.
#[derive(Clone, Copy)]
pub(crate) struct Amx(());

/// Rows of one tile register.
const TILE_ROWS: usize = 16;
/// What each step asks for of what is read next: four cache lines, which the way from memory keeps up with. **Units**:
/// elements.
const FETCHED: usize = 4 * 64 / size_of::<Bf16>();
/// **Units**: bytes of a row of one tile register: 32 bf16 or 16 f32.
const TILE_BYTES: usize = 64;

impl Isa for Amx {
    const KERNEL: Kernel = Kernel::AmxBf16;
    /// Two tile registers down and two across: four sums, each loaded tile is used twice.
    const ROWS: usize = 2 * TILE_ROWS;
    const GRAIN: usize = TILE_ROWS;
    const PANEL: usize = 32;
    const STEP: usize = 32;
    const CHUNK_TOKENS: usize = 256;
    type Element = Bf16;
    type Vector = V512;
    type Attention = Self;

    fn detect() -> Option<Self> {
        let has_tiles = cfg!(feature = "emulated-tiles") || (has_tiles() && may_use_tiles());
        (bf16::is_here() && has_tiles).then_some(Self(()))
    }

    fn attention(self) -> Self {
        self
    }

    fn vectorize<R>(self, work: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
        fn inner<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        let _tiles = Tiles::configure(self);
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { inner(work) }
    }

    #[inline(always)]
    fn tile(
        self,
        rows: Rows<'_, Bf16>,
        panel: Panel<'_, Bf16>,
        depth: usize,
        out: Tile<'_>,
        meanwhile: impl FnMut(Part),
    ) {
        assert!(depth.is_multiple_of(Self::STEP) && depth > 0 && panel.values.len() >= depth * Self::PANEL);
        if rows.count > TILE_ROWS {
            rows.assert_holds(2 * TILE_ROWS, depth);
            out.assert_holds(2 * TILE_ROWS, Self::PANEL);
            // SAFETY: `self` exists, tiles are configured inside `vectorize`, and the asserts.
            unsafe { two_by_two(&rows, &panel, depth, out, meanwhile) }
        } else {
            rows.assert_holds(TILE_ROWS, depth);
            out.assert_holds(TILE_ROWS, Self::PANEL);
            // SAFETY: `self` exists, tiles are configured inside `vectorize`, and the asserts.
            unsafe { one_by_two(&rows, &panel, depth, out, meanwhile) }
        }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> V512 {
        // SAFETY: `self` exists, so the processor has the features.
        V512(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    fn store(self, values: V512, elements: &mut [Bf16]) {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { store(values, elements) }
    }

    #[inline(always)]
    fn interleave<'a>(self, row: impl Fn(usize) -> &'a [Bf16], places: &mut [Bf16]) {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { interleave([row(0), row(1)], places) }
    }

    #[inline(always)]
    fn transpose<'a>(self, row: impl Fn(usize) -> &'a [Bf16], places: &mut [Bf16], stride: usize) {
        // SAFETY: `self` exists, so the processor has the features.
        unsafe { transpose(sixteen(row), places, stride) }
    }

    #[inline(always)]
    fn exhaust(self, rounds: u64) -> u64 {
        const OPERATIONS: u64 = 4 * 2 * (TILE_ROWS * TILE_ROWS * 32) as u64;
        // SAFETY: `self` exists and tiles are configured inside `vectorize`; registers alone are touched.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "tilezero tmm4",
                "tilezero tmm6",
                "2:",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm6",
                "tdpbf16ps tmm2, tmm4, tmm6",
                "tdpbf16ps tmm3, tmm4, tmm6",
                "dec {rounds}",
                "jnz 2b",
                rounds = inout(reg) rounds.max(1) => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm6") _,
                options(nostack, nomem),
            );
        }
        rounds.max(1) * OPERATIONS
    }
}

// The sums stay in tile registers from one block of assembly to the next. The compiler knows these registers by our
// blocks alone and puts nothing into them, so that nothing in between, which runs on vector registers, changes them.
// That is the point of it: the tiles' unit multiplies while the other units do what is to be done meanwhile.

/// 32 rows times 32 columns.
///
/// # Safety
/// Tiles are configured; `rows` and `out` hold 32 rows, `panel` 32 columns of `depth`, a positive multiple of 32.
#[inline(always)]
unsafe fn two_by_two(
    rows: &Rows<'_, Bf16>,
    panel: &Panel<'_, Bf16>,
    depth: usize,
    out: Tile<'_>,
    mut meanwhile: impl FnMut(Part),
) {
    let (row_bytes, out_bytes) = (rows.stride * size_of::<Bf16>(), out.stride * size_of::<f32>());
    let (upper, sums) = (rows.values.as_ptr(), out.values.as_mut_ptr());
    let steps = depth / Amx::STEP;
    // SAFETY: by the caller; each step reads 32 values of every row and 16 groups of the panel.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            options(nostack, nomem),
        );
        for step in 0..steps {
            asm!(
                "tileloaddt1 tmm4, [{upper} + {row_bytes}]",
                "tileloadd tmm6, [{panel} + {panel_bytes}]",
                "prefetcht1 [{next}]",
                "prefetcht1 [{next} + 64]",
                "prefetcht1 [{next} + 128]",
                "prefetcht1 [{next} + 192]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{panel} + {panel_bytes} + 64]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloaddt1 tmm5, [{lower} + {row_bytes}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                upper = in(reg) upper.add(step * Amx::STEP),
                lower = in(reg) upper.add(TILE_ROWS * rows.stride + step * Amx::STEP),
                panel = in(reg) panel.values.as_ptr().add(step * Amx::STEP * Amx::PANEL),
                next = in(reg) panel.next.wrapping_add(step * FETCHED),
                row_bytes = in(reg) row_bytes,
                panel_bytes = in(reg) 2 * TILE_BYTES,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack, readonly),
            );
            meanwhile(Part { index: step, of: steps });
        }
        asm!(
            "tilestored [{sums} + {out_bytes}], tmm0",
            "tilestored [{sums} + {out_bytes} + 64], tmm1",
            "tilestored [{sums_lower} + {out_bytes}], tmm2",
            "tilestored [{sums_lower} + {out_bytes} + 64], tmm3",
            sums = in(reg) sums,
            sums_lower = in(reg) sums.add(TILE_ROWS * out.stride),
            out_bytes = in(reg) out_bytes,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            options(nostack),
        );
    }
}

/// 16 rows times 32 columns.
///
/// # Safety
/// Tiles are configured; `rows` and `out` hold 16 rows, `panel` 32 columns of `depth`, a positive multiple of 32.
#[inline(always)]
unsafe fn one_by_two(
    rows: &Rows<'_, Bf16>,
    panel: &Panel<'_, Bf16>,
    depth: usize,
    out: Tile<'_>,
    mut meanwhile: impl FnMut(Part),
) {
    let (row_bytes, out_bytes) = (rows.stride * size_of::<Bf16>(), out.stride * size_of::<f32>());
    let steps = depth / Amx::STEP;
    // SAFETY: by the caller; each step reads 32 values of every row and 16 groups of the panel.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            out("tmm0") _, out("tmm1") _,
            options(nostack, nomem),
        );
        for step in 0..steps {
            asm!(
                "tileloadd tmm4, [{rows} + {row_bytes}]",
                "tileloadd tmm6, [{panel} + {panel_bytes}]",
                "prefetcht1 [{next}]",
                "prefetcht1 [{next} + 64]",
                "prefetcht1 [{next} + 128]",
                "prefetcht1 [{next} + 192]",
                "tileloadd tmm7, [{panel} + {panel_bytes} + 64]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                rows = in(reg) rows.values.as_ptr().add(step * Amx::STEP),
                panel = in(reg) panel.values.as_ptr().add(step * Amx::STEP * Amx::PANEL),
                next = in(reg) panel.next.wrapping_add(step * FETCHED),
                row_bytes = in(reg) row_bytes,
                panel_bytes = in(reg) 2 * TILE_BYTES,
                out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                options(nostack, readonly),
            );
            meanwhile(Part { index: step, of: steps });
        }
        asm!(
            "tilestored [{sums} + {out_bytes}], tmm0",
            "tilestored [{sums} + {out_bytes} + 64], tmm1",
            sums = in(reg) out.values.as_mut_ptr(),
            out_bytes = in(reg) out_bytes,
            out("tmm0") _, out("tmm1") _,
            options(nostack),
        );
    }
}

/// What `LDTILECFG` reads: palette 1, all eight tile registers whole.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static WHOLE_TILES: TileConfig = {
    let (mut row_bytes, mut rows) = ([0; 16], [0; 16]);
    let mut tile = 0;
    while tile < 8 {
        row_bytes[tile] = TILE_BYTES as u16;
        rows[tile] = TILE_ROWS as u8;
        tile += 1;
    }
    TileConfig {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        row_bytes,
        rows,
    }
};

/// This thread's tile registers while they are configured.
struct Tiles(());

impl Tiles {
    fn configure(_: Amx) -> Self {
        // SAFETY: an `Amx` exists, so the processor has tiles and the system lets us use them.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const WHOLE_TILES, options(nostack, readonly)) };
        Self(())
    }
}

/// Released tiles need not be saved when the system switches threads.
impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: configured, so the processor has tiles; nobody keeps anything in them.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// Leaf 7: bit 22 of EDX is AMX-BF16, bit 24 AMX-TILE.
fn has_tiles() -> bool {
    const NEEDED: u32 = 1 << 22 | 1 << 24;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & NEEDED == NEEDED
}

/// Asks Linux for the tile registers, which it gives a process once and for all its threads.
///
/// **Source**: Linux `Documentation/arch/x86/xstate.rst`.
#[cfg(target_os = "linux")]
fn may_use_tiles() -> bool {
    const ARCH_PRCTL: usize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    let result: isize;
    // SAFETY: this call touches no memory; the system clobbers only rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn may_use_tiles() -> bool {
    false
}
