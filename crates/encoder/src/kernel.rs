//! Which instructions compute.

use std::fmt;
use std::str::FromStr;

#[cfg(target_arch = "x86_64")]
use crate::cpu::{Amx, Avx2, Avx512, Avx512Vnni, AvxVnni, Isa};
use crate::error::EncoderError;

/// Which network computes, chosen when an encoder is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kernel {
    /// The fastest this machine can run.
    #[default]
    Auto,
    /// The reference, on any machine, in f32.
    Candle,
    /// Matrix tiles in bf16.
    AmxBf16,
    /// AVX-512 with products of 16-bit integers.
    Avx512Vnni,
    /// AVX-512 in f32.
    Avx512,
    /// AVX2 with products of 16-bit integers.
    AvxVnni,
    /// AVX2 and FMA in f32.
    Avx2,
}

impl Kernel {
    /// Every kernel but [`Kernel::Auto`], the fastest first.
    pub const ALL: [Self; 6] = [
        Self::AmxBf16,
        Self::Avx512Vnni,
        Self::Avx512,
        Self::AvxVnni,
        Self::Avx2,
        Self::Candle,
    ];

    /// Its name in settings, figures and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Candle => "candle",
            Self::AmxBf16 => "amx-bf16",
            Self::Avx512Vnni => "avx512-vnni",
            Self::Avx512 => "avx512",
            Self::AvxVnni => "avx-vnni",
            Self::Avx2 => "avx2",
        }
    }

    /// Whether this machine can run it.
    pub fn is_here(self) -> bool {
        match self {
            Self::Auto | Self::Candle => true,
            #[cfg(target_arch = "x86_64")]
            Self::AmxBf16 => Amx::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => Avx512Vnni::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => AvxVnni::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::detect().is_some(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kernel {
    type Err = EncoderError;

    fn from_str(name: &str) -> Result<Self, EncoderError> {
        let mut kernels = [Self::Auto].into_iter().chain(Self::ALL);
        kernels
            .find(|kernel| kernel.name() == name)
            .ok_or(EncoderError::BadSetting {
                setting: "kernel",
                problem: "must be auto, candle, amx-bf16, avx512-vnni, avx512, avx-vnni or avx2",
            })
    }
}
