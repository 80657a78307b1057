/* Which code runs on registers of 256 bits: the processor decides when it runs. `-DPLAIN` builds without, for tests of the rest. */

#ifndef DATAPREP_WIDE_H
#define DATAPREP_WIDE_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(PLAIN)
#include <immintrin.h>
#define AVX2
#if defined(__gnu_linux__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef WIDE
#define WIDE
#endif

#endif
